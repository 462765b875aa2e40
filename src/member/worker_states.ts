/** The states of a worker, and the events that lead from state to state. */

/**
 * A worker is `starting` until the worker takes tasks, then `idle` or `busy`. A worker is `dying`
 * when its thread or process has ended, but its messages may still arrive. A worker ended by the
 * pool is `ending`, or `stuck` if a task was running: the task may go on. In the end the worker is
 * `gone`.
 */
export type WorkerState = "starting" | "idle" | "busy" | "dying" | "stuck" | "ending" | "gone";

/** What happens to a worker. */
export type WorkerEvent = keyof typeof transitions;

type Next = Readonly<Partial<Record<WorkerState, WorkerState>>>;

/** Which state follows, by event and state; an event changes nothing in any other state. */
export const transitions = {
  /** The worker is ready for tasks. */
  ready: { starting: "idle" },
  /** A job was found for the worker. */
  take: { idle: "busy" },
  /** The worker has nothing to do. */
  rest: { busy: "idle" },
  /** The worker has ended by itself, but messages of it may still arrive; or it is not heard any more. */
  die: { starting: "dying", idle: "dying", busy: "dying" },
  /** The pool ends the worker. */
  end: { starting: "ending", idle: "ending", busy: "ending", dying: "ending" },
  /** The pool ends the worker while a task runs. */
  giveUp: { busy: "stuck", dying: "stuck" },
  /** The worker is gone. */
  lose: {
    starting: "gone",
    idle: "gone",
    busy: "gone",
    dying: "gone",
    stuck: "gone",
    ending: "gone",
  },
} as const satisfies Record<string, Next>;

/** The state of a worker after an event; `undefined` if the event changes nothing. */
export function nextState(state: WorkerState, event: WorkerEvent): WorkerState | undefined {
  const next: Next = transitions[event];
  return next[state];
}
