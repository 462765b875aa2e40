/**
 * Spans and metrics for OpenTelemetry: a span for each task, a child of its caller's span, and metrics
 * in the manner of the semantic conventions, which have no names for pools in general.
 *
 * @see {@link https://opentelemetry.io/docs/specs/semconv/}
 */

import { Failure } from "../tasks/failure.ts";
import {
  activeSpan,
  isSampled,
  type Meter,
  type Sdk,
  sdk,
  type Span,
  textOf,
  type Tracer,
} from "../runtime/otel.ts";
import type { AddressedTask } from "../tasks/task.ts";
import { now } from "../runtime/real_timers.ts";

const SCOPE = "@genro/executor";
/** Codes of the API: the kind of a span, and the status of a span. */
const INTERNAL = 0, ERROR = 2;
/** Bounds of the histograms, in s. */
const SECONDS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

/** The most characters of an error's message and of its name: a task may make texts of any length. */
const MAX_STATUS_CHARACTERS = 4_096, MAX_NAME_CHARACTERS = 100;

/** How a task ended. */
export type Outcome = "completed" | "failed" | "cancelled";

/** A pool whose state is observed. */
interface Observed {
  readonly name: string;
  stats(): { readonly queued: number; readonly idle: number; readonly busy: number; stuck: number };
}

/** The open pools. The gauges show the sums of all pools with the same name. */
const pools = new Set<Observed>();

/** Observes a pool from now on. */
export function observe(pool: Observed): void {
  pools.add(pool);
}

/** Observes a pool no more. */
export function unobserve(pool: Observed): void {
  pools.delete(pool);
}

/** Begins the trace of a task that is submitted now; `undefined` if no SDK is registered. */
export function traceTask(pool: string, task: AddressedTask): TaskTrace | undefined {
  const registered = sdk();
  if (registered?.trace === undefined && registered?.metrics === undefined) return;
  try {
    return new TaskTrace(registered, pool, task);
  } catch { /* An error of the SDK must not fail the task. */ }
}

/** The tracer of each SDK that was registered. */
const tracers = new WeakMap<object, Tracer>();

function tracerOf(provider: NonNullable<Sdk["trace"]>): Tracer {
  let tracer = tracers.get(provider);
  if (tracer === undefined) tracers.set(provider, tracer = provider.getTracer(SCOPE));
  return tracer;
}

/** For spans of this thread: the names of a span whose trace is dropped, `undefined` for others. */
const dropped = new WeakMap<Span, string | undefined>();

/**
 * The names of the caller's span if its trace is dropped. A sampler decides for a trace: the span of a
 * task would be dropped, too. Of a span of another program this is not certain.
 */
function droppedParent(registered: Sdk): string | undefined {
  const parent = activeSpan(registered);
  if (parent === undefined) return;
  if (!dropped.has(parent)) {
    const context = parent.spanContext();
    const isDropped = !isSampled(context) && context.isRemote !== true;
    dropped.set(parent, isDropped ? textOf(context) : undefined);
  }
  return dropped.get(parent);
}

/** The attributes of all tasks of a pool, by its name. */
const attributesOfPools = new Map<string, Record<string, string>>();

function attributesOf(pool: string): Record<string, string> {
  let attributes = attributesOfPools.get(pool);
  if (attributes === undefined) {
    attributesOfPools.set(pool, attributes = { "executor.pool.name": pool });
  }
  return attributes;
}

/** The span and the measurements of one task. */
export class TaskTrace {
  /** In this context the worker makes the task's own spans; see `textOf()`. */
  readonly parent: string | undefined;
  /** The span, unless its trace is dropped. */
  readonly #span: Span | undefined;
  readonly #instruments: Instruments | undefined;
  /** The attributes of the pool. */
  readonly #attributes: Record<string, string>;
  readonly #submitted: number;
  #sent: number | undefined;
  /** Whether anybody is told of the times. */
  readonly #isMeasured: boolean;

  constructor(registered: Sdk, pool: string, { name }: AddressedTask) {
    const { trace, metrics } = registered;
    this.#attributes = attributesOf(pool);
    this.#instruments = metrics && instrumentsOf(metrics);
    this.parent = trace && droppedParent(registered);
    this.#isMeasured = metrics !== undefined || this.parent === undefined;
    this.#submitted = this.#isMeasured ? now() : 0;
    if (trace === undefined || this.parent !== undefined) return;
    const span = tracerOf(trace).startSpan(`${pool} ${name}`, {
      kind: INTERNAL,
      attributes: { "executor.pool.name": pool, "executor.task.name": name },
    });
    const context = span.spanContext();
    this.parent = textOf(context);
    if (isSampled(context)) this.#span = span;
    else span.end();
  }

  /** A worker was sent the task. */
  sent(): void {
    if (this.#isMeasured) this.#sent = now();
  }

  /** The caller has an answer. `reason` is the error of a task that has no result. */
  ended(outcome: Outcome, reason: unknown): void {
    try {
      this.#end(outcome, reason);
    } catch { /* An error of the SDK must not fail the task. */ }
  }

  #end(outcome: Outcome, reason: unknown): void {
    if (!this.#isMeasured) return;
    const ended = now();
    // A task that never ran has only waited.
    const waited = ((this.#sent ?? ended) - this.#submitted) / 1_000;
    const ran = this.#sent === undefined ? undefined : (ended - this.#sent) / 1_000;
    const failure = outcome === "completed" ? undefined : failureFrom(reason);
    const span = this.#span;
    if (span !== undefined) {
      span.setAttributes({
        "executor.task.outcome": outcome,
        "executor.task.wait_time": waited,
        ...ran !== undefined && { "executor.task.run_time": ran },
        ...failure !== undefined && { "error.type": failure.type },
      });
      if (failure !== undefined) span.setStatus({ code: ERROR, message: failure.message });
      span.end();
    }
    const instruments = this.#instruments;
    if (instruments === undefined) return;
    const attributes = failure === undefined
      ? this.#attributes
      : { ...this.#attributes, "error.type": failure.type };
    instruments.waitTime.record(waited, this.#attributes);
    if (ran !== undefined) instruments.runTime.record(ran, attributes);
    if (failure !== undefined) instruments.failures.add(1, attributes);
  }
}

/** What is told of the error of a task. */
function failureFrom(reason: unknown): { readonly type: string; readonly message: string } {
  const error = reason instanceof Failure ? reason.revive(() => {}) : reason;
  const message = error instanceof Error ? error.message.slice(0, MAX_STATUS_CHARACTERS) : "";
  return { type: nameOf(error), message };
}

function nameOf(error: unknown): string {
  return error instanceof Error || error instanceof DOMException
    ? error.name.slice(0, MAX_NAME_CHARACTERS)
    : typeof error;
}

interface Instruments {
  readonly waitTime: ReturnType<Meter["createHistogram"]>;
  readonly runTime: ReturnType<Meter["createHistogram"]>;
  readonly failures: ReturnType<Meter["createCounter"]>;
}

/** The instruments of each SDK that was registered. */
const instruments = new WeakMap<object, Instruments>();

function instrumentsOf(provider: NonNullable<Sdk["metrics"]>): Instruments {
  let made = instruments.get(provider);
  if (made !== undefined) return made;
  const meter = provider.getMeter(SCOPE);
  const seconds = (description: string) => ({
    description,
    unit: "s",
    advice: { explicitBucketBoundaries: SECONDS },
  });
  made = {
    waitTime: meter.createHistogram(
      "executor.task.wait_time",
      seconds("How long tasks wait until a worker is sent them"),
    ),
    runTime: meter.createHistogram("executor.task.run_time", seconds("How long tasks run")),
    failures: meter.createCounter("executor.task.failures", {
      description: "Tasks that failed or were cancelled, by what their caller caught",
      unit: "{task}",
    }),
  };
  meter.createObservableGauge("executor.queue.size", {
    description: "Tasks that have not begun",
    unit: "{task}",
  }).addCallback((result) => {
    for (const [name, { queued }] of sums()) {
      result.observe(queued, { "executor.pool.name": name });
    }
  });
  meter.createObservableGauge("executor.worker.count", {
    description: "Workers, by what they do",
    unit: "{worker}",
  }).addCallback((result) => {
    for (const [name, { idle, busy, stuck }] of sums()) {
      for (const [state, count] of Object.entries({ idle, busy, stuck })) {
        result.observe(count, { "executor.pool.name": name, "executor.worker.state": state });
      }
    }
  });
  instruments.set(provider, made);
  return made;
}

/** The counts of all pools with the same name together: two executors are one program. */
function sums(): Map<string, { queued: number; idle: number; busy: number; stuck: number }> {
  const sums = new Map<string, { queued: number; idle: number; busy: number; stuck: number }>();
  for (const pool of pools) {
    const { queued, idle, busy, stuck } = pool.stats();
    const sum = sums.get(pool.name) ?? { queued: 0, idle: 0, busy: 0, stuck: 0 };
    sums.set(pool.name, {
      queued: sum.queued + queued,
      idle: sum.idle + idle,
      busy: sum.busy + busy,
      stuck: sum.stuck + stuck,
    });
  }
  return sums;
}
