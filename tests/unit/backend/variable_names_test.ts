import { assertEquals } from "@std/assert";
import { covers, isOfLoader, passable } from "../../../src/backend/variable_names.ts";

const SYSTEMS = ["linux", "darwin", "windows"] as const;

Deno.test("covers() minds the case of names, but not on Windows", () => {
  const cases: [pattern: string, name: string, everywhere: boolean, onWindows: boolean][] = [
    ["HO*", "HOME", true, true],
    ["ho*", "HOME", false, true],
    ["HO*", "Home", false, true],
    ["Pa*", "PATHEXT", false, true],
    ["*", "HOME", true, true],
    ["HOME", "HOME", false, false],
    ["HOME*", "HO", false, false],
  ];
  for (const [pattern, name, everywhere, onWindows] of cases) {
    const found = SYSTEMS.map((os) => covers(pattern, name, os));
    assertEquals([pattern, name, ...found], [pattern, name, everywhere, everywhere, onWindows]);
  }
});

Deno.test("passable() passes each variable once: on Windows the last of Path, PATH and path", () => {
  const variables: Record<string, string> = {
    Path: "first",
    HOME: "/root",
    PATH: "second",
    path: "last",
  };
  for (const os of ["linux", "darwin"] as const) {
    assertEquals({ ...passable(variables, os) }, variables);
  }
  assertEquals({ ...passable(variables, "windows") }, { path: "last", HOME: "/root" });
});

Deno.test("passable() leaves out what no process can be given, and nothing else", () => {
  for (const os of SYSTEMS) {
    const variables = { "=C:": "C:\\", "": "empty", "A=B": "c", __proto__x: "x", A: "a=b==" };
    assertEquals({ ...passable(variables, os) }, { __proto__x: "x", A: "a=b==" });
  }
});

Deno.test("isOfLoader() knows what Deno refuses to pass", () => {
  const cases: Record<string, boolean> = {
    LD_PRELOAD: true,
    ld_preload: true,
    " LD_PRELOAD": true,
    "LD_A.B": true,
    DYLD_INSERT_LIBRARIES: true,
    OLD_LIBRARY: false,
    LD: false,
    LDAP_HOST: false,
  };
  for (const [name, expected] of Object.entries(cases)) {
    assertEquals([name, isOfLoader(name)], [name, expected]);
  }
});
