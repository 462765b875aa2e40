/** What can happen to a pool; see {@linkcode ExecutorEventMap}. */
export type ExecutorEventType =
  | "workerstart"
  | "workerretire"
  | "workererror"
  | "workercrash"
  | "workerstuck"
  | "workerback"
  | "queuefull";

/** Something has happened to a pool that its operator may want to know. */
export class ExecutorEvent extends Event {
  /** The pool that it happened to. */
  readonly pool: "blocking" | "cpu";
  /** Which of the pool's workers, counted from 1 as they are started; 0 if it is none of them. */
  readonly worker: number;
  /** Why, as far as that is known. */
  readonly cause: unknown;

  /**
   * Makes an event; an executor does.
   *
   * @param type What has happened.
   * @param pool The pool.
   * @param worker The number of the worker.
   * @param cause Why.
   */
  constructor(type: ExecutorEventType, pool: "blocking" | "cpu", worker: number, cause?: unknown) {
    super(type);
    this.pool = pool;
    this.worker = worker;
    this.cause = cause;
  }
}

/** The events of an executor. They come in a microtask, when what they tell of is done. */
export interface ExecutorEventMap {
  /** A worker takes tasks. */
  workerstart: ExecutorEvent;
  /** A worker was ended: it was idle for long, or older than a task's module, or all are. */
  workerretire: ExecutorEvent;
  /** A worker could not be started; `cause` says why. It is tried again when it is needed. */
  workererror: ExecutorEvent;
  /** A worker ended without being told to; `cause` says of what. Another one takes its place. */
  workercrash: ExecutorEvent;
  /** A worker was given up: it did not end its aborted task, or did not begin one. */
  workerstuck: ExecutorEvent;
  /** A worker that was given up has ended, and burns its core no more. */
  workerback: ExecutorEvent;
  /** A task was refused as `maxQueue` wait; once until one is accepted again. */
  queuefull: ExecutorEvent;
}
