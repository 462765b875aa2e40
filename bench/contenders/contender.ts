/** What the benchmark asks of each pool: its own way to call one of the functions of tasks.ts. */
export interface Contender {
  /** Calls the exported function of that name in a worker, with a copy of the argument. */
  run(task: TaskName, arg: unknown): Promise<unknown>;
  /** Calls `echo` with a megabyte that is moved there and back; missing where that is not possible. */
  move?(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array>;
  /** Ends its workers. */
  end(): Promise<void> | void;
}

/** The names of the functions of tasks.ts. */
export type TaskName = keyof typeof import("../tasks.ts");

/**
 * What each module of this folder exports: starts a pool of up to that many workers, with all
 * of them up if it is to be `full`, and else as it does by default.
 */
export type Start = (workers: number, full?: boolean) => Promise<Contender>;
