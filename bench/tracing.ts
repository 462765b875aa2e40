/** Traced programs. */

import type { Workload } from "./rows/workload.ts";

/** The variables of a traced program, and the collector of the spans. */
export interface Traced extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>;
}

/** Makes the variables; for recorded spans, starts a collector on loopback, which throws spans away. */
export function trace(tracing: NonNullable<Workload["tracing"]>): Traced {
  const env = { OTEL_DENO: "true", OTEL_DENO_CONSOLE: "ignore" };
  if (tracing === "dropped") {
    return {
      env: { ...env, OTEL_TRACES_SAMPLER: "always_off", OTEL_METRIC_EXPORT_INTERVAL: "3600000" },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    await request.body?.pipeTo(new WritableStream());
    return new Response();
  });
  const endpoint = `http://127.0.0.1:${server.addr.port}`;
  return {
    env: { ...env, OTEL_TRACES_SAMPLER: "always_on", OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
