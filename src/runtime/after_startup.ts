/**
 * What the first task of a program need not wait for. Since 2.9 Deno loads its timers, and
 * Node's channels, when they are first used: for some 6 ms, half of what it takes to start a
 * worker. What can do without them for a moment leaves them alone until then; before 2.9, or
 * where a test fakes the timers, nothing has to.
 */

/** How long, in ms, the moment is. */
const STARTUP_MS = 100;

/** What is left for later; the moment begins with the first, and there is none once it is over. */
let later: (() => void)[] | undefined = areTimersLazy() ? [] : undefined;
/** What is waited on, as that needs no timer. */
const word = new Int32Array(new SharedArrayBuffer(4));

/** Whether timers are still Deno's own, and those it loads. */
function areTimersLazy(): boolean {
  return Object.getOwnPropertyDescriptor(globalThis, "setTimeout")!.get !== undefined;
}

/** Whether there is nothing that a first task may be waiting for. */
export function isAfterStartup(): boolean {
  return later === undefined || !areTimersLazy();
}

/** Calls back when there is leisure: now, or when the moment is over. */
export function afterStartup(call: () => void): void {
  if (isAfterStartup()) call();
  else if (later!.push(call) === 1) rest();
}

async function rest(): Promise<void> {
  // A wait keeps no process alive that has nothing else to do; a port that listens does.
  const { port1 } = new MessageChannel();
  port1.onmessage = () => {};
  await Atomics.waitAsync(word, 0, 0, STARTUP_MS).value;
  port1.close();
  const calls = later!;
  later = undefined;
  for (const call of calls) call();
}

/** Ends the moment that is under way, if one is. */
export function endStartup(): void {
  Atomics.notify(word, 0);
}
