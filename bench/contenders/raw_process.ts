import { fork } from "node:child_process";
import type { Start } from "./contender.ts";

/** Forked processes and the least code: a message a task, with values in V8's format. */
export const start: Start = async (count) => {
  const processes = await Promise.all(Array.from({ length: count }, startProcess));
  let next = 0;
  return {
    run: (task, arg) => processes[next++ % count]!.send([task, arg]),
    end: () => processes.forEach((process) => process.end()),
  };
};

/** Starts a process; resolves when it takes tasks. */
function startProcess() {
  const { promise, resolve } = Promise.withResolvers<ReturnType<typeof channel>>();
  const process = fork(new URL("./raw_process_main.ts", import.meta.url), {
    serialization: "advanced",
  });
  process.once("message", () => resolve(channel(process)));
  return promise;
}

function channel(process: ReturnType<typeof fork>) {
  let waiting: ((value: unknown) => void)[] = [];
  let first = 0;
  process.on("message", (data) => {
    waiting[first++]!(data);
    if (first === waiting.length) {
      waiting = [];
      first = 0;
    }
  });
  return {
    // deno-lint-ignore no-explicit-any -- what a task returns
    send: (message: [task: string, arg: any]) =>
      new Promise<unknown>((resolve) => {
        waiting.push(resolve);
        process.send(message);
      }),
    end: () => void process.kill("SIGKILL"),
  };
}
