import type { RunOptions } from "../api/options.ts";

/**
 * The options of calls that were bound twice. The second options never widen the first.
 *
 * @param outer The first options.
 * @param inner The second options.
 * @returns Both: either signal aborts, the shorter time limit counts, and the inner listener hears.
 * @throws {TypeError} If the options name two tenants.
 */
export function narrow(outer: RunOptions, inner: RunOptions): RunOptions {
  const { signal, timeout, onProgress, tenant } = outer;
  if (tenant !== undefined && inner.tenant !== undefined && tenant !== inner.tenant) {
    throw new TypeError(
      `Cannot use tenant: these calls are those of tenant ${JSON.stringify(tenant)}, received ` +
        JSON.stringify(inner.tenant),
    );
  }
  return {
    signal: signal && inner.signal
      ? AbortSignal.any([signal, inner.signal])
      : inner.signal ?? signal,
    timeout: timeout !== undefined && inner.timeout !== undefined
      ? Math.min(timeout, inner.timeout)
      : inner.timeout ?? timeout,
    onProgress: inner.onProgress ?? onProgress,
    tenant: inner.tenant ?? tenant,
  };
}
