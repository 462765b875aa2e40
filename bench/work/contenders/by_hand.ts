import type { StartCrew } from "./crew.ts";

/** Web Workers written by hand: a message a task, to the workers in turn. */
export const start: StartCrew = async (count) => {
  const workers = await Promise.all(Array.from({ length: count }, startWorker));
  let next = 0;
  return {
    run: (job, input) => workers[next++ % count]!.send([job, input]),
    end: () => workers.forEach((worker) => worker.end()),
  };
};

function startWorker() {
  const { promise, resolve } = Promise.withResolvers<ReturnType<typeof channel>>();
  const worker = new Worker(import.meta.resolve("./by_hand_worker.ts"), { type: "module" });
  worker.onmessage = () => resolve(channel(worker));
  return promise;
}

function channel(worker: Worker) {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let last = 0;
  worker.onmessage = ({ data: [id, result, error] }) => {
    const { resolve, reject } = waiting.get(id)!;
    waiting.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(error));
  };
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
