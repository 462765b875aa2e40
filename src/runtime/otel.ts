/** OpenTelemetry, as far as this package uses an SDK, and spans that cross from thread to thread. */

import { type AsyncContext, currentContext, runIn } from "./async_context.ts";

const API = Symbol.for("opentelemetry.js.api.1");
/** The key of a span in a context. */
const SPAN = Symbol.for("OpenTelemetry Context Key SPAN");

/** Names a span across threads. */
export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  /** Whether the span is of another program, or of another thread. */
  readonly isRemote?: boolean;
}

type Attributes = Record<string, string | number>;

/** A span, as far as this package uses spans. */
export interface Span {
  spanContext(): SpanContext;
  setAttributes(attributes: Attributes): unknown;
  setStatus(status: { code: number; message?: string }): unknown;
  end(): void;
}

/** A meter, as far as this package uses meters. */
export interface Meter {
  createHistogram(name: string, options: object): {
    record(value: number, attributes: Attributes): void;
  };
  createCounter(name: string, options: object): {
    add(value: number, attributes: Attributes): void;
  };
  createObservableGauge(name: string, options: object): {
    addCallback(
      callback: (result: { observe(value: number, attributes: Attributes): void }) => void,
    ): void;
  };
}

/** A tracer, as far as this package uses tracers. */
export interface Tracer {
  startSpan(name: string, options: { kind: number; attributes: Attributes }): Span;
}

interface Context {
  getValue(key: symbol): unknown;
  setValue(key: symbol, value: unknown): Context;
}

/** The parts that an SDK has registered; each part may be missing. */
export interface Sdk {
  readonly trace?: {
    getTracer(name: string): Tracer;
  };
  readonly metrics?: { getMeter(name: string): Meter };
  readonly context?: {
    active(): Context;
    with(context: Context, callback: () => void): void;
  };
}

/**
 * The OpenTelemetry SDK of this thread, if an SDK is registered, which may happen at any time: by Deno
 * (`OTEL_DENO=true`) or by an SDK for JavaScript. The same SDK that `@opentelemetry/api` finds, read
 * from the place of the registration. To import the API would cost every user 5 ms and a download, and
 * a version older than the version of the registered SDK finds nothing.
 *
 * @see {@link https://github.com/open-telemetry/opentelemetry-js/blob/main/api/src/internal/global-utils.ts}
 */
export function sdk(): Sdk | undefined {
  return (globalThis as unknown as Record<symbol, Sdk | undefined>)[API];
}

/** The span of the code that runs now. */
export function activeSpan({ context }: Sdk): Span | undefined {
  return context?.active().getValue(SPAN) as Span | undefined;
}

/** The bit of the flags that says whether a trace is recorded. */
const SAMPLED = 1;

/** Whether the trace of a span is recorded: else its sampler drops the trace. */
export function isSampled({ traceFlags }: SpanContext): boolean {
  return (traceFlags & SAMPLED) > 0;
}

/** The names of a span as a text, as a text costs a message less than an object. */
export function textOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `${traceId} ${spanId} ${traceFlags}`;
}

/** The latest span of another thread, and the async context of its calls, by the SDK of that time. */
let latest:
  | { span: string; contexts: Sdk["context"]; base: AsyncContext; inner: AsyncContext }
  | undefined;

/**
 * Calls back, once and before it returns, in the context of a span of another thread.
 *
 * @param span The names of the span, by {@linkcode textOf}.
 */
export function within(span: string, callback: () => void): void {
  const contexts = sdk()?.context;
  const base = currentContext();
  if (latest?.span === span && latest.contexts === contexts && latest.base === base) {
    return runIn(latest.inner, callback);
  }
  let called = false;
  // A task may register an SDK of its own in its worker, which must not keep other tasks from running.
  const once = () => {
    if (called) return;
    called = true;
    const inner = currentContext();
    // Not every SDK keeps its context in the async context.
    if (inner !== base) latest = { span, contexts, base, inner };
    callback();
  };
  try {
    contexts?.with(contexts.active().setValue(SPAN, new RemoteSpan(span)), once);
  } catch { /* The callback runs without the span. */ }
  once();
}

/** A span of another thread: it has an identity, and records nothing. */
class RemoteSpan implements Span {
  readonly #text: string;
  /** Made when it is first asked for: most tasks make no spans. */
  #context: SpanContext | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  spanContext(): SpanContext {
    return this.#context ??= contextFrom(this.#text);
  }

  isRecording(): boolean {
    return false;
  }

  setAttribute(): this {
    return this;
  }

  setAttributes(): this {
    return this;
  }

  addEvent(): this {
    return this;
  }

  addLink(): this {
    return this;
  }

  addLinks(): this {
    return this;
  }

  setStatus(): this {
    return this;
  }

  updateName(): this {
    return this;
  }

  recordException(): void {}

  end(): void {}
}

function contextFrom(text: string): SpanContext {
  const [traceId, spanId, traceFlags] = text.split(" ") as [string, string, string];
  return Object.freeze({ traceId, spanId, traceFlags: Number(traceFlags), isRemote: true });
}
