import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { WorkerStartError } from "../../../src/api/errors.ts";
import { HAS_PIPES, processCommand } from "../../../src/backend/process_command.ts";
import type { PoolSettings } from "../../../src/settings/settings.ts";

const SERVER = "https://example.org/worker.ts";
const list = { source: "", isShort: true, exceptions: [], usesNames: false };

function commandOf(settings: Partial<PoolSettings>, naming = "") {
  const all = { args: [], memoryLimit: Infinity, permissions: "none", ...settings } as unknown;
  return processCommand(all as PoolSettings, SERVER, list, naming);
}

/** The flags of a command, without the modules that it loads. */
const flagsOf = (settings: Partial<PoolSettings>) => {
  const { args } = commandOf(settings);
  return args.slice(2, args.indexOf("--preload"));
};

Deno.test("processCommand() gives a process no more than its permissions, and its modules", () => {
  assertEquals(flagsOf({}), ["--no-prompt", "--quiet", "--allow-import=example.org:443"]);
  const flags = flagsOf({ permissions: { read: ["/tmp"], env: false } });
  assertEquals(flags.includes("--allow-read=/tmp"), true);
  assertEquals(
    flags.some((flag) => /^(?:-A|--allow-all|--allow-env|--allow-run)/.test(flag)),
    false,
  );
});

Deno.test("processCommand() says each flag once, all of V8's in one", () => {
  const args = [
    "--v8-flags=--a",
    "--unstable-kv",
    "--quiet",
    "--unstable-kv",
    "--v8-flags=--b,--c",
  ];
  assertEquals(flagsOf({ args, memoryLimit: 64 }).slice(0, 4), [
    "--unstable-kv",
    "--quiet",
    "--no-prompt",
    "--v8-flags=--a,--b,--c,--max-old-space-size=64",
  ]);
});

Deno.test("processCommand() runs the generated module before the program's own", () => {
  const { args } = commandOf({}, "/* naming */");
  const modules = args.slice(args.indexOf("--preload"));
  assertEquals([modules[0], modules[2]], ["--preload", "--preload"]);
  const source = decodeURIComponent(modules[1]!);
  assertStringIncludes(source, `import { serveHost } from "${SERVER}";\n/* naming */`);
  // The host's process, whether tasks have the program's storage, and whether there is a pipe.
  assertStringIncludes(source, `evaluate, ${Deno.pid}, false, ${HAS_PIPES});`);
  assertEquals(modules.at(-1), Deno.mainModule);
});

Deno.test("processCommand() refuses a command that this system does not take", () => {
  if (Deno.build.os === "darwin") return;
  assertThrows(
    () => commandOf({}, "x".repeat(200_000)),
    WorkerStartError,
    "Cannot start a process",
  );
});
