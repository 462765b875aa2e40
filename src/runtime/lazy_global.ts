/**
 * Reads a global of the platform as it is now, when the function that this returns is first called.
 * Deno loads some of its globals when they are first read, for 2 to 10 ms. By then a library may have
 * put something of its own in their place, such as a polyfill of streams or a clock that stands still.
 */
export function lazyGlobal<T>(name: string): () => T {
  const { get, value } = Object.getOwnPropertyDescriptor(globalThis, name) ?? {};
  let found = value;
  return () => found ??= get?.call(globalThis);
}
