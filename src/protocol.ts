/**
 * The wire between member.ts on the host and worker.ts: messages and the control
 * words both sides share.
 */

import type { Thrown } from "./thrown.ts";

/** Index of the control word that holds the id of the run the host has aborted; written by the host. */
export const ABORTED = 0;
/** Index of the control word that holds the id of the run the worker began last; written by the worker. */
export const BEGUN = 1;
/** How many control words a worker has. */
export const CONTROL_WORDS = 2;

/** An export of a module: where it is and the names that lead to it. */
export interface ModuleAddress {
  readonly url: string;
  readonly path: readonly string[];
}

/** A function that is sent by its source. */
export interface SourceAddress {
  readonly source: string;
  readonly name: string;
}

/** How the worker finds a function it has not run yet. */
export type TaskAddress = ModuleAddress | SourceAddress;

/** What the worker is told first, before any task. */
export interface Setup {
  readonly control: Int32Array;
  /** Name of the lock that the worker holds for as long as it lives. */
  readonly lifeline: string;
}

/** Run a task: the id of the run, the id of the task, the arguments, and the address when it is new to this worker. */
export const RUN = 0;
/** A run was aborted, for this reason. */
export const ABORT = 1;
/** Forget every task address: the ids that follow come with theirs. */
export const FORGET = 2;

export type ToWorker =
  | readonly [
    typeof RUN,
    run: number,
    task: number,
    args: readonly unknown[],
    address?: TaskAddress,
  ]
  | readonly [typeof ABORT, run: number, reason: Thrown]
  | readonly [typeof FORGET];

/** The worker holds its lifeline and takes tasks. */
export const READY = 0;
/** A run returned this value. */
export const DONE = 1;
/** A run failed, in one of the ways of {@linkcode FailureKind}. */
export const FAILED = 2;
/** The worker is about to die of this, or can no longer be reached. */
export const DYING = 3;

/** Which step of a run failed. */
export type FailureKind = "threw" | "load" | "find" | "clone";

export type FromWorker =
  | readonly [typeof READY]
  | readonly [typeof DONE, run: number, value: unknown]
  | readonly [typeof FAILED, run: number, kind: FailureKind, thrown: Thrown]
  | readonly [typeof DYING, thrown: Thrown];

/** How many task addresses a worker remembers before the host has it forget them all. */
export const MAX_ADDRESSES = 1000;
