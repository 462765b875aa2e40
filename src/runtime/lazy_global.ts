/**
 * Takes a global of the platform now, and loads the global when the returned function is first called.
 * Deno loads some of its globals when code first reads the global, for 2 to 10 ms. Until the first call
 * a library may replace the global, by a polyfill of streams or a clock that stands still.
 */
export function lazyGlobal<T>(name: string): () => T {
  const { get, value } = Object.getOwnPropertyDescriptor(globalThis, name) ?? {};
  let found = value;
  return () => found ??= get?.call(globalThis);
}
