import { assert, assertEquals, assertThrows } from "@std/assert";
import { OpenEnds } from "../../../src/member/open_ends.ts";
import { until } from "../../support/waiting.ts";
import type { MovedEnd } from "../../../src/wire/values/moved_ends.ts";

/** A stream to read and a stream to write to: each adds the reason of its end to a list. */
function streams(id: number, ended: unknown[], transform?: object): MovedEnd[] {
  const cancel = (reason: unknown) => void ended.push(reason);
  return [
    { id, end: new ReadableStream({ cancel }), ...transform && { transform } },
    { id: id - 1, end: new WritableStream({ abort: cancel }), ...transform && { transform } },
  ];
}

Deno.test("OpenEnds.adopt() ends the streams of a worker that names two alike, and no others", async () => {
  const ends = new OpenEnds(() => {});
  const [known, refused]: unknown[][] = [[], []];
  ends.adopt({}, streams(-1, known));
  const error = assertThrows(() => ends.adopt({}, streams(-2, refused)), TypeError, "alike");
  await until(() => refused.length === 2);
  assertEquals(refused, [error, error]);
  assertEquals(known, []);
  assert(ends.unfinished);
});

Deno.test("OpenEnds.adopt() ends the streams of a worker that names a half twice", async () => {
  const ends = new OpenEnds(() => {});
  const ended: unknown[] = [];
  const transform = {};
  const moved = [-1, -3].flatMap((id) => streams(id, ended, transform));
  const error = assertThrows(() => ends.adopt({}, moved), TypeError);
  await until(() => ended.length === 4);
  assertEquals(ended, [error, error, error, error]);
  assert(ends.isEmpty);
});
