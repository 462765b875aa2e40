import { assertEquals, assertThrows } from "@std/assert";
import { isOnNode, moduleOf } from "../../../bench/contenders/list.ts";
import { contendersAt, planOf } from "../../../bench/plan.ts";
import { groups } from "../../../bench/rows/groups.ts";

const chosenBy = (...args: string[]) =>
  [...planOf(args).chosen].map(([group, names]) => [group, names.length]);

Deno.test("planOf() measures plain calls by default, and what groups or names ask for", () => {
  const size = (group: string) => Object.keys(groups[group]!.workloads).length;
  assertEquals(chosenBy(), [["calls", size("calls")]]);
  assertEquals(chosenBy("--group", "options"), [["options", size("options")]]);
  assertEquals(chosenBy("--group", "all").length, Object.keys(groups).length);
  assertEquals(chosenBy("--workloads", "a,timeout,b"), [["calls", 2], ["options", 1]]);
});

for (
  const args of [["--group", "nothing"], ["--workloads", "a,z"], [
    "--group",
    "calls",
    "--workloads",
    "timeout",
  ]]
) {
  Deno.test(`planOf(${args}) throws a RangeError`, () =>
    void assertThrows(() => planOf(args), RangeError));
}

Deno.test("contendersAt() begins with the limits, and adds who can do the row", () => {
  const workload = {
    ...groups["calls"]!.workloads["a"]!,
    limits: ["raw"],
    contenders: ["ours", "piscina"],
  };
  const all = ["ours", "comlink", "piscina"];
  assertEquals(contendersAt(workload, all, false), ["raw", "ours", "piscina"]);
  assertEquals(contendersAt(workload, [...all, "./mine.ts"], true), [
    "raw",
    "ours",
    "piscina",
    "./mine.ts",
  ]);
});

Deno.test("Each contender of each row has a module", async () => {
  for (const { contenders, modules, workloads } of Object.values(groups)) {
    for (const workload of Object.values(workloads)) {
      for (const name of [...contendersAt(workload, contenders, false), workload.beside ?? "raw"]) {
        await Deno.stat(new URL(new URL(moduleOf(name, modules)).pathname, import.meta.url));
      }
    }
  }
});

Deno.test("A peer on Node has the same module as in Deno; bare workers have their own", () => {
  assertEquals(isOnNode("piscina on Node"), true);
  assertEquals(moduleOf("piscina on Node"), moduleOf("piscina"));
  assertEquals(moduleOf("raw on Node") === moduleOf("raw"), false);
});
