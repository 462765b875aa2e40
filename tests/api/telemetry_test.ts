import { AsyncLocalStorage } from "node:async_hooks";
import { assert, assertEquals } from "@std/assert";
import { Executor } from "@genro/executor";
import { SentCalls } from "../support/sent_calls.ts";
import { lacksProcesses, testUnless } from "../support/features.ts";
import { Program } from "../support/processes.ts";

interface Attribute {
  key: string;
  value: { stringValue?: string; doubleValue?: number };
}

interface Span {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  status: { code: number; message: string };
  attributes: Attribute[];
}

interface Point {
  attributes: Attribute[];
  count?: string;
  sum?: number;
  asDouble?: number;
  explicitBounds?: number[];
}

interface Metric {
  name: string;
  unit?: string;
  histogram?: { dataPoints: Point[] };
  gauge?: { dataPoints: Point[] };
  sum?: { dataPoints: Point[] };
}

function attributesOf({ attributes }: { attributes: Attribute[] }): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? value.doubleValue]),
  );
}

/** A collector that speaks OTLP, and all that it was told. */
class Collector implements AsyncDisposable {
  readonly spans: Span[] = [];
  /** The latest of each name. */
  readonly metrics = new Map<string, Metric>();
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const body = await request.json();
      for (const { scopeSpans } of body.resourceSpans ?? []) {
        for (const { spans } of scopeSpans) this.spans.push(...spans);
      }
      for (const { scopeMetrics } of body.resourceMetrics ?? []) {
        for (const { metrics } of scopeMetrics as { metrics: Metric[] }[]) {
          for (const metric of metrics) this.metrics.set(metric.name, metric);
        }
      }
      return Response.json({});
    },
  );

  get environment(): Record<string, string> {
    return {
      OTEL_DENO: "true",
      OTEL_DENO_CONSOLE: "ignore",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${this.#server.addr.port}`,
      OTEL_METRIC_EXPORT_INTERVAL: "50",
    };
  }

  span(name: string): Span {
    const found = this.spans.filter((span) => span.name === name);
    assertEquals(found.length, 1, `${name} among ${this.spans.map(({ name }) => name)}`);
    return found[0]!;
  }

  /** The points of a metric, by the pool and another attribute. */
  points(name: string, attribute?: string): Record<string, Point> {
    const { gauge, histogram, sum } = this.metrics.get(name)!;
    return Object.fromEntries(
      (gauge ?? histogram ?? sum)!.dataPoints.map((point) => {
        const attributes = attributesOf(point);
        const keys = ["executor.pool.name", attribute ?? ""].map((key) => attributes[key] ?? "");
        return [keys.join(" ").trim(), point];
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

async function run(env: Record<string, string>, ...args: string[]): Promise<Program> {
  const permissions = ["--allow-read", "--allow-run", "--no-prompt"];
  const program = new Program(["run", ...permissions, "tests/fixtures/traced.ts", ...args], {
    env,
  });
  const { code } = await program.ended();
  assertEquals(code, 0, program.printed.join("\n"));
  return program;
}

Deno.test("Executor tells OpenTelemetry of its tasks, without any code", async () => {
  await using collector = new Collector();
  await run(collector.environment, "300");

  const caller = collector.span("caller");
  const traced = collector.span("cpu traced");
  assertEquals([traced.traceId, traced.parentSpanId], [caller.traceId, caller.spanId]);
  assertEquals(traced.status.code, 0);
  const attributes = attributesOf(traced);
  assertEquals(attributes["executor.pool.name"], "cpu");
  assertEquals(attributes["executor.task.name"], "traced");
  assertEquals(attributes["executor.task.outcome"], "completed");
  assert(Number(attributes["executor.task.wait_time"]) < 10);
  const ran = Number(attributes["executor.task.run_time"]);
  assert(ran >= 0.001 && ran < 10, `${ran} s`);

  // What the task traces itself, in its worker.
  for (const name of ["before", "after"]) {
    const { traceId, parentSpanId } = collector.span(name);
    assertEquals([traceId, parentSpanId], [caller.traceId, traced.spanId], name);
  }
  const stream = collector.span("cpu tracedStream");
  assertEquals(stream.parentSpanId, caller.spanId);
  for (const n of [0, 19]) assertEquals(collector.span(`yield ${n}`).parentSpanId, stream.spanId);

  const failed = collector.span("cpu fail");
  assertEquals(attributesOf(failed)["executor.task.outcome"], "failed");
  assertEquals(attributesOf(failed)["error.type"], "RangeError");
  assertEquals(failed.status, { code: 2, message: "on purpose" });

  const sleeps = collector.spans.filter(({ name }) => name === "cpu sleep").map(attributesOf);
  const outcomes = sleeps.map((sleep) =>
    `${sleep["executor.task.outcome"]} ${sleep["error.type"]}`
  );
  assertEquals(outcomes.sort(), [
    "cancelled TimeoutError",
    "completed undefined",
    "completed undefined",
    "failed QueueFullError",
    "failed QueueFullError",
  ]);
  const waits = sleeps.map((sleep) => Number(sleep["executor.task.wait_time"]));
  assert(Math.max(...waits) >= 0.025, `waited ${waits} s`);

  const alone = collector.span("cpu anonymous");
  assertEquals(alone.parentSpanId, "");
});

Deno.test("Executor measures its pools for OpenTelemetry", async () => {
  await using collector = new Collector();
  await run(collector.environment, "300");
  const { unit, histogram } = collector.metrics.get("executor.task.run_time")!;
  assertEquals(unit, "s");
  assertEquals(histogram!.dataPoints[0]!.explicitBounds!.length, 11);
  const ran = collector.points("executor.task.run_time", "error.type");
  assertEquals(
    Object.entries(ran).map(([key, { count }]) => `${key} ${count}`).sort(),
    ["cpu 5", "cpu RangeError 1", "cpu TimeoutError 1"],
  );
  const waited = collector.points("executor.task.wait_time");
  assertEquals(Number(waited["cpu"]!.count), 9);
  const failures = collector.points("executor.task.failures", "error.type");
  assertEquals(
    Object.entries(failures).map(([key, { asDouble }]) => `${key} ${asDouble}`).sort(),
    ["cpu QueueFullError 2", "cpu RangeError 1", "cpu TimeoutError 1"],
  );
  assertEquals(collector.points("executor.queue.size")["cpu"]!.asDouble, 0);
  const workers = collector.points("executor.worker.count", "executor.worker.state");
  assertEquals(workers["cpu idle"]!.asDouble, 1);
  assertEquals(workers["blocking busy"]!.asDouble, 0);
});

testUnless(lacksProcesses)("Executor tells OpenTelemetry of tasks in processes", async () => {
  await using collector = new Collector();
  await run(collector.environment, "0", "process");
  const [task] = collector.spans.filter(({ name }) => name === "blocking anonymous");
  assertEquals(task!.parentSpanId, collector.span("caller").spanId);
});

const API = Symbol.for("opentelemetry.js.api.1");

/** Registers this as an SDK for as long as it is used. */
function register(sdk: object): Disposable {
  const globals = globalThis as unknown as Record<symbol, object>;
  globals[API] = sdk;
  return { [Symbol.dispose]: () => delete globals[API] };
}

/** A span of an SDK that does nothing with it. */
const span = {
  spanContext: () => ({ traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 1 }),
  setAttributes: () => {},
  setStatus: () => {},
  end: () => {},
};

Deno.test("Executor runs tasks though the SDK that is registered throws", async () => {
  const fail = () => {
    throw new Error("of the SDK");
  };
  const meter = { createHistogram: fail, createCounter: fail, createObservableGauge: fail };
  const sdks = [
    { trace: {} },
    { trace: { getTracer: fail } },
    { trace: { getTracer: () => ({ startSpan: fail }) } },
    { trace: { getTracer: () => ({ startSpan: () => ({ ...span, spanContext: fail }) }) } },
    { trace: { getTracer: () => ({ startSpan: () => ({ ...span, end: fail }) }) } },
    { metrics: { getMeter: fail } },
    { metrics: { getMeter: () => meter } },
  ];
  await using executor = await Executor.start();
  for (const sdk of sdks) {
    using _ = register(sdk);
    assertEquals(await executor.runCpu((n: number) => n * 2, 21), 42);
  }
});

Deno.test("A task is run, once and unseen, where another one has registered an SDK", async () => {
  using _ = register({ trace: { getTracer: () => ({ startSpan: () => span }) } });
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const double = (n: number) => {
    const counted = globalThis as unknown as { calls?: number };
    counted.calls = (counted.calls ?? 0) + 1;
    return n * 2;
  };
  const ways = [
    "() => {}",
    "() => { throw new Error('of another task') }",
    "(_, run) => { run(); run(); globalThis.seen = run(); }",
    "(_, run) => { setTimeout(run) }",
  ];
  for (const [i, way] of ways.entries()) {
    await executor.runCpu((way: string) => {
      const active = () => ({ setValue: () => {} });
      Object.assign(globalThis, {
        [Symbol.for("opentelemetry.js.api.1")]: { context: { active, with: (0, eval)(way) } },
      });
    }, way);
    assertEquals(await executor.runCpu(double, 21), 42, way);
    assertEquals(await executor.runCpu(() => (globalThis as { calls?: number }).calls), i + 1, way);
  }
  assertEquals(await executor.runCpu(() => (globalThis as { seen?: unknown }).seen), undefined);
});

/** An SDK in this thread and in workers: each span knows its parent, and one trace in two is dropped. */
function registerHere(): Disposable & {
  readonly ended: FakeSpan[];
  readonly started: () => number;
} {
  const storage = new AsyncLocalStorage<FakeContext>();
  const ended: FakeSpan[] = [];
  let started = 0;
  const root = new FakeContext(undefined);
  const startSpan = (name: string) => {
    started++;
    const parent = (storage.getStore() ?? root).span?.spanContext();
    const isDropped = parent === undefined ? name.includes("dropped") : parent.traceFlags === 0;
    const made = new FakeSpan(name, parent, started, isDropped ? 0 : 1, ended);
    return made;
  };
  const registered = register({
    trace: { getTracer: () => ({ startSpan }) },
    context: {
      active: () => storage.getStore() ?? root,
      with: (context: FakeContext, call: () => void) => storage.run(context, call),
    },
  });
  return Object.assign(registered, { ended, started: () => started });
}

class FakeContext {
  constructor(readonly span: FakeSpan | undefined) {}
  getValue(): unknown {
    return this.span;
  }
  setValue(_key: symbol, span: FakeSpan): FakeContext {
    return new FakeContext(span);
  }
}

class FakeSpan {
  readonly attributes: Record<string, unknown> = {};
  readonly #context: { traceId: string; spanId: string; traceFlags: number };
  constructor(
    readonly name: string,
    readonly parent: { traceId: string; spanId: string } | undefined,
    id: number,
    traceFlags: number,
    readonly list: FakeSpan[],
  ) {
    const traceId = parent?.traceId ?? String(id).padStart(32, "0");
    this.#context = { traceId, spanId: String(id).padStart(16, "0"), traceFlags };
  }
  spanContext(): { traceId: string; spanId: string; traceFlags: number } {
    return this.#context;
  }
  setAttributes(attributes: Record<string, unknown>): void {
    Object.assign(this.attributes, attributes);
  }
  setStatus(): void {}
  end(): void {
    this.list.push(this);
  }
}

/** Registers, in a worker, an SDK that knows the span around a task; a task then tells its name. */
const tellSpan = () => {
  interface Named {
    spanContext(): object;
  }
  const API = Symbol.for("opentelemetry.js.api.1");
  const globals = globalThis as unknown as Record<symbol, unknown> & { around?: Named };
  globals[API] ??= {
    context: {
      active: () => ({ setValue: (_key: symbol, around: Named) => ({ around }) }),
      with({ around }: { around: Named }, call: () => void) {
        globals.around = around;
        try {
          call();
        } finally {
          globals.around = undefined;
        }
      },
    },
  };
  return globals.around?.spanContext();
};

Deno.test("Executor sends traced tasks together, each with its own span", async () => {
  using sdk = registerHere();
  await using executor = await Executor.start({ cpu: { minWorkers: 1, maxWorkers: 1 } });
  await Promise.all(Array.from({ length: 100 }, () => executor.runCpu(tellSpan)));
  using sent = new SentCalls();
  const { length } = sdk.ended;
  const told = await Promise.all(Array.from({ length: 200 }, () => executor.runCpu(tellSpan)));
  assert(sent.messages < 100, `${sent.messages} messages`);
  const spans = sdk.ended.slice(length);
  assertEquals(told, spans.map((span) => ({ ...span.spanContext(), isRemote: true })));
  assertEquals(new Set(spans.map((span) => span.spanContext().traceId)).size, 200);
  for (const { attributes } of spans) {
    assertEquals(attributes["executor.task.outcome"], "completed");
    assert(Number(attributes["executor.task.run_time"]) >= 0);
  }
});

Deno.test("Executor makes no spans in a trace that its sampler drops, and says so to the worker", async () => {
  using sdk = registerHere();
  await using executor = await Executor.start({ cpu: { minWorkers: 1, maxWorkers: 1 } });
  await executor.runCpu(tellSpan);
  const started = sdk.started();
  const { context, trace } = (globalThis as unknown as Record<symbol, {
    trace: { getTracer(): { startSpan(name: string): FakeSpan } };
    context: { with(context: FakeContext, call: () => unknown): Promise<unknown[]> };
  }>)[API]!;
  for (const name of ["dropped", "kept"]) {
    const caller = trace.getTracer().startSpan(name);
    const told = await context.with(
      new FakeContext(caller),
      () => Promise.all(Array.from({ length: 10 }, () => executor.runCpu(tellSpan))),
    );
    const inside = told as ReturnType<FakeSpan["spanContext"]>[];
    assertEquals(
      new Set(inside.map(({ traceId }) => traceId)),
      new Set([caller.spanContext().traceId]),
    );
    const own = inside.filter(({ spanId }) => spanId !== caller.spanContext().spanId);
    assertEquals(own.length, name === "kept" ? 10 : 0);
    assertEquals(inside.every(({ traceFlags }) => traceFlags === (name === "kept" ? 1 : 0)), true);
  }
  assertEquals(sdk.started() - started, 2 + 10);
});
