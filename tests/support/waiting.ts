// Taken before a test fakes it.
const { setTimeout } = globalThis;

/** Waits until a condition holds: for what has no event, such as a worker's end. */
export async function until(condition: () => boolean, within = 10_000): Promise<void> {
  const deadline = performance.now() + within;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Not within ${within} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Keeps `clearTimeout` from clearing anything, as an older Deno does at times. */
export function breakClearTimeout(): Disposable {
  const { clearTimeout } = globalThis;
  globalThis.clearTimeout = () => {};
  return { [Symbol.dispose]: () => void (globalThis.clearTimeout = clearTimeout) };
}
