import type { Start } from "./contender.ts";

/** The number of tasks in a message. */
const SIZE = Number(new URL(import.meta.url).searchParams.get("size") ?? 512);

/**
 * Bare Web Workers and batches written by hand for one task that takes little: each batch is
 * sent at once to the next worker in turn. No pool can know that it may do so.
 */
export const start: Start = async (count) => {
  const workers = await Promise.all(Array.from({ length: count }, startWorker));
  let task = "";
  let args: unknown[] = [];
  let waiting: ((value: unknown) => void)[] = [];
  let next = 0;
  const flush = () => {
    if (args.length === 0) return;
    workers[next++ % count]!.send([task, args], waiting);
    args = [];
    waiting = [];
  };
  return {
    run: (name, arg) =>
      new Promise((resolve) => {
        if (name !== task) flush();
        task = name;
        if (args.length === 0) queueMicrotask(flush);
        args.push(arg);
        waiting.push(resolve);
        if (args.length === SIZE) flush();
      }),
    end: () => workers.forEach((worker) => worker.end()),
  };
};

/** Starts a worker; resolves when it takes tasks. */
function startWorker() {
  const { promise, resolve } = Promise.withResolvers<ReturnType<typeof channel>>();
  const worker = new Worker(import.meta.resolve("./batches_worker.ts"), { type: "module" });
  worker.onmessage = () => resolve(channel(worker));
  return promise;
}

function channel(worker: Worker) {
  const sent: ((value: unknown) => void)[][] = [];
  worker.onmessage = ({ data }) => {
    const waiting = sent.shift()!;
    for (let i = 0; i < waiting.length; i++) waiting[i]!(data[i]);
  };
  return {
    send: (batch: unknown, waiting: ((value: unknown) => void)[]) => {
      sent.push(waiting);
      worker.postMessage(batch);
    },
    end: () => worker.terminate(),
  };
}
