/** A pool's own way to call the functions of tasks.ts. */
export interface Contender {
  /** Calls the function `task` in a worker, with a copy of the argument. */
  run(task: TaskName, arg: unknown): Promise<unknown>;
  /** Calls `echo` with bytes that are moved there and back; missing where bytes cannot be moved. */
  move?(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array>;
  /** The same calls with a time limit for each; missing where there is none. */
  limited?(ms: number): Pick<Contender, "run">;
  /** The same calls, which this signal aborts; missing where none can be aborted. */
  abortable?(signal: AbortSignal): Pick<Contender, "run">;
  /** The results of `echo` for each item; missing where there is no map. */
  map?(items: Iterable<number> | AsyncIterable<number>, ordered: boolean): AsyncIterable<unknown>;
  /** The values that a generator of streams.ts yields; missing where nothing streams. */
  stream?(kind: StreamName, count: number): AsyncIterable<unknown>;
  /** Has a task tell of each step, or of each hundred; missing where a task can tell nothing. */
  progress?(count: number, each: number, listener: (value: unknown) => void): Promise<unknown>;
  /** Ends its workers. */
  end(): Promise<void> | void;
}

/** The names of the functions of tasks.ts. */
export type TaskName = keyof typeof import("../tasks.ts");

/** The names of the generators of streams.ts. */
export type StreamName = "numbers" | "objects" | "batches";

/** How a pool is to be started, apart from the defaults. */
export interface Settings {
  /** Whether all workers are to be up. */
  readonly full?: boolean;
  /** How many tasks may wait. */
  readonly maxQueue?: number;
  /** Whether the tasks are blocking calls, where a pool makes a difference. */
  readonly blocking?: boolean;
}

/**
 * The function `start` of each module of this folder: starts a pool of up to that many workers; resolves when
 * the pool takes tasks.
 */
export type Start = (workers: number, settings?: Settings) => Promise<Contender>;
