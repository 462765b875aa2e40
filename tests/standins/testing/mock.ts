// deno-lint-ignore-file no-explicit-any -- any method of any object

/** Records the calls of a method, which goes on doing what it did. */
export function spy<T extends object, K extends keyof T>(
  object: T,
  method: K,
): Disposable & { calls: { args: any[]; returned: any }[]; restore(): void } {
  const original = object[method] as (...args: any[]) => any;
  const own = Object.getOwnPropertyDescriptor(object, method);
  const calls: { args: any[]; returned: any }[] = [];
  const value = function (this: T, ...args: any[]) {
    const returned = original.apply(this, args);
    calls.push({ args, returned });
    return returned;
  };
  Object.defineProperty(object, method, { value, configurable: true, writable: true });
  const restore = () => {
    if (own === undefined) delete object[method];
    else Object.defineProperty(object, method, own);
  };
  return { calls, restore, [Symbol.dispose]: restore };
}
