/** The wire between member.ts on the host and worker.ts: the messages; ledger.ts has the memory. */

import type { MessagePort } from "node:worker_threads";
import type { SpanContext } from "../runtime/otel.ts";
import type { Thrown } from "./thrown.ts";
import type { CarriedErrors } from "./values/carried_errors.ts";
import type { EndState, MovedEnd } from "./values/moved_ends.ts";

/** The version of this package: both sides must be of the same one. */
export const VERSION = "0.1.0";

/** An export of a module: where it is and the names that lead to it. */
export interface ModuleAddress {
  readonly url: string;
  readonly path: readonly string[];
}

/** A function that is sent by its source. */
export interface SourceAddress {
  readonly source: string;
  readonly name: string;
  /** What stack traces call the file that it is in. */
  readonly file: string;
}

/** How the worker finds a function it has not run yet. */
export type TaskAddress = ModuleAddress | SourceAddress;

/** Whether a task is an export of a module, and not a function that is sent by its source. */
export function isOfModule(address: TaskAddress): address is ModuleAddress {
  return Object.hasOwn(address, "url");
}

/** How a task runs, if not as usual. */
export interface Manner {
  /** Whether its caller reads what it yields. */
  readonly streams: boolean;
  /** The span whose children its own ones are. */
  readonly span: SpanContext | undefined;
  /** The streams and ports among its arguments. */
  readonly moved?: readonly MovedEnd[];
  /** Which of its arguments are each a `Buffer`. */
  readonly buffers: readonly number[] | undefined;
}

/** The value of a message is a `Buffer`. */
export const BUFFER = 1;

/** What a value in a message needs beyond what structured clone does. */
export type Extra = readonly MovedEnd[] | typeof BUFFER | CarriedErrors;

/** What a worker is told first, before any task. */
export interface Setup {
  /** What the two sides share; see ledger.ts. */
  readonly memory: ArrayBufferLike;
}

/**
 * Run tasks, one after the other: the number of the first run, then the id of a task, how many
 * arguments it takes, for how many calls those follow, and those; then the next task. Flat, as
 * each nested array costs as much as ten numbers.
 */
export const RUN = 0;
/** The same, but several of the calls have objects, which some may share. */
export const RUN_TOGETHER = 8;
/** Is added to a message of runs that ends with something more, which is nothing for the worker. */
export const GUARDED = 16;
/** The id of a task stands for this address. */
export const LEARN = 1;
/** A run was aborted, for this reason. */
export const ABORT = 2;
/** Forget every task address: the ids that follow are learned anew. */
export const FORGET = 3;

/** Run one task in a manner of its own: like {@linkcode RUN}, with that before the task. */
export const ALONE = 4;
/** The reader of a run's stream has taken so many values. */
export const PULL = 5;
/** Nothing to do: a port that closes with the worker, though nobody there holds it. */
export const LIFELINE = 6;

/** What had not begun was taken back, as the worker has asked for. */
export const TAKEN_BACK = 7;

/** Load the module at this URL, before a task of it is run. */
export const LOAD = 9;
/** The worker is to end as soon as that is safe; the two sides share two words: see below. */
export const END = 11;
/** What the first of them says: nothing yet, that the worker ends, or that it stands still. */
export const UNHEARD = 0, CLOSES = 1, PARKED = 2;
/** What the second says when the program ends. */
export const EXITS = 1;

/** A process is to end when what its tasks have left under way is done. */
export const RETIRE = 10;

export type ToWorker =
  | readonly [typeof ALONE, run: number, manner: Manner, ...call: unknown[]]
  | readonly [typeof PULL, run: number, count: number]
  | readonly [typeof RUN | typeof RUN_TOGETHER, first: number, ...calls: unknown[]]
  | readonly [typeof LEARN, task: number, address: TaskAddress]
  | readonly [typeof ABORT, run: number, reason: Thrown]
  | readonly [typeof FORGET]
  | readonly [typeof TAKEN_BACK]
  | readonly [typeof LOAD, url: string]
  | readonly [typeof RETIRE]
  | readonly [typeof END, state: Int32Array]
  | readonly [typeof LIFELINE, port: MessagePort];

/** The worker takes tasks. */
export const READY = 0;
/** Runs have ended whose results are in the ledger. A message with nothing to say is a number: it costs less. */
export const KEPT = 1;
/** A run returned this value. */
export const DONE = 2;
/** A run failed, in one of the ways of {@linkcode FailureKind}. */
export const FAILED = 3;
/** The worker is about to die of this, or can no longer be reached. */
export const DYING = 4;
/** The worker does not die of what it last said it would: a listener of a task's handles that. */
export const LIVES = 12;
/** The worker was told to end, but has loaded native code: it does when its task returns. */
export const OUTLIVES = 13;
/** A run that goes on has said this to its caller. */
export const PROGRESS = 6;
/** A run that streams has yielded this. */
export const YIELDED = 7;
/** Calls of this task may share an object: they wait to be taken back, and sent one by one. */
export const SHARED = 8;
/** The module at this URL was loaded. */
export const LOADED = 9;
/** The module at this URL could not be loaded, as this was thrown. */
export const UNLOADABLE = 10;
/** How the worker's end of a stream or port is, by its id. */
export const STREAM_STATE = 11;
/** A process, which shares no ledger, begins a run, or the load of a URL, when this has been sent. */
export const BEGUN = 5;

/** Which step of a run failed. */
export type FailureKind = "threw" | "load" | "find" | "clone" | "tell";

/** What a run says while it goes on. */
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
  | Said
  | readonly [typeof SHARED, task: number]
  | readonly [typeof STREAM_STATE, id: number, state: EndState]
  | readonly [typeof FAILED, run: number, kind: FailureKind, thrown: Thrown]
  | readonly [typeof LOADED, url: string]
  | readonly [typeof UNLOADABLE, url: string, thrown: Thrown]
  | readonly [typeof DYING, thrown: Thrown];

export type FromProcess = FromWorker | readonly [typeof BEGUN, run: number | string];

/** How many values of a stream may be on their way. */
export const WINDOW = 16;

/** How many task addresses a worker remembers before the host has it forget them all. */
export const MAX_ADDRESSES = 1000;

/** Sends a message to the host. */
export type Post = (message: FromWorker, transfer?: Transferable[]) => void;
