import { spawnServer, type StartServer } from "./server.ts";

/** Whether the work is to be done on the event loop. */
const onEventLoop = new URL(import.meta.url).searchParams.has("event-loop");

/** The example server of this repository. */
export const start: StartServer = (database) =>
  spawnServer(Deno.execPath(), [
    "run",
    "--allow-all",
    "--no-prompt",
    "--unstable-no-legacy-abort",
    import.meta.resolve("../../examples/server.ts"),
    ...onEventLoop ? ["--on-event-loop"] : [],
  ], { PORT: "0", DATABASE: database });
