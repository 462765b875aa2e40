/**
 * Work that can wait until the first tasks of a program have run. Since 2.9 Deno loads its timers, and
 * the channels of Node, when they are first used: for some 6 ms, half of the time that a worker takes
 * to start. Code that can do without timers for a moment waits for the end of the moment. Before 2.9,
 * or where a test fakes the timers, nothing waits.
 */

/** How long, in ms, the moment takes from the first call that waits. */
const STARTUP_MS = 100;

/** The calls that wait; `undefined` after the moment. */
let later: (() => void)[] | undefined = areTimersLazy() ? [] : undefined;
/** Memory to wait on: such a wait needs no timer. */
const word = new Int32Array(new SharedArrayBuffer(4));

/** Whether the timers are Deno's own, and not loaded yet. */
function areTimersLazy(): boolean {
  return Object.getOwnPropertyDescriptor(globalThis, "setTimeout")!.get !== undefined;
}

/** Whether no first task can be waiting. */
export function isAfterStartup(): boolean {
  return later === undefined || !areTimersLazy();
}

/** Calls back now, or at the end of the moment. */
export function afterStartup(call: () => void): void {
  if (isAfterStartup()) call();
  else if (later!.push(call) === 1) rest();
}

async function rest(): Promise<void> {
  // A wait keeps no process alive that has nothing else to do; a port with a listener does.
  const { port1 } = new MessageChannel();
  port1.onmessage = () => {};
  await Atomics.waitAsync(word, 0, 0, STARTUP_MS).value;
  port1.close();
  const calls = later!;
  later = undefined;
  for (const call of calls) call();
}

/** Ends the moment early, if the moment has begun. */
export function endStartup(): void {
  Atomics.notify(word, 0);
}
