/** Web Locks as Deno has them since 2.9; its type library does not name them yet. */
interface LockManager {
  request<T>(name: string, callback: () => T): Promise<Awaited<T>>;
  request<T>(
    name: string,
    options: { signal: AbortSignal },
    callback: () => T,
  ): Promise<Awaited<T>>;
  query(): Promise<{ held?: { name: string }[] }>;
}

/**
 * The locks of this process and its workers; `undefined` where there are none.
 *
 * @see {@link https://developer.mozilla.org/en-US/docs/Web/API/Web_Locks_API}
 */
export const locks: LockManager | undefined =
  (navigator as unknown as { locks?: LockManager }).locks;
