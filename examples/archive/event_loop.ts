/** How often, in ms, the event loop is asked for a sign of life. */
const INTERVAL = 5;

/** Watches how long the event loop is blocked: the timer comes late by as much. */
export function watchEventLoop(): Disposable & { longestStall(): number } {
  let longest = 0;
  let due = performance.now() + INTERVAL;
  const look = () => {
    const now = performance.now();
    longest = Math.max(longest, now - due);
    due = now + INTERVAL;
  };
  // `monitorEventLoopDelay` of Deno 2.9 does not notice every stall.
  const timer = setInterval(look, INTERVAL);
  return {
    /** In ms. */
    longestStall() {
      look();
      return longest;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
