import type { RunOptions } from "../options.ts";

/**
 * The options of calls that were bound twice: what narrows a call is never widened.
 *
 * @param outer The options that the calls are bound to.
 * @param inner The options that they are bound to now, too.
 * @returns Both: either signal aborts, the shorter time limit counts, and the inner listener hears.
 * @throws {TypeError} If they name two tenants.
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
