import { transfer, wrap } from "npm:comlink@4.4.2";
import type { Start } from "./contender.ts";

/** Comlink's proxy of a Web Worker's functions: ONE worker, however many are asked for. */
export const start: Start = async () => {
  const worker = new Worker(import.meta.resolve("./comlink_worker.ts"), { type: "module" });
  const remote = wrap<typeof import("./comlink_worker.ts").exposed>(worker);
  // Waits until it is up.
  await remote.echo(0);
  return {
    run: (task, arg) => remote[task](arg as number),
    move: (bytes) => remote.move(transfer(bytes, [bytes.buffer])),
    end: () => worker.terminate(),
  };
};
