import { assertEquals, assertThrows } from "@std/assert";
import { copyForProcess } from "../../../../src/wire/values/process_copy.ts";
import { clonesExceptions, transfersStreams } from "../../../support/features.ts";
import { type Random, withSeeds } from "../../../support/random.ts";
import { describe, randomLeaf, randomPrimitive, randomValue } from "../../../support/values.ts";

const randomError = (random: Random) =>
  new (random.pick([Error, TypeError]))("text", { cause: randomPrimitive(random) });

Deno.test("copyForProcess() copies any value that can be sent to a process", () => {
  withSeeds(300, (random) => {
    const value = randomValue(
      random,
      () => random.chance(0.2) ? randomError(random) : randomLeaf(random),
    );
    assertEquals(describe(copyForProcess(value)), describe(value));
  });
});

/** What structured clone takes, and a process does not. */
const refused: Readonly<Record<string, () => object>> = {
  "SharedArrayBuffer object": () => new SharedArrayBuffer(8),
  "SharedArrayBuffer object ": () => new Int32Array(new SharedArrayBuffer(8)),
  ...clonesExceptions && {
    "DOMException object": () => new DOMException("text", "AbortError"),
  },
};
/** What structured clone takes only if it is moved. */
const unmarked: Readonly<Record<string, () => object>> = {
  ...transfersStreams && { "ReadableStream": () => new ReadableStream() },
  "MessagePort": () => {
    const { port1, port2 } = new MessageChannel();
    port2.close();
    port1.close();
    return port1;
  },
};

Deno.test("copyForProcess() finds what cannot be sent to a process, wherever it is", () => {
  withSeeds(200, (random) => {
    const text = random.pick(Object.keys(refused));
    let made = 0;
    const value = randomValue(random, () => {
      if (random.chance(0.5)) return randomLeaf(random);
      made++;
      return refused[text]!();
    });
    // It may also have been left out, as the name of another property.
    const isThere = made > 0 && describe(value).match(/SharedArrayBuffer|DOMException/) !== null;
    if (!isThere) return assertEquals(describe(copyForProcess(value)), describe(value));
    const { name } = assertThrows(
      () => copyForProcess(value),
      DOMException,
      `${text.trim()} could not be cloned for a process`,
    );
    assertEquals(name, "DataCloneError");
  });
  for (const [name, make] of Object.entries(unmarked)) {
    const { message } = assertThrows(() => copyForProcess({ list: [make()] }), DOMException);
    assertEquals(message, "a stream or a port could not be cloned for a process", name);
  }
});

Deno.test("copyForProcess() moves what is to be moved, and calls a getter once", () => {
  const buffer = new ArrayBuffer(8);
  assertEquals(copyForProcess([buffer], [buffer])[0]!.byteLength, 8);
  assertEquals(buffer.byteLength, 0);
  let calls = 0;
  const value = {
    get once() {
      return ++calls;
    },
  };
  assertEquals([copyForProcess(value).once, calls], [1, 1]);
});
