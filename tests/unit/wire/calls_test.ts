/** Messages of calls: written and read by wire/calls.ts alone. */

import { assert, assertEquals } from "@std/assert";
import { type CallMessage, CallReader, CallWriter, isCalls } from "../../../src/wire/calls.ts";
import { ABORT, FORGET, LEARN, LOAD, PULL, type ToWorker } from "../../../src/wire/protocol.ts";
import { mulberry32 } from "../../../soak/random.ts";

interface Call {
  readonly task: number;
  readonly args: readonly unknown[];
  readonly isLimited?: boolean;
  readonly span?: string;
}

function write(first: number, calls: readonly Call[], manner?: CallReader["manner"]): CallWriter {
  const writer = new CallWriter(first, manner);
  for (const { task, args, isLimited = false, span } of calls) {
    if (args.length === 1) writer.addUnary(task, args[0], isLimited, span);
    else writer.add(task, args, isLimited, span);
  }
  return writer;
}

function read(message: ToWorker): (Call & { readonly run: number; readonly isLast: boolean })[] {
  assert(isCalls(message));
  const reader = new CallReader(message);
  const calls = [];
  while (reader.next()) {
    const { args, count, isLast, isLimited, run, span, task } = reader;
    assertEquals(args, Array.from({ length: count }, (_, i) => reader.argument(i)));
    calls.push({ run, task, args, isLimited, span, isLast });
  }
  assertEquals(reader.next(), false);
  return calls;
}

/** Calls as they are to be read, from this run on. */
function expected(first: number, calls: readonly Call[]) {
  return calls.map(({ task, args, isLimited = false, span }, i) => {
    return { run: first + i | 0, task, args, isLimited, span, isLast: i === calls.length - 1 };
  });
}

const MANNER = { streams: true, buffers: [0] };

for (
  const [what, calls] of Object.entries<Call[]>({
    "one call without arguments": [{ task: 7, args: [] }],
    "one call with an argument": [{ task: 7, args: ["a"] }],
    "calls of one task": [{ task: 7, args: [1] }, { task: 7, args: [2] }, { task: 7, args: [3] }],
    "calls without arguments": [{ task: 7, args: [] }, { task: 7, args: [] }],
    "a task with more and less arguments": [
      { task: 7, args: [1, 2] },
      { task: 7, args: [1] },
      { task: 7, args: [1, 2, 3, 4, 5] },
    ],
    "calls with and without a time limit": [
      { task: 7, args: [], isLimited: true },
      { task: 7, args: [1], isLimited: true },
      { task: 7, args: [2], isLimited: true },
      { task: 7, args: [3] },
      { task: 7, args: [4, 5], isLimited: true },
    ],
    "calls in spans": [
      { task: 7, args: [], span: "a" },
      { task: 7, args: [1], span: "a" },
      { task: 7, args: [2], span: "a" },
      { task: 7, args: ["a"], span: "b" },
      { task: 7, args: ["b"] },
      { task: 7, args: [3, 4], span: "b", isLimited: true },
    ],
    "two tasks in turns": [{ task: 1, args: [1] }, { task: 2, args: [2] }, { task: 1, args: [3] }],
    "arguments that look like a group": [{ task: 1, args: [7, 1, 1] }, {
      task: 1,
      args: [7, 1, 1],
    }],
    "arguments that are nothing": [{ task: 1, args: [undefined, null, NaN, [], ""] }],
  })
) {
  Deno.test(`CallReader reads ${what} as CallWriter wrote them`, () => {
    assertEquals(read(write(5, calls).finish()), expected(5, calls));
    assertEquals(read(write(5, calls).finishGuarded({})), expected(5, calls));
  });
}

Deno.test("CallReader reads random calls as CallWriter wrote them", () => {
  const random = mulberry32(20);
  const below = (limit: number) => Math.floor(random() * limit);
  for (let round = 0; round < 2_000; round++) {
    const first = below(2 ** 32) | 0;
    const calls = Array.from({ length: 1 + below(12) }, () => ({
      task: below(3),
      args: Array.from({ length: below(6) }, () => [below(4), "x", undefined, {}][below(4)]),
      isLimited: below(2) === 0,
      span: [undefined, "a", "b"][below(3)],
    }));
    const writer = write(first, calls);
    assertEquals([writer.first, writer.size], [first, calls.length]);
    assertEquals(writer.last, first + calls.length - 1 | 0);
    const message = random() < 0.5 ? writer.finish() : writer.finishGuarded({});
    assertEquals(read(message), expected(first, calls));
  }
});

Deno.test("CallReader numbers runs beyond the largest", () => {
  const calls = [{ task: 1, args: [1] }, { task: 1, args: [2] }];
  assertEquals(read(write(0x7fffffff, calls).finish()).map(({ run }) => run), [
    0x7fffffff,
    -0x80000000,
  ]);
});

for (
  const [isLimited, span] of [[false, undefined], [true, undefined], [false, "a"], [true, "a"]] as [
    isLimited: boolean,
    span: string | undefined,
  ][]
) {
  Deno.test(`CallWriter gives the calls of a task a single group: ${isLimited}, ${span}`, () => {
    const calls = (count: number) =>
      Array.from({ length: count }, () => ({ task: 1, args: [1], isLimited, span }));
    const length = (count: number) => write(1, calls(count)).parts.length;
    assertEquals(length(100) - length(99), 1);
    const writer = write(1, calls(2));
    assertEquals(writer.endsWith(1, 1, isLimited, span), true);
    assertEquals(writer.endsWith(1, 1, !isLimited, span), false);
    assertEquals(writer.endsWith(1, 1, isLimited, "b"), false);
    assertEquals(writer.endsWith(1, 2, isLimited, span), false);
  });
}

Deno.test("CallReader tells of calls that may share objects", () => {
  const writer = write(1, [{ task: 1, args: [{}] }, { task: 1, args: [{}] }]);
  const isTogether = (message: ToWorker) => new CallReader(message as CallMessage).isTogether;
  assertEquals(isTogether(writer.finish()), false);
  writer.markTogether();
  assertEquals(isTogether(writer.finish()), true);
  assertEquals(isTogether(writer.finishGuarded({})), true);
});

Deno.test("CallReader reads the manner of a call alone, and the arguments that moved with it", () => {
  const calls = [{ task: 3, args: ["stream", 2] }];
  const writer = write(9, calls, MANNER);
  assertEquals(read(writer.finish()), expected(9, calls));
  assertEquals(new CallReader(writer.finish() as CallMessage).manner, MANNER);
  const moved = writer.finishMoved([], ["moved", 2]);
  assertEquals(read(moved), expected(9, [{ task: 3, args: ["moved", 2] }]));
  for (const more of [{ isLimited: true }, { span: "a" }, { isLimited: true, span: "a" }]) {
    const writer = write(9, [{ ...calls[0]!, ...more }], MANNER);
    const moved = writer.finishMoved([], ["moved"]);
    assertEquals(read(moved), expected(9, [{ task: 3, args: ["moved"], ...more }]));
  }
  assertEquals(new CallReader(moved as CallMessage).manner, { ...MANNER, moved: [] });
});

Deno.test("isCalls() is false for other messages", () => {
  const messages: ToWorker[] = [
    [LEARN, 1, { url: "file:///a.ts", path: ["a"] }],
    [ABORT, 1, { root: { value: 1 }, errors: [] }],
    [FORGET],
    [PULL, 1, 1, 0],
    [LOAD, "file:///a.ts"],
  ];
  assertEquals(messages.map(isCalls), messages.map(() => false));
});
