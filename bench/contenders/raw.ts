import type { Start } from "./contender.ts";

/** How many workers, if not as many as are asked for. */
const fixed = new URL(import.meta.url).searchParams.get("workers");

/**
 * Bare Web Workers and the least code: a message a task, each sent at once to the next worker
 * in turn. What a worker answers comes in order, so it needs no number.
 */
export const start: Start = async (wanted) => {
  const count = Number(fixed ?? wanted);
  const workers = await Promise.all(Array.from({ length: count }, startWorker));
  let next = 0;
  return {
    run: (task, arg) => workers[next++ % count]!.send([task, arg]),
    move: (bytes) => workers[next++ % count]!.send(["move", bytes], [bytes.buffer]),
    end: () => workers.forEach((worker) => worker.end()),
  };
};

/** Starts a worker; resolves when it takes tasks. */
function startWorker() {
  const { promise, resolve } = Promise.withResolvers<ReturnType<typeof channel>>();
  const worker = new Worker(import.meta.resolve("./raw_worker.ts"), { type: "module" });
  worker.onmessage = () => resolve(channel(worker));
  return promise;
}

function channel(worker: Worker) {
  let waiting: ((value: unknown) => void)[] = [];
  let first = 0;
  worker.onmessage = ({ data }) => {
    waiting[first++]!(data);
    if (first === waiting.length) {
      waiting = [];
      first = 0;
    }
  };
  return {
    send: (message: unknown, transfer?: Transferable[]) =>
      // deno-lint-ignore no-explicit-any -- what a task returns
      new Promise<any>((resolve) => {
        waiting.push(resolve);
        if (transfer === undefined) worker.postMessage(message);
        else worker.postMessage(message, transfer);
      }),
    end: () => worker.terminate(),
  };
}
