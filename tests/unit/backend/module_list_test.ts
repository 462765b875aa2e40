import { assert, assertEquals } from "@std/assert";
import { tasksFrom } from "@genro/executor";
import { entry } from "../../../src/backend/entry.ts";
import { listBlob, moduleList } from "../../../src/backend/module_list.ts";

const WORKER = "file:///worker.ts";

/** How often a text occurs in another. */
const count = (text: string, part: string) => text.split(part).length - 1;

Deno.test("moduleList() names each module once, as a literal", () => {
  const urls = ["a%20b", "%23", "%25", "%C3%A9", "'", "%22", "%5C", "%F0%9F%98%80"]
    .map((name) => `file:///folder/${name}.ts`);
  for (const url of urls) tasksFrom(url);
  const { source, isShort } = moduleList("process");
  for (const url of urls) {
    assertEquals(count(source, url), 1, url);
    assert(source.includes(`import(${JSON.stringify(url)})`), url);
  }
  assertEquals(isShort, true);
  // It is JavaScript.
  (0, eval)(source);
});

for (const kind of ["worker", "process"] as const) {
  Deno.test(`moduleList() of a ${kind} is made once for the same modules`, () => {
    tasksFrom("file:///folder/first.ts");
    const first = moduleList(kind);
    tasksFrom("file:///folder/first.ts");
    assert(moduleList(kind) === first);
    assert(listBlob(moduleList(kind)) === listBlob(first));
    tasksFrom(`file:///folder/second_of_${kind}.ts`);
    const second = moduleList(kind);
    assert(second !== first);
    assert(second.source.includes(`second_of_${kind}.ts`));
  });
}

Deno.test("entry() stays short however many modules there are", () => {
  for (let i = 0; i < 5_000; i++) tasksFrom(`file:///a/folder/with/a/name/of/some/length/${i}.ts`);
  for (const kind of ["worker", "process"] as const) {
    const list = moduleList(kind);
    assertEquals(list.isShort, false);
    assertEquals(count(list.source, "import("), count(list.source, "file:///"));
    const call = kind === "worker" ? "serve" : "serveHost";
    const { length } = entry(WORKER, call, list, `import "file:///dev/stdin";`);
    assert(length < 1_000, `${length}`);
  }
});
