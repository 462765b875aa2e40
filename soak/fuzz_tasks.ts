/** What the fuzzer runs: tasks that attack their host, and honest ones. */

import type { Raw } from "../tests/fixtures/raw_worker.ts";
import { mulberry32 } from "./random.ts";

const scope = globalThis as unknown as { raw: Raw };
const isProcess = () => scope.raw.memory === undefined;

/** Where things are in a ledger; see src/wire/ledger.ts. */
const SLOTS = 8192, WORDS = 5, TIMES = SLOTS * 8 + 16, FIRST_WORD = TIMES + SLOTS * 4;
/** Where its ring begins, and the ring's entries; see src/wire/ring.ts. */
const RING = FIRST_WORD + WORDS * 4 + SLOTS, ENTRIES = RING + 192;
/** How many messages an attack sends at once. */
const MAX_BURST = 30;

/** What honest callers wait for. */
export function honest(n: number, text: string): { sum: number; text: string } {
  let sum = 0;
  for (let i = 0; i <= n; i++) sum += i;
  return { sum, text: text.toUpperCase() };
}

/** An honest stream. */
export function* count(end: number): Generator<number> {
  for (let i = 0; i < end; i++) yield i;
}

/** An honest failure. */
export function fail(text: string): never {
  throw Object.assign(new RangeError(text), { code: 1, cause: new Error("cause") });
}

/** Sends anything for about as many ms. What is sent is drawn from the seed; the timing is not. */
export async function attack(seed: number, ms: number): Promise<string> {
  const { raw } = scope;
  const random = mulberry32(seed);
  const below = (end: number) => Math.floor(random() * end);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const end = performance.now() + ms;

  /** A number that is likely to matter. */
  const number = (): number =>
    pick([
      raw.run,
      raw.run + 1,
      raw.run - 1,
      0,
      -1,
      below(20),
      NaN,
      Infinity,
      2 ** 31,
      -(2 ** 31),
      0.5,
    ]);
  const text = (): string =>
    pick(["", "threw", "stack", "__proto__", "a".repeat(below(50)), "\n".repeat(below(1e4))]);

  const things: (() => unknown)[] = [
    number,
    number,
    text,
    () => undefined,
    () => null,
    () => random() < 0.5,
    () => 2n ** BigInt(below(1_000)),
    () => new Date(NaN),
    () => /(a+)+$/,
    () => new Map([[text(), number()]]),
    () => new Set([number(), text()]),
    () => new Uint8Array(below(100)),
    () => new Float64Array(3).subarray(1),
    () => new DataView(new ArrayBuffer(8)),
    () => new ArrayBuffer(below(1_000)),
    () => new ArrayBuffer(8, { maxByteLength: 64 }),
    () => new Error(text(), { cause: number() }),
    () => new DOMException(text(), "DataCloneError"),
    () => Object.assign([], { length: below(1e6) }),
    () => Object.assign([1, 2], { own: 1, [-1]: 2 }),
    () => Array.from({ length: below(1_000) }, number),
    () => ({ then: 1, toString: 1, valueOf: 1, constructor: null }),
    () => JSON.parse(`{ "__proto__": { "length": 3 }, "length": 3, "0": 2 }`),
    () => {
      const cycle: unknown[] = [];
      cycle.push(cycle, { cycle });
      return cycle;
    },
    () => {
      let list: unknown = [];
      for (let depth = below(2_000); depth > 0; depth--) list = [list, list];
      return list;
    },
    () => ({ error: number() }),
    () => ({ value: number() }),
    () => ({ list: [{ error: 0 }, { list: [{ value: 1 }] }] }),
    () => ({ root: { error: 0 }, errors: [thrownError()] }),
    () => ({ root: { list: [{ error: 0 }] }, errors: [thrownError()] }),
    () => ({ holes: [{}], errors: { root: { list: [{ error: 0 }] }, errors: [thrownError()] } }),
    () => [{ id: number(), end: {} }],
    ...isProcess()
      ? [() => ({ cmd: `NODE_${pick(["HANDLE", "HANDLE_ACK", "X", "SOCKET_COUNT"])}` })]
      : [
        () => new SharedArrayBuffer(8),
        () => new Blob([text()]),
      ],
  ];
  const thrownError = () => ({
    type: pick([
      "Error",
      "TypeError",
      "DOMException",
      "AggregateError",
      "Deno.errors.NotFound",
      "?",
    ]),
    name: text(),
    message: text(),
    stack: text(),
    properties: [[text(), { value: number() }, random() < 0.5]],
  });
  const thing = (): unknown => pick(things)();

  /** Messages as they are sent, and nearly so. */
  const likely: (() => unknown[])[] = [
    () => [2, raw.run, thing()],
    () => [2, raw.run, thing(), thing()],
    () => [2, raw.run, new Uint8Array(3), 1],
    () => [3, raw.run, pick(["threw", "load", "find", "clone", "tell"]), thing()],
    () => [4, { root: { error: 0 }, errors: [thrownError()] }],
    () => [5, number()],
    () => [6, raw.run, thing()],
    () => [6, raw.run, thing(), thing()],
    () => [7, raw.run, thing()],
    () => [8, number()],
    () => [9, text()],
    () => [10, text(), thing()],
    () => [11, number(), below(4)],
  ];
  const real = () => structuredClone(pick(raw.sent));

  /** Changes a message somewhere. */
  const mutate = (message: unknown): unknown => {
    if (typeof message !== "object" || message === null || random() < 0.1) return thing();
    const holder = message as Record<string, unknown>;
    const key = pick(Object.keys(holder));
    if (key === undefined) return thing();
    switch (below(5)) {
      case 0:
        delete holder[key];
        break;
      case 1:
        holder[key] = mutate(holder[key]);
        break;
      case 2:
        if (Array.isArray(message)) message.push(thing());
        break;
      case 3:
        if (Array.isArray(message)) message.length = below(message.length + 2);
        break;
      default:
        holder[key] = thing();
    }
    return message;
  };

  const writeLedger = () => {
    const { memory } = raw;
    if (memory === undefined) return;
    const words = new Int32Array(memory, FIRST_WORD, WORDS);
    const slots = new Uint8Array(memory, FIRST_WORD + WORDS * 4, SLOTS);
    const run = raw.run;
    switch (below(6)) {
      case 4:
        Atomics.add(
          new Int32Array(memory, RING, 48),
          pick([0, 0, 16, 32]),
          pick([1, 20, 9_999, -1]),
        );
        break;
      case 5: {
        const entries = new Uint8Array(memory, ENTRIES);
        // Near the beginning, where the entries of a worker are that has run few tasks.
        for (let i = below(50); i > 0; i--) {
          entries[below(300)] = pick([0, 1, 2, 3, 6, 7, below(256)]);
        }
        break;
      }
      case 0:
        Atomics.store(words, below(WORDS), number());
        break;
      case 1:
        Atomics.store(words, 1 + below(2), run + below(5) - 2);
        break;
      case 2:
        slots[run + below(5) - 2 & SLOTS - 1] = pick([below(12), 8]);
        break;
      default:
        new Float32Array(memory, TIMES, SLOTS)[run & SLOTS - 1] = number();
    }
  };

  const sendMoved = () => {
    if (isProcess()) return raw.send!({ cmd: "NODE_CLOSE" });
    const { port1 } = new MessageChannel();
    const end = pick([new ReadableStream(), new WritableStream(), port1]) as ReadableStream;
    const moved = { id: -1 - below(3), end, ...random() < 0.3 && { transform: {} } };
    raw.post([pick([2, 6]), raw.run, [end], [moved, ...random() < 0.2 ? [moved] : []]], [end]);
  };

  /** Most of these do not end the worker, so that an attack goes on for as long as it may. */
  const isSly = random() < 0.4;
  const actSlyly = () => {
    const way = below(100);
    if (way < 30) raw.post(pick([1, 1, 12]));
    else if (way < 60) raw.post([6, raw.run - below(3), thing()]);
    else if (way < 70) raw.post([11, -1000 - below(9), below(3)]);
    else if (way < 90) writeLedger();
    else if (way < 94) sendMoved();
    else if (way < 95) raw.post(pick(likely)());
    else if (way < 96) raw.post([4, { root: { value: thing() }, errors: [] }]);
  };

  /** One thing that a hostile task may do. Most messages end the worker, so that some are true ones. */
  const act = () => {
    if (isSly) return actSlyly();
    const way = below(100);
    if (way < 20) raw.post(pick(likely)());
    else if (way < 40) raw.post(mutate(pick(likely)()));
    else if (way < 55) raw.post(mutate(real()));
    else if (way < 60) raw.post(real());
    else if (way < 65) (raw.send ?? raw.post)(thing());
    else if (way < 70) raw.post(pick([0, 1, 1, 1, 12, 13]));
    else if (way < 85) writeLedger();
    else if (way < 90) sendMoved();
    else if (way < 93) { for (let i = below(3_000); i > 0; i--) raw.post([6, raw.run, i]); }
    else if (way < 94) {
      raw.write?.(Uint8Array.from({ length: below(200) }, () => below(256)), 3 + below(3));
    } else if (way < 95) raw.record?.(below(12), raw.run + below(3) - 1, random());
    else if (way < 97) throw thing();
    else if (way < 98) Promise.reject(thing());
    else if (way < 99) self.close();
    else while (performance.now() < end);
  };

  while (performance.now() < end) {
    for (let i = below(MAX_BURST); i >= 0; i--) {
      try {
        act();
      } catch (error) {
        // What cannot be cloned; what was thrown on purpose ends the task now and then.
        if (below(20) === 0) throw error;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, below(3)));
  }
  return "ended";
}
