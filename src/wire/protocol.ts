/**
 * The messages between the host (the rooms `member` and `backend`) and the code beside the tasks
 * (`worker`). Messages of one direction arrive in the order in which they were sent. Shared memory
 * does the rest: see ledger.ts. A process shares no memory, so some messages are for processes
 * only.
 *
 * A message is a list that begins with its kind, as a list costs less than an object. A message
 * with nothing to say is a number, which costs even less.
 *
 * A **run** is one call of a task, by a number that both sides know. The **id of a task** stands
 * for the address of the task's function.
 */

import type { MessagePort } from "node:worker_threads";
import type { Thrown } from "./thrown.ts";
import type { CarriedErrors } from "./values/carried_errors.ts";
import type { EndState, MovedEnd } from "./values/moved_ends.ts";

/** The version of this package: both sides must be of the same version. */
export const VERSION = "0.1.0";

/** An export of a module: the URL of the module, and the names that lead to the export. */
export interface ModuleAddress {
  readonly url: string;
  readonly path: readonly string[];
}

/** A function that is sent by its source. */
export interface SourceAddress {
  readonly source: string;
  readonly name: string;
  /** The name that stack traces give to the file of the function. */
  readonly file: string;
}

/** Where a worker finds a function. */
export type TaskAddress = ModuleAddress | SourceAddress;

/** Whether a task is an export of a module, and not a function that is sent by its source. */
export function isOfModule(address: TaskAddress): address is ModuleAddress {
  return Object.hasOwn(address, "url");
}

/** How a task runs, if not as usual. */
export interface Manner {
  /** Whether the caller reads the values that the task yields. */
  readonly streams: boolean;
  /** The streams and ports among the arguments. */
  readonly moved?: readonly MovedEnd[];
  /** The indexes of the arguments that are each a `Buffer`. */
  readonly buffers: readonly number[] | undefined;
}

/** Marks a value as a `Buffer`, which structured clone makes a `Uint8Array`. */
export const BUFFER = 1;

/** What a value in a message needs beyond structured clone. */
export type Extra = readonly MovedEnd[] | typeof BUFFER | CarriedErrors;

/** The first message to a worker, before all others and of no kind. A process gets none. */
export interface Setup {
  /** The memory of the ledger, which both sides share. */
  readonly memory: ArrayBufferLike;
}

// From the host.

/**
 * Run tasks, one after the other. Sent by `flush()` of a member, with one job or with many short
 * jobs ahead. The worker runs the calls in their order; calls.ts lays out and reads the message.
 */
export const RUN = 0;

/**
 * The id of a task stands for this address from now on. Sent before the first run of the task. The
 * worker keeps the address, and finds the function when the task first runs.
 */
export const LEARN = 1;

/**
 * The caller of a run has given up, for this reason. Sent if the run was not dropped in the ledger.
 * If the run is under way, the worker aborts the signal of the run, and ends its stream.
 */
export const ABORT = 2;

/**
 * Forget all addresses. Sent to a worker without runs that has {@linkcode MAX_ADDRESSES}. The host
 * sends each address anew that it needs.
 */
export const FORGET = 3;

/**
 * Run one task in a manner of its own: like {@linkcode RUN}, with a {@linkcode Manner} before the
 * only call. Sent for a stream, arguments with streams or ports, and a `Buffer`.
 */
export const ALONE = 4;

/**
 * The reader of a run's stream has taken values. The worker may send so many more, and so many of
 * these in messages: at first, {@linkcode WINDOW} values may be on their way, and never more than
 * {@linkcode WINDOW} in messages. To a reader that keeps up, the host allows more small values.
 */
export const PULL = 5;

/**
 * Brings a worker the other end of its lifeline, as soon as the host can make one. The worker does
 * nothing: the port closes when the worker is gone, and so the host learns of the end.
 */
export const LIFELINE = 6;

/**
 * The answer to {@linkcode SHARED}: the host has taken back all runs that the worker has not begun.
 * The worker leaves out the rest of its messages with runs, and waits for new ones.
 */
export const TAKEN_BACK = 7;

/**
 * The same as {@linkcode RUN}, but several of the calls have objects. The clone of a message keeps
 * an object that two calls share as a single object. So the worker looks for such objects before it
 * begins the first call, and answers {@linkcode SHARED} if there may be some.
 */
export const RUN_TOGETHER = 8;

/**
 * Load the module at this URL. Sent to a worker without runs, before the first task of the module.
 * The worker answers {@linkcode LOADED} or {@linkcode UNLOADABLE}.
 */
export const LOAD = 9;

/**
 * End when the work is done that tasks have left under way. Sent to an idle process when the pool
 * shrinks or shuts down; a process that goes on for long is killed. A worker is terminated instead.
 */
export const RETIRE = 10;

/**
 * End as soon as that is safe. Sent to a worker that may be running native code, when the worker is
 * to be terminated. The worker ends at once if no task runs or no native code was loaded; else it
 * answers {@linkcode OUTLIVES}, and ends when its task returns. The two words of the state, one of
 * the worker and one of the host, are for the end of the program, when no message is heard any
 * more.
 */
export const END = 11;
/** The worker's word: nothing yet; the worker ends; the worker stands still. */
export const UNHEARD = 0, CLOSES = 1, PARKED = 2;
/** The host's word when the program ends, and the worker must stand still. */
export const EXITS = 1;

/**
 * Is added to the kind of a message with runs whose last part is a guard, which is nothing for the
 * worker: see values/write_guard.ts.
 */
export const GUARDED = 16;

export type ToWorker =
  | readonly [typeof RUN | typeof RUN_TOGETHER, first: number, ...calls: unknown[]]
  | readonly [typeof ALONE, run: number, manner: Manner, ...call: unknown[]]
  | readonly [typeof LEARN, task: number, address: TaskAddress]
  | readonly [typeof FORGET]
  | readonly [typeof LOAD, url: string]
  | readonly [typeof ABORT, run: number, reason: Thrown]
  | readonly [typeof PULL, run: number, count: number, messages: number]
  | readonly [typeof TAKEN_BACK]
  | readonly [typeof LIFELINE, port: MessagePort]
  | readonly [typeof END, state: Int32Array]
  | readonly [typeof RETIRE];

// To the host, which ends a worker whose message does not fit the runs and loads of the worker.

/**
 * The worker is there, and takes messages. Sent once, before all others. The host has the worker
 * load the modules of the pool's `preload`, and then sends tasks.
 */
export const READY = 0;

/**
 * There is something to read in the ledger. Sent after the last call of a message, and now and then
 * before, so that one message tells of the results of many runs. And sent when a task tells or
 * yields a value, if the host has read all values before and has asked to be told of the next.
 */
export const KEPT = 1;

/** A run has returned this value, which has no room in the ledger. The host settles the call. */
export const DONE = 2;

/** A run has failed: a {@linkcode FailureKind} says where, and the rest what was thrown. */
export const FAILED = 3;

/**
 * The worker may be about to die of this error, which nobody has caught, or can no longer hear the
 * host. The host keeps the error, and tells of it when the worker is gone.
 */
export const DYING = 4;

/**
 * A process is about to begin a run, or the load of the module at a URL. Sent, and on its way,
 * before the process begins. A worker claims a run in the ledger instead.
 */
export const BEGUN = 5;

/** A run that goes on has called `progress()` with this value. The host passes the value on. */
export const PROGRESS = 6;

/** A run that streams has yielded this value. The host keeps the value for the reader. */
export const YIELDED = 7;

/**
 * Calls of this task share an object, or may. Sent in answer to {@linkcode RUN_TOGETHER}. The host
 * takes back all runs that have not begun, answers {@linkcode TAKEN_BACK}, and sends the calls of
 * this task one by one from now on.
 */
export const SHARED = 8;

/**
 * The module at this URL was loaded, as {@linkcode LOAD} has asked. The host sends tasks of the
 * module.
 */
export const LOADED = 9;

/**
 * The module at this URL has thrown this while it was loaded. The host rejects the calls that wait.
 */
export const UNLOADABLE = 10;

/**
 * The state of the worker's end of a stream or port, by the id of the stream or port: in use, left
 * by its task, or closed. The host keeps the worker as long as an end is in use.
 */
export const STREAM_STATE = 11;

/**
 * The worker does not die of the last {@linkcode DYING}: a listener of a task handles the error.
 */
export const LIVES = 12;

/**
 * A worker that was told to {@linkcode END} goes on until its task returns, as the worker has
 * loaded native code. The host warns of that once.
 */
export const OUTLIVES = 13;

/**
 * Which step of a run has failed: the task has thrown; its module could not be loaded; the function
 * was not found; its result could not be sent; a call of `progress()` could not be sent.
 */
export type FailureKind = "threw" | "load" | "find" | "clone" | "tell";

/** A message of a run that goes on. */
export type Said = readonly [
  kind: typeof PROGRESS | typeof YIELDED,
  run: number,
  value: unknown,
  extra?: Extra,
];

export type FromWorker =
  | typeof READY
  | typeof KEPT
  | typeof LIVES
  | typeof OUTLIVES
  | readonly [typeof DONE, run: number, value: unknown, extra?: Extra]
  | readonly [typeof FAILED, run: number, kind: FailureKind, thrown: Thrown]
  | Said
  | readonly [typeof SHARED, task: number]
  | readonly [typeof LOADED, url: string]
  | readonly [typeof UNLOADABLE, url: string, thrown: Thrown]
  | readonly [typeof STREAM_STATE, id: number, state: EndState]
  | readonly [typeof DYING, thrown: Thrown];

export type FromProcess = FromWorker | readonly [typeof BEGUN, run: number | string];

/** How many values of a stream may be on their way: at first, and to a reader that keeps up. */
export const WINDOW = 16, MAX_WINDOW = 1_024;

/** How many task addresses a worker remembers before the host has the worker forget them all. */
export const MAX_ADDRESSES = 1000;

/** Sends a message to the host. */
export interface Post {
  (message: FromWorker, transfer?: Transferable[]): void;
  /** Whether the message is written at once, so that a copy of large bytes saves nothing. */
  readonly writes?: true;
}
