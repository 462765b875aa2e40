import { assert, assertEquals } from "@std/assert";
import { isNotGranted } from "../../../src/tasks/refusals.ts";

Deno.test("isNotGranted() finds what Deno says of a permission, in linear time", () => {
  const cases: [message: string, found: boolean][] = [
    ['Requires read access to "a.txt", run again with the --allow-read flag', true],
    ["x: Requires env access", true],
    ["Requires  access", false],
    ["Requires read\naccess", false],
    ["Requires read\n access", false],
    ["Requires a\nRequires read access", true],
    ["Requires an accessible access", true],
    ["Requires an accessible thing", false],
    ["xRequires read access", false],
    ["requires read access", false],
    ["", false],
  ];
  for (const [message, found] of cases) assertEquals(isNotGranted(message), found, message);
  // Each took minutes once.
  const begun = performance.now();
  for (const part of ["Requires ", "Requires x\n", "Requires accessx", "Requires x accessible "]) {
    assertEquals(isNotGranted(part.repeat(200_000)), false, part);
  }
  assertEquals(isNotGranted("Requires x\n".repeat(200_000) + " access"), false);
  assert(performance.now() - begun < 10_000);
});
