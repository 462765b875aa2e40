/** Rejects with the reason of a timeout if the promise has not settled after `ms`. */
export function deadline<T>(promise: Promise<T>, ms: number): Promise<T> {
  const signal = AbortSignal.timeout(ms);
  const late = Promise.withResolvers<never>();
  const onAbort = () => late.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  return Promise.race([promise, late.promise])
    .finally(() => signal.removeEventListener("abort", onAbort));
}
