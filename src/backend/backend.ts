import type { AsyncContext } from "../runtime/async_context.ts";
import type { Ledger } from "../wire/ledger.ts";
import type { ToWorker } from "../wire/protocol.ts";
import type { ProcessEnd } from "./process_end.ts";

/** Something that serves tasks beside the event loop; a member's other end. */
export interface Backend {
  /** What both sides share. */
  readonly ledger: Ledger;
  /** Whether it can be sent more while it runs a task. */
  readonly queues: boolean;
  /** How many of `modules` it can run tasks of. */
  readonly listed: number;
  /** Copies a value as sending it would; throws what that throws. */
  readonly clone: (value: unknown) => unknown;
  /**
   * Sends a message; throws what structured clone throws.
   *
   * @param context Where a task runs that is run in this thread.
   */
  post(message: ToWorker, transfer?: Transferable[], context?: AsyncContext): void;
  /** Says whether it has a task: then it keeps the process alive. */
  engage(engaged: boolean): void;
  /**
   * Ends it: now, or as soon as what cannot be stopped returns.
   *
   * @param busy Whether it may be running a task.
   */
  terminate(busy: boolean): void;
  /**
   * Ends it, as it has no task, when what its tasks have left under way is done. It does not wait
   * for long; returns for how many ms at most.
   */
  retire(): number;
  /** Resolves when it has ended. */
  readonly gone: Promise<void>;
}

/** What a backend tells its member. */
export interface BackendEvents {
  /** A message has arrived, which may be anything. */
  onMessage(message: unknown): void;
  /** It is dying: it takes no more tasks, but what it had sent still arrives. */
  onDying(): void;
  /** It is gone; `message` is what Deno said about it, `end` how a process has ended. */
  onEnd(message: string | undefined, end?: ProcessEnd): void;
}
