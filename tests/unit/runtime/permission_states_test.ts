import { assertEquals } from "@std/assert";
import {
  isGranted,
  missingPatterns,
  missingPermissions,
  permissionNames,
  stateOf,
  wantedOf,
} from "../../../src/runtime/permission_states.ts";

const permissions: Deno.PermissionOptions = {
  read: ["/a"],
  net: ["example.com:80"],
  env: ["AB*"],
  sys: true,
};

Deno.test({
  name: "isGranted() says whether all of a permission is granted",
  ignore: Deno.build.os === "windows",
  permissions,
  fn() {
    const granted: Parameters<typeof isGranted>[] = [
      ["read", "/a"],
      ["read", "/a/b"],
      ["net", "example.com:80"],
      ["env", "AB"],
      ["env", "ABC"],
      ["sys"],
      ["sys", "hostname"],
    ];
    const refused: Parameters<typeof isGranted>[] = [
      ["read"],
      ["read", "/"],
      ["read", "/ab"],
      ["net", "example.com"],
      ["net", "example.com:81"],
      ["env"],
      ["env", "A"],
      ["write"],
      ["run", "deno"],
      ["import", "jsr.io"],
      // Deno cannot read these.
      ["net", "*.example.com"],
      ["net", "a b"],
    ];
    for (const args of granted) assertEquals(isGranted(...args), true, args.join());
    for (const args of refused) assertEquals(isGranted(...args), false, args.join());
  },
});

Deno.test({
  name: "stateOf() asks what it is asked, whatever Object.prototype has",
  ignore: Deno.build.os === "windows",
  permissions,
  fn() {
    const polluted = ["path", "host", "variable", "kind", "command"];
    for (const name of polluted) {
      Object.defineProperty(Object.prototype, name, { value: "/a", configurable: true });
    }
    try {
      const states = permissionNames.map((name) => stateOf(name).state);
      assertEquals(states, permissionNames.map((name) => name === "sys" ? "granted" : "prompt"));
    } finally {
      for (const name of polluted) Reflect.deleteProperty(Object.prototype, name);
    }
  },
});

Deno.test({
  name: "missingPermissions() and missingPatterns() name what a program has not got",
  ignore: Deno.build.os === "windows",
  permissions: { read: ["/a"], env: ["AB*", "C"], sys: true },
  fn() {
    const wanted: Deno.PermissionOptions = {
      read: ["/a/b", "/c", new URL("file:///a/b"), new URL("file:///c%20d/%C3%A9")],
      write: true,
      sys: true,
      net: "inherit",
      run: false,
      env: ["AB*", "C", "C*", "D"],
    };
    assertEquals(missingPermissions(wanted), [
      'read permission for "/c"',
      'read permission for "/c d/é"',
      "write",
      'env permission for "C*"',
      'env permission for "D"',
    ]);
    assertEquals(missingPatterns(wanted), ["C*"]);
    for (const nothing of ["inherit", "none", {}, { env: true }] as const) {
      assertEquals(missingPatterns(nothing), []);
    }
    assertEquals([missingPermissions("inherit"), missingPermissions("none")], [[], []]);
  },
});

Deno.test("wantedOf() tells what options say of each permission", () => {
  assertEquals(wantedOf("inherit", "read"), "inherit");
  assertEquals(wantedOf("none", "read"), false);
  assertEquals(wantedOf({}, "read"), false);
  assertEquals(wantedOf({ read: true }, "read"), true);
  assertEquals(wantedOf({ read: ["/a"] }, "read"), ["/a"]);
});
