import { assertEquals } from "@std/assert";
import { hasLocks, testUnless } from "../support/features.ts";

/**
 * The rooms of src/, from the lowest: a file imports from its own room and from the rooms before.
 * What runs in a worker knows nothing of the host: see {@linkcode FORBIDDEN}.
 */
const ROOMS = [
  "runtime",
  "api",
  "wire",
  "worker",
  "tasks",
  "settings",
  "telemetry",
  "backend",
  "member",
  "pool",
  "lifecycle",
  "calls",
  "executor.ts",
  "program",
  "server",
  "serve.ts",
];
/** The rooms that a room does not import from, though they are lower. */
const FORBIDDEN: Readonly<Record<string, readonly string[]>> = {
  api: ["runtime"],
  tasks: ["worker"],
  settings: ["worker"],
  telemetry: ["worker"],
  member: ["worker"],
  pool: ["worker"],
  lifecycle: ["worker"],
  calls: ["worker"],
  program: ["worker"],
  server: ["worker"],
};
/** What only one file imports, and why. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  "src/backend/inline.ts": "runs tasks beside the host, as a worker does elsewhere",
  "src/backend/entry.ts": "puts worker.ts into the module graph",
};

interface Import {
  readonly from: string;
  readonly to: string;
}

/** What `deno info --json` tells of a module. */
interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly Dependency[];
}

interface Dependency {
  readonly code?: { readonly specifier: string };
  readonly type?: { readonly specifier: string };
  readonly isDynamic?: boolean;
}

const root = new URL("../../", import.meta.url);

/** The modules that a file at the top imports, directly or not. */
async function modulesOf(entry: string): Promise<readonly Module[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: root,
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).modules;
}

/** The URLs of the modules that are loaded at once where a file at the top is imported. */
async function loadedAtOnce(entry: string): Promise<string[]> {
  const modules = new Map((await modulesOf(entry)).map((module) => [module.specifier, module]));
  const loaded = new Set([new URL(entry, root).href]);
  for (const url of loaded) {
    for (const { code, isDynamic } of modules.get(url)?.dependencies ?? []) {
      if (code !== undefined && !isDynamic) loaded.add(code.specifier);
    }
  }
  return [...loaded];
}

/** All imports among the files of the package, of types, too. */
async function imports(): Promise<Import[]> {
  const found = new Map<string, Import>();
  for (const entry of ["mod.ts", "serve.ts", "worker.ts"]) {
    for (const { specifier, dependencies = [] } of await modulesOf(entry)) {
      const from = pathOf(specifier);
      for (const { code, type } of dependencies) {
        const to = pathOf((code ?? type)?.specifier ?? "");
        if (from !== undefined && to !== undefined) found.set(`${from} ${to}`, { from, to });
      }
    }
  }
  return [...found.values()];
}

/** The path of a file of the package's own code. */
function pathOf(specifier: string): string | undefined {
  const path = specifier.startsWith(root.href) ? specifier.slice(root.href.length) : "";
  return /^(?:src\/|(?:mod|executor|serve|worker)\.ts$)/.test(path) ? path : undefined;
}

function roomOf(path: string): string {
  return path.startsWith("src/") ? path.split("/")[1]! : path;
}

/** Whether a file may import another one. */
function isAllowed({ from, to }: Import): boolean {
  const [room, other] = [roomOf(from), roomOf(to)];
  if (room === other || from in EXCEPTIONS && (other === "worker" || other === "worker.ts")) {
    return true;
  }
  // The entry points are the package: mod.ts names what users import, worker.ts what a worker runs.
  if (from === "mod.ts") return true;
  if (from === "worker.ts") return ["runtime", "api", "wire", "worker"].includes(other);
  const [rank, otherRank] = [ROOMS.indexOf(room), ROOMS.indexOf(other)];
  return rank >= 0 && otherRank >= 0 && otherRank < rank &&
    !(FORBIDDEN[room]?.includes(other) ?? false);
}

/** The files of a circle of imports, if there is one. */
function findCircle(all: readonly Import[]): string[] | undefined {
  const targets = Map.groupBy(all, ({ from }) => from);
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return;
    for (const { to } of targets.get(file) ?? []) {
      const circle = visit(to, [...path, file]);
      if (circle !== undefined) return circle;
    }
    done.add(file);
  };
  for (const file of targets.keys()) {
    const circle = visit(file, []);
    if (circle !== undefined) return circle;
  }
}

/** Before 2.9 `deno info` asks npm for the types of Node. */
const isOlder = !hasLocks && "this Deno is not the one that checks types";

testUnless(isOlder)(
  "The rooms of src/ import one way, types included, and never in circles",
  async () => {
    const all = await imports();
    const refused = all.filter((one) => !isAllowed(one)).map(({ from, to }) => `${from} -> ${to}`);
    assertEquals(refused, []);
    assertEquals(findCircle(all), undefined);
    // Of each room some files were seen.
    assertEquals(new Set(all.map(({ from }) => roomOf(from))).size > ROOMS.length, true);
  },
);

testUnless(isOlder)("mod.ts and worker.ts load no module of Node's at once", async () => {
  for (const entry of ["mod.ts", "worker.ts"]) {
    const loaded = await loadedAtOnce(entry);
    assertEquals(loaded.length > 30, true);
    // Deno takes some 15 ms to load the first module of Node's.
    assertEquals(loaded.filter((url) => url.startsWith("node:")), []);
  }
});

Deno.test("src/ has rooms only, each with files", async () => {
  const loose: string[] = [];
  for await (const { name, isFile } of Deno.readDir(new URL("src", root))) {
    if (isFile && name.endsWith(".ts")) loose.push(name);
  }
  assertEquals(loose, []);
});

Deno.test("findCircle() finds a circle of imports", () => {
  const of = (...pairs: string[]) =>
    pairs.map((pair) => ({ from: pair.charAt(0), to: pair.charAt(1) }));
  assertEquals(findCircle(of("ab", "bc", "ca")), ["a", "b", "c", "a"]);
  assertEquals(findCircle(of("ab", "ac", "bd", "cd")), undefined);
});
