import { Buffer } from "node:buffer";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { transfersStreams } from "../../support/features.ts";
import { sendValue } from "../../../src/worker/send_value.ts";
import { BUFFER, DONE, STREAM_STATE } from "../../../src/wire/protocol.ts";
import { transfer } from "../../../src/wire/values/transfer.ts";
import { ENDED } from "../../../src/wire/values/moved_ends.ts";
import { until } from "../../support/waiting.ts";

interface Sent {
  readonly message: readonly unknown[];
  readonly moved: readonly Transferable[];
}

/** The messages of a worker that sends a value as the result of its run 7. */
function sent(value: unknown): Sent[] {
  const all: Sent[] = [];
  sendValue(
    (message, moved = []) => {
      all.push({ message: message as readonly unknown[], moved });
    },
    DONE,
    7,
    value,
  );
  return all;
}

Deno.test("sendValue() copies large bytes once, and moves the copy", () => {
  for (
    const bytes of [new Uint8Array(300_000), new Float64Array(100_000), new ArrayBuffer(300_000)]
  ) {
    const [{ message: [kind, run, value], moved }] = sent(bytes) as [Sent];
    assertEquals([kind, run, moved.length], [DONE, 7, 1]);
    assert(value !== bytes && value instanceof bytes.constructor);
    assertStrictEquals(ArrayBuffer.isView(value) ? value.buffer : value, moved[0]);
    // The task keeps what is its own.
    assertEquals(bytes.byteLength > 0, true);
  }
  const small = new Uint8Array(8);
  assertEquals(sent(small), [{ message: [DONE, 7, small], moved: [] }]);
});

Deno.test("sendValue() moves what is marked, without a copy", () => {
  const bytes = new Uint8Array(300_000);
  const [{ message: [, , value], moved }] = sent(transfer(bytes, [bytes.buffer])) as [Sent];
  assertStrictEquals(value, bytes);
  assertStrictEquals(moved[0], bytes.buffer);
});

Deno.test("sendValue() says that a value is a Buffer, and sends what its errors say beside it", () => {
  const buffer = Buffer.alloc(300_000);
  const [large] = sent(buffer) as [Sent];
  assertEquals([large.message.length, large.message[3], large.moved.length], [4, BUFFER, 1]);
  const error = Object.assign(new Error("text"), { code: 1 });
  const [{ message }] = sent({ error }) as [Sent];
  assertEquals(message[2], { error: {} });
  assertEquals((message[3] as { holes: unknown[] }).holes.length, 1);
  assertEquals(sent({ error: new Error("text") })[0]!.message.length, 3);
});

Deno.test("sendValue() refuses what would arrive empty, or could not be read", () => {
  let deep: object = {};
  for (let i = 0; i < 3_000; i++) deep = { deep };
  for (const value of [new URL("http://localhost/"), deep]) {
    assertEquals(assertThrows(() => sent(value), DOMException).name, "DataCloneError");
  }
});

Deno.test({
  name: "sendValue() lends streams, and tells when they have ended",
  ignore: !transfersStreams,
  async fn() {
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(1);
        controller.close();
      },
    });
    const ended = sent(transfer({ stream }, [stream]));
    const [{ message: [, , value, moved], moved: transferred }] = ended as [Sent];
    const { id, end } = (moved as { id: number; end: ReadableStream }[])[0]!;
    assertStrictEquals(transferred[0], end);
    assertStrictEquals((value as { stream: unknown }).stream, end);
    assertEquals(await Array.fromAsync(end), [1]);
    await until(() => ended.length === 2);
    assertEquals(ended[1]!.message, [STREAM_STATE, id, ENDED]);
  },
});
