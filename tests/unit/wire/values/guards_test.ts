import { assertEquals, assertRejects } from "@std/assert";
import { guardReadable, guardWritable } from "../../../../src/wire/values/guards.ts";

/** Counts how often the end was told. */
function counter() {
  const events = { ends: 0, onEnd: () => void events.ends++ };
  return events;
}

Deno.test("guardReadable() passes on all chunks of a source that closes at once", async () => {
  const events = counter();
  let closing: ReadableStreamDefaultController<number>;
  const source = new ReadableStream<number>({
    pull: (controller) => void (closing = controller),
  }, { highWaterMark: 0 });
  const { stream } = guardReadable(source, events);
  const all = Array.fromAsync(stream);
  await new Promise((resolve) => setTimeout(resolve));
  // A chunk and the end at one moment.
  closing!.enqueue(1);
  closing!.close();
  assertEquals(await all, [1]);
  assertEquals(events.ends > 0, true);
});

Deno.test("guardReadable() tells of the end of a source that nobody reads", async () => {
  const ended = Promise.withResolvers<void>();
  guardReadable(new ReadableStream({ start: (controller) => controller.close() }), {
    onEnd: ended.resolve,
  });
  await ended.promise;
});

Deno.test("guardReadable() has ended when its source was cancelled, and has done with that", async () => {
  const events = counter();
  const cancelling = Promise.withResolvers<void>();
  const source = new ReadableStream({ cancel: () => cancelling.promise });
  const { stream } = guardReadable(source, events);
  const cancelled = stream.cancel();
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(events.ends, 0);
  cancelling.resolve();
  await cancelled;
  assertEquals(events.ends, 1);
});

Deno.test("Guard.fail() errors the reader, and cancels the source", async () => {
  const cancelled = Promise.withResolvers<unknown>();
  const { stream, guard } = guardReadable(
    new ReadableStream({ cancel: cancelled.resolve }),
    counter(),
  );
  const reader = stream.getReader();
  const read = assertRejects(() => reader.read(), Error, "gone");
  const reason = new Error("gone");
  guard.fail(reason);
  await read;
  await assertRejects(() => reader.read(), Error, "gone");
  assertEquals(await cancelled.promise, reason);
});

Deno.test("Guard.fail() errors the writer that waits, and aborts the sink", async () => {
  const aborted = Promise.withResolvers<unknown>();
  const sink = new WritableStream({
    // Aborting waits for a write, as the sink's own stream sees to.
    write: (_, controller) => new Promise((_, reject) => controller.signal.onabort = reject),
    abort: aborted.resolve,
  });
  const { stream, guard } = guardWritable(sink, counter());
  const writer = stream.getWriter();
  const writes = [writer.write(1), writer.write(2), writer.closed]
    .map((done) => assertRejects(() => done, Error, "gone"));
  const reason = new Error("gone");
  await new Promise((resolve) => setTimeout(resolve));
  guard.fail(reason);
  await Promise.all(writes);
  assertEquals(await aborted.promise, reason);
});
