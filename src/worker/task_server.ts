import { type CallMessage, CallReader, isCalls } from "../wire/calls.ts";
import type { WorkerLedger } from "../wire/worker_ledger.ts";
import {
  ABORT,
  END,
  FORGET,
  LEARN,
  LOAD,
  LOADED,
  type Manner,
  type Post,
  PULL,
  SHARED,
  TAKEN_BACK,
  type ToWorker,
  UNLOADABLE,
} from "../wire/protocol.ts";
import { decodeThrown, type Thrown } from "../wire/thrown.ts";
import { toBuffer } from "../wire/values/bytes.ts";
import { within } from "../runtime/otel.ts";
import { isThenable } from "../runtime/promises.ts";
import { taskThatShares } from "./aliasing.ts";
import type { Ending } from "./ending.ts";
import { type Evaluate, Functions, type TaskFunction, Unrunnable } from "./functions.ts";
import { GivenEnds } from "./given_ends.ts";
import type { Load } from "./loader.ts";
import { News } from "./news.ts";
import { encodeSafely, ResultSink } from "./result_sink.ts";
import { RunContext } from "./run_context.ts";
import { StreamWriter } from "./stream_writer.ts";

const { DOMException, Promise } = globalThis;
const { apply } = Reflect;

/** A message of calls that waits for its turn. */
interface Waiting {
  readonly message: CallMessage;
  next: Waiting | undefined;
}

/**
 * Runs the tasks that the host sends, a single task at a time, and tells the host how each ended.
 */
export class TaskServer {
  readonly #load: Load;
  readonly #functions: Functions;
  readonly #ledger: WorkerLedger;
  readonly #news: News;
  readonly #results: ResultSink;
  readonly #post: Post;
  /** Ends the worker when the host asks; `undefined` if the host itself ends the worker. */
  readonly #ending: Ending | undefined;
  /** The message whose runs are next. */
  #next: Waiting | undefined;
  /** The message that came last. */
  #last: Waiting | undefined;
  #serving = false;
  /** Whether a module is loaded; no task runs then. */
  #loading = false;
  /** Ends the wait until the host has taken back the calls that have not begun. */
  #goOn: (() => void) | undefined;
  /** The context of the latest run. */
  #context: RunContext | undefined;
  /** The streams and ports among the arguments of the latest run. */
  #given: GivenEnds | undefined;
  /** The stream of the latest run, if the run streams. */
  #stream: StreamWriter | undefined;

  constructor(load: Load, evaluate: Evaluate, ledger: WorkerLedger, post: Post, ending?: Ending) {
    this.#load = load;
    this.#functions = new Functions(evaluate);
    this.#ledger = ledger;
    this.#news = new News(ledger, post);
    this.#results = new ResultSink(ledger, post);
    this.#post = post;
    this.#ending = ending;
  }

  /** The context of the run under way. */
  get context(): RunContext | undefined {
    const context = this.#context;
    return context?.hasEnded ? undefined : context;
  }

  /** Takes a message of the host. */
  receive(message: ToWorker): void {
    if (isCalls(message)) return this.#add(message);
    switch (message[0]) {
      case LOAD:
        this.#loadModule(message[1]);
        break;
      case LEARN:
        this.#functions.learn(message[1], message[2]);
        break;
      case ABORT: {
        const [, run, reason] = message;
        this.#context?.abort(run, () => reasonFrom(reason));
        if (this.#stream?.run === run) this.#stream.close();
        break;
      }
      case PULL:
        if (this.#stream?.run === message[1]) this.#stream.pull(message[2], message[3]);
        break;
      case TAKEN_BACK:
        this.#goOn?.();
        break;
      case FORGET:
        this.#functions.forget();
        break;
      case END:
        this.#ending?.want(message[1], this.#serving || this.#loading);
    }
  }

  /** Loads a module, and tells the host the outcome. */
  async #loadModule(url: string): Promise<void> {
    this.#ledger.beginLoad();
    this.#loading = true;
    try {
      this.#functions.addModule(url, await this.#load(url));
      this.#post([LOADED, url]);
    } catch (cause) {
      this.#post([UNLOADABLE, url, encodeSafely(cause).thrown]);
    }
    this.#loading = false;
    this.#ending?.rest();
  }

  /** Adds a message to the waiting messages. */
  #add(message: CallMessage): void {
    const waiting = { message, next: undefined };
    if (this.#next === undefined) this.#next = waiting;
    else this.#last!.next = waiting;
    this.#last = waiting;
    if (!this.#serving) this.#serve();
  }

  /** The loop of the worker: runs calls until none waits. */
  async #serve(): Promise<void> {
    this.#serving = true;
    this.#results.start();
    for (let waiting = this.#next; waiting !== undefined; waiting = this.#next) {
      const { message } = waiting;
      this.#next = waiting.next;
      const calls = new CallReader(message);
      this.#results.nextMessage();
      if (calls.isTogether) {
        const task = taskThatShares(new CallReader(message));
        if (task !== undefined) await this.#giveBack(task);
      }
      while (calls.next()) {
        const { pause } = this.#ledger;
        if (pause !== undefined) {
          await pause;
          this.#results.start();
        }
        // Noted first: who reads that the run was claimed reads when the run began.
        if (calls.isLimited) this.#ledger.noteBegin(this.#results.beginTime());
        // The host has taken back all calls that have not begun: the rest of this message, too.
        if (!this.#ledger.claim(calls.run)) break;
        const { args } = calls;
        if (!this.#begin(calls, args)) continue;
        let value: unknown;
        let failure: Unrunnable | undefined;
        let isTimed = calls.isLast;
        try {
          value = this.#call(calls, args);
          if (isThenable(value)) {
            isTimed = true;
            value = await value;
          }
        } catch (thrown) {
          failure = Unrunnable.of(thrown);
        }
        this.#settle(calls.run, value, failure, isTimed);
      }
      this.#results.flush();
    }
    this.#serving = false;
    this.#ending?.rest();
  }

  /**
   * Has the host take back the calls that have not begun, and send the calls of this task
   * separately.
   */
  async #giveBack(task: number): Promise<void> {
    this.#post([SHARED, task]);
    await new Promise<void>((goOn) => this.#goOn = goOn);
    this.#results.start();
  }

  /** Begins a claimed run; `false` if the host has dropped the run. */
  #begin({ manner, run }: CallReader, args: unknown[]): boolean {
    const moved = manner?.moved;
    this.#given = moved && new GivenEnds(this.#post, args, moved);
    if (this.#ledger.begin(run)) {
      this.#context = new RunContext(run, this.#ledger, this.#news);
      return true;
    }
    this.#endGiven(true);
    this.#results.dropped(run);
    return false;
  }

  /** Calls the function of a run; returns the function's result. */
  #call(calls: CallReader, args: unknown[]): unknown {
    const context = this.#context!;
    const call = this.#functions.get(calls.task);
    const { manner, span } = calls;
    if (span === undefined) return this.#callIn(manner, calls.run, context, call, args);
    let value: unknown;
    let failure: Unrunnable | undefined;
    within(span, () => {
      try {
        value = this.#callIn(manner, calls.run, context, call, args);
      } catch (thrown) {
        failure = Unrunnable.of(thrown);
      }
    });
    if (failure !== undefined) throw failure;
    return value;
  }

  /** Tells the host how a run has ended. */
  #settle(run: number, value: unknown, failure: Unrunnable | undefined, isTimed: boolean): void {
    const context = this.#context!;
    const { hasTold } = context;
    if (hasTold) this.#news.flush();
    if (failure !== undefined) this.#results.failed(run, failure, isTimed);
    else this.#results.returned(run, value, isTimed, hasTold);
    this.#endGiven(failure !== undefined || context.isAborted);
  }

  /** The run has ended. A reference to its streams would keep those alive that nobody uses. */
  #endGiven(failed: boolean): void {
    this.#given?.runEnded(failed);
    this.#given = undefined;
  }

  /** Calls a function in this manner; returns the function's result. */
  #callIn(
    manner: Manner | undefined,
    run: number,
    context: RunContext,
    call: TaskFunction,
    args: unknown[],
  ): unknown {
    if (manner?.buffers !== undefined) restoreBuffers(args, manner.buffers);
    return manner?.streams === true
      ? this.#drain(context, run, call, args)
      : apply(call, context, args);
  }

  /** Sends the values that a call yields. */
  async #drain(
    context: RunContext,
    run: number,
    call: TaskFunction,
    args: unknown[],
  ): Promise<void> {
    this.#stream = new StreamWriter(run, context);
    try {
      let returned = apply(call, context, args);
      if (isThenable(returned)) returned = await returned;
      await this.#stream.drain(returned);
    } finally {
      this.#stream = undefined;
    }
  }
}

/** Makes each of these arguments a `Buffer` again. */
function restoreBuffers(args: unknown[], indexes: readonly number[]): void {
  for (let i = 0; i < indexes.length; i++) args[indexes[i]!] = toBuffer(args[indexes[i]!]);
}

/** The reason of an abort; its caller knows the reason, so an error that says less will do. */
function reasonFrom(thrown: Thrown): unknown {
  try {
    return decodeThrown(thrown);
  } catch {
    return new DOMException("The task was aborted", "AbortError");
  }
}
