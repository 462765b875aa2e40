import type { AsyncContext } from "../runtime/async_context.ts";
import type { HostLedger } from "../wire/host_ledger.ts";
import type { ToWorker } from "../wire/protocol.ts";
import type { ProcessEnd } from "./process_end.ts";

/** A worker, a process or this thread, as its member talks to the backend. */
export interface Backend {
  /** What has become of the runs sent to the backend. */
  readonly ledger: HostLedger;
  /** Whether the backend takes more tasks while a task runs. */
  readonly queues: boolean;
  /** Whether the backend may be sent tasks ahead now; those with objects only if it queues. */
  readonly looksAhead: boolean;
  /**
   * Whether the ledger knows at any time what has begun. If not, the ledger knows when the backend has
   * ended: what a process has written may still have to be read.
   */
  readonly knowsBegun: boolean;
  /** How many of `modules` the backend knows, from the first. */
  readonly listed: number;
  /** Copies a value as `post()` does, with the same errors. */
  readonly clone: (value: unknown) => unknown;
  /**
   * Sends a message; throws the errors of structured clone.
   *
   * @param context The async context for a task in this thread.
   */
  post(message: ToWorker, transfer?: Transferable[], context?: AsyncContext): void;
  /**
   * Asks for the runs up to this run that have not begun; `false` if nobody has to be asked, as the
   * ledger says what has begun.
   */
  askBack(last: number): boolean;
  /** Says whether the backend has a task, and so keeps the program alive. */
  engage(engaged: boolean): void;
  /**
   * Ends the backend: now, or when code that cannot be stopped has returned.
   *
   * @param busy Whether a task may be running.
   */
  terminate(busy: boolean): void;
  /**
   * Ends a backend without a task, after the work that its tasks have left under way.
   *
   * @returns For how many ms at most the work may go on.
   */
  retire(): number;
  /** Resolves when the backend has ended. */
  readonly gone: Promise<void>;
}

/** What a backend tells its member. */
export interface BackendEvents {
  /** A message has arrived. Its content may be anything. */
  onMessage(message: unknown): void;
  /**
   * The answer to `askBack()`: the backend begins none of the runs that it was asked for, except those
   * that the ledger says have begun.
   */
  onGivenBack(): void;
  /** The backend takes no more tasks. Earlier messages still arrive. */
  onDying(): void;
  /** The backend has ended: `message` is the reason that Deno gives, `end` the end of a process. */
  onEnd(message: string | undefined, end?: ProcessEnd): void;
}
