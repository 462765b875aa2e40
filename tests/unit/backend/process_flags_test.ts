import { assertEquals, assertThrows } from "@std/assert";
import { WorkerStartError } from "../../../src/api/errors.ts";
import { permissionFlags } from "../../../src/backend/process_flags.ts";

/** What a program has, what its task shall have, and the flags of the task's process. */
interface Case {
  readonly about: string;
  readonly program: Deno.PermissionOptions;
  readonly wanted: Deno.PermissionOptions;
  readonly hosts?: readonly string[];
  readonly variables?: readonly string[];
  /** The flags, or a part of the message of the refusal. */
  readonly flags: readonly string[] | string;
}

/** Without any import, a process would be granted the default hosts. */
const NO_IMPORT = "--allow-import=none.invalid";

const cases: readonly Case[] = [
  { about: "nothing", program: "inherit", wanted: "none", flags: [NO_IMPORT] },
  { about: "no permission named", program: "inherit", wanted: {}, flags: [NO_IMPORT] },
  {
    about: "all that a program has",
    program: { read: true, net: true },
    wanted: "inherit",
    flags: ["--allow-read", "--allow-net", NO_IMPORT],
  },
  {
    about: "all that a program without permissions has",
    program: "none",
    wanted: "inherit",
    flags: [NO_IMPORT],
  },
  {
    // A part of a permission is not inherited: Deno does not list which part that is.
    about: "all of what a program has in part",
    program: { read: ["/a"], write: true },
    wanted: "inherit",
    flags: ["--allow-write", NO_IMPORT],
  },
  {
    about: "some of it, by its name",
    program: { read: ["/a"], run: ["deno"] },
    wanted: { read: ["/a/b", "/a"], run: "inherit", write: false },
    flags: ["--allow-read=/a/b,/a", NO_IMPORT],
  },
  {
    about: "all of a permission that the program has",
    program: { sys: true, env: true },
    wanted: { sys: true, env: ["HOME"] },
    flags: ["--allow-env=HOME", "--allow-sys", NO_IMPORT],
  },
  {
    about: "a file by its URL",
    program: { read: true },
    wanted: { read: [new URL("file:///a%20b/c")] },
    flags: ["--allow-read=/a b/c", NO_IMPORT],
  },
  {
    about: "a host with its port",
    program: { net: ["127.0.0.1:80", "127.0.0.1:81"] },
    wanted: { net: ["127.0.0.1:80"] },
    flags: ["--allow-net=127.0.0.1:80", NO_IMPORT],
  },
  {
    about: "hosts of modules, as far as the program may import from there",
    program: { import: ["jsr.io:443"] },
    wanted: "none",
    hosts: ["jsr.io:443", "deno.land:443"],
    flags: ["--allow-import=jsr.io:443"],
  },
  {
    about: "hosts of modules beside those that are wanted",
    program: { import: ["127.0.0.1:1", "127.0.0.1:2"] },
    wanted: { import: ["127.0.0.1:1"] },
    hosts: ["127.0.0.1:1", "127.0.0.1:2"],
    flags: ["--allow-import=127.0.0.1:1,127.0.0.1:2"],
  },
  {
    about: "hosts of modules where all is granted",
    program: { import: true },
    wanted: { import: true },
    hosts: ["jsr.io:443"],
    flags: ["--allow-import"],
  },
  {
    about: "variables, some of them covered by a pattern",
    program: { env: ["AB*"] },
    wanted: { env: ["AB*", "AB_1"] },
    variables: ["AB_1", "AB_2", "C"],
    flags: ["--allow-env=AB*,AB_1", NO_IMPORT],
  },
  {
    about: "more than the program has",
    program: { read: ["/a"] },
    wanted: { read: ["/b"] },
    flags: 'a process read permission for "/b": this program has not got it',
  },
  {
    about: "all of what the program has in part",
    program: { write: ["/a"] },
    wanted: { write: true },
    flags: "a process write: this program has not got it, or not all of it",
  },
  {
    about: "what the program has not got at all",
    program: "none",
    wanted: { ffi: true },
    flags: "a process ffi: this program has not got it",
  },
  {
    about: "a path with a comma",
    program: { read: true },
    wanted: { read: ["/a,b"] },
    flags: "a comma cannot be said in a flag",
  },
  {
    about: "hosts that Deno does not tell of",
    program: { net: ["*.example.com"] },
    wanted: { net: ["*.example.com"] },
    flags: "Deno does not tell whether this program has all of it; name single hosts",
  },
];

/** Paths on Windows are others. */
const ignore = Deno.build.os === "windows";

for (const { about, program, wanted, hosts = [], variables = [], flags } of cases) {
  Deno.test({
    name: `permissionFlags() says of ${about}: ${
      typeof flags === "string" ? "refused" : flags.join(" ")
    }`,
    ignore,
    permissions: program,
    fn() {
      const call = () => permissionFlags(wanted, hosts, variables);
      if (typeof flags !== "string") return assertEquals(call(), flags);
      assertThrows(call, WorkerStartError, "Cannot give a process ");
      assertThrows(call, WorkerStartError, flags);
    },
  });
}
