import { assert, assertEquals, assertRejects } from "@std/assert";
import { BodyTooLargeError, readBody } from "../../examples/body.ts";

interface Sent {
  /** What the client sends. */
  chunks: Iterable<Uint8Array<ArrayBuffer>>;
  /** What the client announces. */
  length?: string;
}

/** A request, and how many bytes of its body were read or read ahead. */
function request({ chunks, length }: Sent): { request: Request; taken: () => number } {
  const source = chunks[Symbol.iterator]();
  let taken = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const { done, value } = source.next();
      if (done) return controller.close();
      taken += value.length;
      controller.enqueue(value);
    },
  }, { highWaterMark: 0 });
  const headers = length === undefined ? undefined : { "content-length": length };
  return {
    request: new Request("http://localhost", { method: "POST", body, headers }),
    taken: () => taken,
  };
}

function* repeated(chunk: number, times: number): Generator<Uint8Array<ArrayBuffer>> {
  for (let i = 0; i < times; i++) yield new Uint8Array(chunk).fill(i + 1);
}

const LIMIT_BYTES = 10_000;

const bodies: Record<string, Sent & { bytes: number }> = {
  "one chunk": { chunks: repeated(9_000, 1), bytes: 9_000 },
  "as many bytes as it may have": { chunks: repeated(2_500, 4), bytes: 10_000 },
  "single bytes": { chunks: repeated(1, 9_999), bytes: 9_999 },
  "empty chunks": { chunks: repeated(0, 1_000), bytes: 0 },
  "the length that it announces": { chunks: repeated(5, 2), length: "10", bytes: 10 },
  "more than it announces": { chunks: repeated(1_000, 9), length: "1", bytes: 9_000 },
  "less than it announces": { chunks: repeated(1, 1), length: "9000", bytes: 1 },
  "a length that is no number": { chunks: repeated(1, 5), length: "many", bytes: 5 },
  "a negative length": { chunks: repeated(1, 5), length: "-5", bytes: 5 },
};
for (const [name, { bytes, ...sent }] of Object.entries(bodies)) {
  Deno.test(`readBody returns a body with ${name}`, async () => {
    const all = Array.from(sent.chunks);
    const read = await readBody(request({ ...sent, chunks: all }).request, LIMIT_BYTES);
    assertEquals(read.length, bytes);
    assertEquals(Array.from(read), all.flatMap((chunk) => Array.from(chunk)));
  });
}

const MEGABYTE = 2 ** 20;
const tooLong: Record<string, Sent & { taken: number }> = {
  "announces too much": { chunks: repeated(MEGABYTE, 300), length: `${300 * MEGABYTE}`, taken: 0 },
  "announces nothing": { chunks: repeated(MEGABYTE, 300), taken: MEGABYTE },
  "announces too little": { chunks: repeated(MEGABYTE, 300), length: "5", taken: MEGABYTE },
  "has one byte too many": { chunks: repeated(1, 10_001), taken: 10_001 },
  "never ends": { chunks: repeated(100, Infinity), taken: 10_100 },
};
for (const [name, { taken: most, ...sent }] of Object.entries(tooLong)) {
  Deno.test(`readBody refuses a body that ${name}, and reads no more of it`, async () => {
    const { request: sending, taken } = request(sent);
    const error = await assertRejects(() => readBody(sending, LIMIT_BYTES), BodyTooLargeError);
    assertEquals(error.status, 413);
    assert(taken() <= most, `${taken()} bytes were read`);
  });
}

Deno.test("readBody returns no bytes of a request without a body", async () => {
  assertEquals(await readBody(new Request("http://localhost"), 0), new Uint8Array());
});

Deno.test("readBody stops when its signal aborts", async () => {
  const never = new ReadableStream<Uint8Array<ArrayBuffer>>();
  const slow = () => new Request("http://localhost", { method: "POST", body: never });
  const controller = new AbortController();
  const reading = readBody(slow(), 10, controller.signal);
  controller.abort(new Error("too slow"));
  await assertRejects(() => reading, Error, "too slow");
});

Deno.test("readBody reads nothing when its signal has aborted", async () => {
  const { request: sending, taken } = request({ chunks: repeated(1, 5) });
  await assertRejects(
    () => readBody(sending, 10, AbortSignal.abort(new Error("gone"))),
    Error,
    "gone",
  );
  assertEquals(taken(), 0);
});
