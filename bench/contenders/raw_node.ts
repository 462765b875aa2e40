import { Worker } from "node:worker_threads";
import type { Start } from "./contender.ts";

/** How many workers, if not as many as are asked for. */
const fixed = new URL(import.meta.url).searchParams.get("workers");

/** The same least code on Node's own workers; see raw.ts. */
export const start: Start = async (wanted) => {
  const count = Number(fixed ?? wanted);
  const workers = await Promise.all(Array.from({ length: count }, startWorker));
  let next = 0;
  return {
    run: (task, arg) => workers[next++ % count]!.send([task, arg]),
    move: (bytes) => workers[next++ % count]!.send(["move", bytes], [bytes.buffer]),
    end: () => Promise.all(workers.map((worker) => worker.end())).then(() => {}),
  };
};

/** Starts a worker; resolves when it takes tasks. */
function startWorker() {
  const { promise, resolve } = Promise.withResolvers<ReturnType<typeof channel>>();
  const worker = new Worker(new URL("./raw_node_worker.ts", import.meta.url));
  worker.once("message", () => resolve(channel(worker)));
  return promise;
}

function channel(worker: Worker) {
  let waiting: ((value: unknown) => void)[] = [];
  let first = 0;
  worker.on("message", (data) => {
    waiting[first++]!(data);
    if (first === waiting.length) {
      waiting = [];
      first = 0;
    }
  });
  return {
    send: (message: unknown, transfer: ArrayBuffer[] = []) =>
      // deno-lint-ignore no-explicit-any -- what a task returns
      new Promise<any>((resolve) => {
        waiting.push(resolve);
        worker.postMessage(message, transfer);
      }),
    end: () => worker.terminate(),
  };
}
