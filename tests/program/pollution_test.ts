import { assertEquals } from "@std/assert";
import type { Runner } from "@genro/executor";
import { hasLocks, hasProcesses } from "../support/features.ts";
import { pathOf, Program } from "../support/processes.ts";

const root = new URL("../../", import.meta.url);

/** What a program that has been attacked, or a library without care, leaves on all objects. */
const permissions = ["read", "write", "net", "env", "sys", "run", "ffi", "import"];
/** What Deno, Node or this package would take for an option. */
const options = [
  ...["deno", "permissions", "name", "type", "env", "workerData"],
  ...["path", "host", "variable", "kind", "command"],
  ...["cwd", "uid", "gid", "detached", "serialization", "windowsHide"],
  ...["minWorkers", "maxWorkers", "isolation", "inline", "args", "memoryLimit", "preload"],
  ...["blocking", "cpu", "executor", "grace", "workerUrl", "ordered", "buffer", "wait"],
  ...["hostname", "port", "cert", "key", "certFile", "reusePort", "onListen", "onError"],
  ...["get", "set", "url", "transfer", "headers", "status"],
];

type Runs = { executor: Runner };

/** Does this while each of these keys is on `Object.prototype`, and prints what came of it. */
async function main(keys: string[], which: "worker" | "process" | "serve" | "lifespan") {
  const { Executor } = await import("@genro/executor");
  const { lifespan, serve } = await import("@genro/executor/serve");
  const names = ["read", "write", "net", "env", "sys", "run", "ffi", "import"] as const;
  const granted = (names: readonly Deno.PermissionDescriptor["name"][]) =>
    names.filter((name) => {
      const descriptor = { __proto__: null, name } as unknown as Deno.PermissionDescriptor;
      return Deno.permissions.querySync(descriptor).state === "granted";
    }).join();
  const isolation = which === "process" ? "process" : "worker";
  const cpu = { isolation, permissions: { sys: false } } as const;
  const attempts = {
    async worker() {
      await using executor = await Executor.start({ cpu });
      const failing = () => {
        throw new TypeError("no", { cause: new Error("why") });
      };
      const error = await executor.runCpu(failing).catch((error) => error);
      const mapped = await Array.fromAsync(executor.mapCpu((n: number) => n + 1, [1, 2]));
      return `${await executor.runCpu(granted, names)} ${error.cause.message} ${mapped}`;
    },
    async serve() {
      const handler = () => new Response("ok");
      const own = { hostname: "127.0.0.1", port: 0, onListen() {} };
      await using server = await serve(handler, { ...own, executor: { cpu } });
      const response = await fetch(`http://127.0.0.1:${server.addr.port}`);
      return `${await response.text()} ${await server.executor.runCpu(granted, names)}`;
    },
    async lifespan() {
      const handler = async (
        _: Request,
        { executor }: Runs,
      ) => new Response(await executor.runCpu(granted, names));
      const info = { remoteAddr: {}, completed: Promise.resolve() } as Deno.ServeHandlerInfo;
      const answer = await lifespan(handler).fetch(new Request("http://localhost"), info);
      return await answer.text();
    },
  };
  const attempt = attempts[which === "process" ? "worker" : which];
  const prototype = Object.prototype as unknown as Record<string, unknown>;
  for (const key of keys) {
    for (const value of [true, "inherit"]) {
      const property = {
        __proto__: null,
        value,
        configurable: true,
        enumerable: true,
        writable: true,
      };
      Object.defineProperty(prototype, key, property);
      const outcome = await attempt().catch((error) => `${error}`);
      delete prototype[key];
      console.log("outcome", JSON.stringify([key, typeof value, outcome]));
    }
  }
  Deno.exit();
}

async function outcomesOf(keys: string[], which: string): Promise<unknown[]> {
  const source = `await (${main})(${JSON.stringify(keys)}, ${JSON.stringify(which)})`
    .replace('"@genro/executor"', JSON.stringify(new URL("mod.ts", root).href))
    .replace('"@genro/executor/serve"', JSON.stringify(new URL("serve.ts", root).href));
  await using program = new Program([
    "run",
    "--quiet",
    "--no-prompt",
    "--allow-all",
    `--config=${pathOf("deno.json")}`,
    `data:text/javascript,${encodeURIComponent(source)}`,
  ]);
  const outcomes = [];
  for (let i = 0; i < 2 * keys.length; i++) {
    outcomes.push(JSON.parse((await program.line(/^outcome (.*)/))[1]!));
  }
  return outcomes;
}

/** Where a task runs, and what comes of it there when it is granted nothing. */
const entries: Record<string, [outcome: string, keys: string[]]> = {
  worker: [" why 2,3", [...permissions, ...options]],
  process: [" why 2,3", [...permissions, "cwd", "uid", "detached", "host", "serialization"]],
  serve: ["ok ", [...permissions, ...options]],
  lifespan: ["", permissions],
};

for (const [which, [outcome, keys]] of Object.entries(entries)) {
  // Before 2.9 Deno's own server fails with some of them.
  const isPossible = which === "process" ? hasProcesses : which !== "serve" || hasLocks;
  const test = isPossible ? Deno.test : Deno.test.ignore;
  test(`Nothing on Object.prototype grants a task permissions: ${which}`, async () => {
    const expected = keys.flatMap((key) =>
      ["boolean", "string"].map((type) => [key, type, outcome])
    );
    assertEquals(await outcomesOf(keys, which), expected);
  });
}
