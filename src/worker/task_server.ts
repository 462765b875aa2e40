import { isRefusal } from "../wire/values/cloneable.ts";
import { RunContext } from "./run_context.ts";
import { type Ledger, nextRun } from "../wire/ledger.ts";
import type { Load } from "./loader.ts";
import { within } from "../runtime/otel.ts";
import type { Ending } from "./ending.ts";
import { StreamWriter } from "./stream_writer.ts";
import {
  ABORT,
  ALONE,
  DONE,
  END,
  FAILED,
  type FailureKind,
  FORGET,
  GUARDED,
  KEPT,
  LEARN,
  LOAD,
  LOADED,
  type Manner,
  type Post,
  PULL,
  RUN,
  RUN_TOGETHER,
  SHARED,
  TAKEN_BACK,
  type TaskAddress,
  type ToWorker,
  UNLOADABLE,
} from "../wire/protocol.ts";
import { sendValue } from "./send_value.ts";
import { taskThatShares } from "./aliasing.ts";
import { isThenable } from "../runtime/thenable.ts";
import { toBuffer } from "../wire/values/buffers.ts";
import { decodeThrown, encodeThrown, type Thrown } from "../wire/thrown.ts";
import { now } from "../runtime/real_timers.ts";
import { GivenEnds } from "./given_ends.ts";
import type { Evaluate } from "../wire/evaluator.ts";
import { News } from "./news.ts";

const { DOMException, Promise } = globalThis;
const { apply } = Reflect;

/** How many short runs are timed together: reading the clock takes as long as running one. */
const STRETCH = 8;
/** For how long, in ms, the host is not told of results in the ledger while tasks go on. */
const TELL_AFTER_MS = 0.25;

// deno-lint-ignore no-explicit-any -- a task takes and returns anything
type Callable = (this: RunContext, ...args: any[]) => unknown;

/** Why a task could not be run at all. */
class Unrunnable {
  readonly #kind: FailureKind;
  readonly cause: unknown;

  constructor(kind: FailureKind, cause: unknown) {
    this.#kind = kind;
    this.cause = cause;
  }

  get kind(): FailureKind {
    return this.#kind;
  }

  /** Tells one from what a task threw; `instanceof` throws for a revoked proxy, such as immer's drafts. */
  static is(thrown: unknown): thrown is Unrunnable {
    return typeof thrown === "object" && thrown !== null && #kind in thrown;
  }
}

/** Why a task has failed that has thrown this. */
function thrownBy(thrown: unknown): Unrunnable {
  return new Unrunnable(isRefusal(thrown) ? "tell" : "threw", thrown);
}

/** A message with runs that come after those of the message before. */
interface Waiting {
  readonly calls: readonly unknown[];
  next: Waiting | undefined;
}

/** Runs the tasks that the host sends, one at a time, and says how each ended. */
export class TaskServer {
  readonly #load: Load;
  /** The modules that the host had loaded, by their URLs. */
  readonly #modules = new Map<string, unknown>();
  readonly #evaluate: Evaluate;
  readonly #ledger: Ledger;
  readonly #news: News;
  readonly #post: Post;
  /** How it ends when the host wants that; none if the host ends it itself. */
  readonly #ending: Ending | undefined;
  /** The functions found so far, by the id the host gave them. */
  readonly #found = new Map<number, Callable>();
  /** Where to find the others. */
  readonly #addresses = new Map<number, TaskAddress>();
  /** The message whose runs are next, and the one that came last. */
  #next: Waiting | undefined;
  #last: Waiting | undefined;
  #serving = false;
  /** Whether it loads a module; it runs no task then. */
  #loading = false;
  /** Ends the wait for the host to take back what has not begun. */
  #goOn: (() => void) | undefined;
  /** The run that began last. */
  #current: RunContext | undefined;
  /** The stream that it is, if it is one. */
  #outlet: StreamWriter | undefined;

  constructor(load: Load, evaluate: Evaluate, ledger: Ledger, post: Post, ending?: Ending) {
    this.#load = load;
    this.#evaluate = evaluate;
    this.#ledger = ledger;
    this.#news = new News(ledger, post);
    this.#post = post;
    this.#ending = ending;
  }

  /** The context of the run that is under way. */
  get context(): RunContext | undefined {
    const context = this.#current;
    return context?.hasEnded ? undefined : context;
  }

  /** Takes a message of the host. */
  receive(message: ToWorker): void {
    if (message[0] >= GUARDED) takeGuard(message as unknown as [kind: number, ...unknown[]]);
    switch (message[0]) {
      case RUN:
      case RUN_TOGETHER:
      case ALONE: {
        const waiting = { calls: message, next: undefined };
        if (this.#next === undefined) this.#next = waiting;
        else this.#last!.next = waiting;
        this.#last = waiting;
        if (!this.#serving) this.#serve();
        break;
      }
      case LOAD:
        this.#loadModule(message[1]);
        break;
      case LEARN:
        this.#addresses.set(message[1], message[2]);
        break;
      case ABORT: {
        const [, run, reason] = message;
        this.#current?.abort(run, () => reasonFrom(reason));
        if (this.#outlet?.run === run) this.#outlet.close();
        break;
      }
      case PULL:
        if (this.#outlet?.run === message[1]) this.#outlet.pull(message[2]);
        break;
      case TAKEN_BACK:
        this.#goOn?.();
        break;
      case FORGET:
        this.#found.clear();
        this.#addresses.clear();
        break;
      case END:
        this.#ending?.want(message[1], this.#serving || this.#loading);
    }
  }

  /** Loads a module, and tells the host how that ended. */
  async #loadModule(url: string): Promise<void> {
    this.#ledger.beginLoad();
    this.#loading = true;
    try {
      this.#modules.set(url, await this.#load(url));
      this.#post([LOADED, url]);
    } catch (cause) {
      this.#post([UNLOADABLE, url, encodeSafely(cause).thrown]);
    }
    this.#loading = false;
    this.#ending?.rest();
  }

  async #serve(): Promise<void> {
    this.#serving = true;
    let time = now();
    let untimed = 0;
    for (let waiting = this.#next; waiting !== undefined; waiting = this.#next) {
      const { calls } = waiting;
      this.#next = waiting.next;
      let told = time;
      let untold = false;
      let run = calls[1] as number;
      const manner = calls[0] === ALONE ? calls[2] as Manner : undefined;
      let i = manner === undefined ? 2 : 3;
      const shares = calls[0] === RUN_TOGETHER ? taskThatShares(calls) : undefined;
      if (shares !== undefined) {
        await this.#giveBack(shares);
        time = now();
      }
      let task = 0;
      let count = 0;
      let times = 0;
      for (; times > 0 || i < calls.length; run = nextRun(run)) {
        if (times === 0) {
          task = calls[i++] as number;
          count = calls[i++] as number;
          times = calls[i++] as number;
        }
        times--;
        const args = argumentsFrom(calls, i, count);
        i += count;
        // The host takes back all that has not begun: what is left of the message, too.
        if (!this.#ledger.claim(run)) break;
        const moved = manner?.moved;
        const given = moved && new GivenEnds(this.#post, args, moved);
        if (!this.#ledger.begin(run)) {
          given?.runEnded(true);
          untold = this.#ledger.keep(run, undefined, 0);
          continue;
        }
        const context = this.#current = new RunContext(run, this.#ledger, this.#news);
        let value: unknown;
        let failure: Unrunnable | undefined;
        let awaited = false;
        try {
          if (manner?.buffers !== undefined) restoreBuffers(args, manner.buffers);
          const call = this.#found.get(task) ?? this.#find(task);
          value = manner === undefined
            ? apply(call, context, args)
            : this.#runAlone(manner, context, run, call, args);
          if (isThenable(value)) {
            awaited = true;
            value = await value;
          }
        } catch (thrown) {
          failure = Unrunnable.is(thrown) ? thrown : thrownBy(thrown);
        }
        if (context.hasTold) this.#news.flush();
        let took = 0;
        if (++untimed === STRETCH || awaited || (times === 0 && i === calls.length)) {
          const ended = now();
          took = (ended - time) / untimed;
          time = ended;
          untimed = 0;
        }
        if (failure !== undefined) {
          this.#fail(run, failure.kind, failure.cause, took);
          untold = false;
        } else if (context.hasTold || !this.#ledger.keep(run, value, took)) {
          this.#send(run, value, took);
          untold = false;
        } else if (time - told > TELL_AFTER_MS) {
          this.#post(KEPT);
          untold = false;
          told = time;
        } else untold = true;
        given?.runEnded(failure !== undefined || context.isAborted);
      }
      if (untold) this.#post(KEPT);
    }
    this.#serving = false;
    this.#ending?.rest();
  }

  /** Has the host take back what has not begun, and send the calls of this task one by one. */
  #giveBack(task: number): Promise<void> {
    this.#post([SHARED, task]);
    return new Promise((goOn) => this.#goOn = goOn);
  }

  /** Runs a task in a manner of its own, and returns what it returns. */
  #runAlone(
    { span, streams }: Manner,
    context: RunContext,
    run: number,
    call: Callable,
    args: unknown[],
  ): unknown {
    let value: unknown;
    let failure: Unrunnable | undefined;
    const begin = () => {
      try {
        value = streams ? this.#stream(context, run, call, args) : apply(call, context, args);
      } catch (thrown) {
        failure = thrownBy(thrown);
      }
    };
    if (span === undefined) begin();
    else within(span, begin);
    if (failure !== undefined) throw failure;
    return value;
  }

  /** Sends what a call yields. */
  async #stream(context: RunContext, run: number, call: Callable, args: unknown[]): Promise<void> {
    const send = (value: unknown) => {
      try {
        context.yield(value);
      } catch (cause) {
        throw new Unrunnable("clone", cause);
      }
    };
    this.#outlet = new StreamWriter(run, send, () => context.isAborted);
    try {
      let returned = apply(call, context, args);
      if (isThenable(returned)) returned = await returned;
      await this.#outlet.drain(returned);
    } finally {
      this.#outlet = undefined;
    }
  }

  #send(run: number, value: unknown, took: number): void {
    // Before the message, whose reader wants to know.
    this.#ledger.end(run, took);
    try {
      sendValue(this.#post, DONE, run, value);
    } catch (cause) {
      this.#fail(run, "clone", cause, took);
    }
  }

  #fail(run: number, kind: FailureKind, thrown: unknown, took: number): void {
    const encoded = encodeSafely(thrown);
    this.#ledger.end(run, took);
    this.#post([FAILED, run, encoded.whole ? kind : "clone", encoded.thrown]);
  }

  #find(task: number): Callable {
    const address = this.#addresses.get(task)!;
    const call = "source" in address
      ? parse(address.source, address.file, this.#evaluate)
      : exportOf(this.#modules.get(address.url), address.path);
    this.#found.set(task, call);
    return call;
  }
}

/** The function that these names lead to in a module. */
function exportOf(module: unknown, path: readonly string[]): Callable {
  let found = module;
  let self: unknown;
  for (let i = 0; i < path.length; i++) {
    const name = path[i]!;
    const owner = found as Record<string, unknown> | null | undefined;
    if (owner == null || !(name in Object(owner))) {
      const names = Object.keys(Object(owner)).join(", ") || "nothing";
      throw new Unrunnable("find", new TypeError(`"${name}" is not there; exported: ${names}`));
    }
    found = owner[name];
    // The functions of a module are no methods of it, and have the context.
    self = i === 0 || isNamespace(owner) ? undefined : owner;
  }
  if (typeof found !== "function") {
    throw new Unrunnable("find", new TypeError(`it is not a function but ${typeof found}`));
  }
  return self === undefined ? found as Callable : found.bind(self);
}

/** What was thrown, as it is sent; if that cannot be, an error that says so. */
function encodeSafely(thrown: unknown): { thrown: Thrown; whole: boolean } {
  try {
    return { thrown: encodeThrown(thrown), whole: true };
  } catch (cause) {
    const message = `what it threw could not be cloned: ${messageOf(cause)}`;
    return { thrown: encodeThrown(new DOMException(message, "DataCloneError")), whole: false };
  }
}

/** Whether this is a module, as `export * as name` has one among the exports of another. */
function isNamespace(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === null &&
    (value as Record<symbol, unknown>)[Symbol.toStringTag] === "Module";
}

/** Takes the guard from a message of runs, for which there is nothing to do here. */
function takeGuard(message: [kind: number, ...unknown[]]): void {
  message[0] -= GUARDED;
  message.length--;
}

/** Makes each of these arguments a `Buffer` again. */
function restoreBuffers(args: unknown[], indexes: readonly number[]): void {
  for (let i = 0; i < indexes.length; i++) args[indexes[i]!] = toBuffer(args[indexes[i]!]);
}

/** Some of the values; of the few that most calls have, in the way that costs least. */
function argumentsFrom(calls: readonly unknown[], first: number, count: number): unknown[] {
  switch (count) {
    case 0:
      return [];
    case 1:
      return [calls[first]];
    case 2:
      return [calls[first], calls[first + 1]];
    case 3:
      return [calls[first], calls[first + 1], calls[first + 2]];
  }
  return calls.slice(first, first + count);
}

/** Turns the source of a function back into one: in strict mode, as the module it came from was. */
function parse(source: string, file: string, evaluate: Evaluate): Callable {
  const valueOf = (expression: string) =>
    evaluate(`"use strict";${expression}\n//# sourceURL=${file}`);
  try {
    return valueOf(`(${source})`) as Callable;
  } catch (cause) {
    try {
      // A method's source is no expression of its own, but a member of an object.
      // No other prototype: `super` must fail, and not find what is there by chance.
      const owner = valueOf(`({__proto__:null,${source}})`) as Record<PropertyKey, unknown>;
      const { value, get, set } = Reflect.getOwnPropertyDescriptor(
        owner,
        Reflect.ownKeys(owner)[0]!,
      )!;
      const method = value ?? get ?? set;
      if (typeof method === "function") return method as Callable;
    } catch (error) {
      // The source is of one of the two forms, and unexpected from its beginning in the other.
      if (isUnexpected(cause) && !isUnexpected(error)) throw new Unrunnable("find", error);
    }
    throw new Unrunnable("find", cause);
  }
}

function isUnexpected(error: unknown): boolean {
  return messageOf(error).startsWith("Unexpected");
}

/** Why a run was aborted; its caller knows, so if that cannot be made again, that it was will do. */
function reasonFrom(thrown: Thrown): unknown {
  try {
    return decodeThrown(thrown);
  } catch {
    return new DOMException("The task was aborted", "AbortError");
  }
}

function messageOf(cause: unknown): string {
  try {
    return String((cause as Error).message);
  } catch {
    return "it cannot be read";
  }
}
