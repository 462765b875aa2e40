/**
 * Spans and metrics for OpenTelemetry: a span for each task, a child of its caller's span, and metrics
 * in the manner of the semantic conventions, which have no names for pools in general.
 *
 * @see {@link https://opentelemetry.io/docs/specs/semconv/}
 */

import { Failure } from "../tasks/failure.ts";
import { type Meter, type Sdk, sdk, type Span, type SpanContext } from "../runtime/otel.ts";
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

/** The span and the measurements of one task. */
export class TaskTrace {
  /** With this context the worker makes the task's own spans children of this span. */
  readonly spanContext: SpanContext | undefined;
  readonly #span: Span | undefined;
  readonly #instruments: Instruments | undefined;
  readonly #attributes: Record<string, string>;
  readonly #submitted = now();
  #sent: number | undefined;

  constructor({ trace, metrics }: Sdk, pool: string, { name }: AddressedTask) {
    this.#attributes = { "executor.pool.name": pool };
    this.#instruments = metrics && instrumentsOf(metrics.getMeter(SCOPE), metrics);
    this.#span = trace?.getTracer(SCOPE).startSpan(`${pool} ${name}`, {
      kind: INTERNAL,
      attributes: { ...this.#attributes, "executor.task.name": name },
    });
    this.spanContext = this.#span?.spanContext();
  }

  /** A worker was sent the task. */
  sent(): void {
    this.#sent = now();
  }

  /** The caller has an answer. `reason` is the error of a task that has no result. */
  ended(outcome: Outcome, reason: unknown): void {
    try {
      this.#end(outcome, reason);
    } catch { /* An error of the SDK must not fail the task. */ }
  }

  #end(outcome: Outcome, reason: unknown): void {
    const ended = now();
    // A task that never ran has only waited.
    const waited = ((this.#sent ?? ended) - this.#submitted) / 1_000;
    const ran = this.#sent === undefined ? undefined : (ended - this.#sent) / 1_000;
    const error = outcome === "completed"
      ? undefined
      : reason instanceof Failure
      ? reason.revive(() => {})
      : reason;
    const type: Record<string, string> = outcome === "completed"
      ? {}
      : { "error.type": nameOf(error) };
    this.#span?.setAttributes({
      "executor.task.outcome": outcome,
      "executor.task.wait_time": waited,
      ...ran !== undefined && { "executor.task.run_time": ran },
      ...type,
    });
    if (outcome !== "completed") {
      const message = error instanceof Error ? error.message.slice(0, MAX_STATUS_CHARACTERS) : "";
      this.#span?.setStatus({ code: ERROR, message });
    }
    this.#span?.end();
    const attributes = { ...this.#attributes, ...type };
    this.#instruments?.waitTime.record(waited, this.#attributes);
    if (ran !== undefined) this.#instruments?.runTime.record(ran, attributes);
    if (outcome !== "completed") this.#instruments?.failures.add(1, attributes);
  }
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

function instrumentsOf(meter: Meter, provider: object): Instruments {
  let made = instruments.get(provider);
  if (made !== undefined) return made;
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
