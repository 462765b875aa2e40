import { Worker } from "node:worker_threads";
import type { StartCrew } from "./crew.ts";

/** Node's workers written by hand; see by_hand.ts. */
export const start: StartCrew = async (count) => {
  const workers = await Promise.all(Array.from({ length: count }, startWorker));
  let next = 0;
  return {
    run: (job, input) => workers[next++ % count]!.send([job, input]),
    end: () => Promise.all(workers.map((worker) => worker.end())),
  };
};

function startWorker() {
  const { promise, resolve } = Promise.withResolvers<ReturnType<typeof channel>>();
  const worker = new Worker(new URL("./by_hand_node_worker.ts", import.meta.url));
  worker.once("message", () => resolve(channel(worker)));
  return promise;
}

function channel(worker: Worker) {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let last = 0;
  worker.on("message", ([id, result, error]) => {
    const { resolve, reject } = waiting.get(id)!;
    waiting.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(error));
  });
  return {
    send: (message: unknown[]) => {
      const deferred = Promise.withResolvers<unknown>();
      waiting.set(++last, deferred);
      worker.postMessage([last, ...message]);
      return deferred.promise;
    },
    end: () => worker.terminate(),
  };
}
