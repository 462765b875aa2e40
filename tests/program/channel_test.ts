import { serialize } from "node:v8";
import { assertEquals, assertRejects } from "@std/assert";
import { Executor, WorkerCrashedError } from "@genro/executor";
import { lacksProcesses, testUnless } from "../support/features.ts";

const testOfProcesses = testUnless(lacksProcesses);

type Attack = () => Promise<unknown>;

/** Node's `process`, as a task in a process has it. */
interface ChannelProcess {
  send: unknown;
  disconnect(): void;
  removeAllListeners(type?: string): void;
  emit(type: string, ...args: unknown[]): boolean;
  listeners(type: string): ((...args: unknown[]) => void)[];
  channel: { unref(): void };
}

/** What ends the process of the task that does it. */
const endings: Record<string, Attack> = {
  "disconnects": async () => {
    (process as unknown as ChannelProcess).disconnect();
    return await new Promise(() => {});
  },
  "disconnects, and hears nothing of it": async () => {
    const { default: process } = await import("node:process") as unknown as {
      default: ChannelProcess;
    };
    for (const type of ["message", "disconnect", "error"]) process.removeAllListeners(type);
    process.disconnect();
    setInterval(() => {}, 1_000);
    return await new Promise(() => {});
  },
  "says that the host is gone": async () => {
    (process as unknown as ChannelProcess).emit("disconnect");
    return await new Promise(() => {});
  },
  "says that the channel is broken": async () => {
    (process as unknown as ChannelProcess).emit("error", new Error("broken"));
    return await new Promise(() => {});
  },
};

/** What a task can write into its channel, whose descriptor is one of the first. */
function write(bytes: number[]): Promise<unknown> {
  const task = async (bytes: number[]) => {
    const { Socket } = await import("node:net");
    for (let fd = 3; fd < 6; fd++) {
      try {
        const socket = new Socket({ fd });
        socket.on("error", () => {});
        socket.write(new Uint8Array(bytes));
      } catch { /* it is no socket */ }
    }
    return await new Promise(() => {});
  };
  return attacked((executor) => executor.with({ timeout: 500 }).runCpu(task, bytes));
}

/** Runs an attack beside a neighbour, and sees that nothing else comes to harm. */
async function attacked<T>(attack: (executor: Executor) => Promise<T>): Promise<T> {
  const options = { isolation: "process", maxWorkers: 1 } as const;
  await using executor = await Executor.start({ cpu: options, blocking: options });
  const neighbour = executor.runBlocking(async () => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    return "unharmed";
  });
  try {
    return await attack(executor);
  } finally {
    assertEquals(await executor.runCpu(() => "replaced"), "replaced");
    assertEquals(await neighbour, "unharmed");
    assertEquals(executor.stats().cpu.workers, 1);
  }
}

for (const [what, attack] of Object.entries(endings)) {
  testOfProcesses(`A task that ${what} ends its process, and no more`, async () => {
    await assertRejects(
      () => attacked((executor) => executor.with({ timeout: 5_000 }).runCpu(attack)),
      WorkerCrashedError,
    );
  });
}

/** A message as Node writes it: its length is in the first four bytes. */
function message(value: unknown): number[] {
  const bytes = serialize(value);
  return [0, 0, 0, bytes.length, ...bytes];
}

const garbage: Record<string, number[]> = {
  "a message that cannot be read": [0, 0, 0, 5, 1, 2, 3, 4, 5],
  "an empty message": [0, 0, 0, 0],
  "the beginning of a message without end": [255, 255, 255, 255, 1],
  "null": message(null),
  "nothing": message(undefined),
  "a number": message(5),
  "an empty list": message([]),
  "what Node would close the channel for": message({ cmd: "NODE_CLOSE" }),
  "what Node would take a handle for": message({ cmd: "NODE_HANDLE", type: "net.Socket" }),
};

for (const [what, bytes] of Object.entries(garbage)) {
  testOfProcesses(`A task that writes ${what} into its channel ends its process`, async () => {
    const error = await assertRejects(() => write(bytes));
    // Without end, or where the channel has another descriptor, its time limit ends the process.
    assertEquals(
      error instanceof WorkerCrashedError || (error as Error).name === "TimeoutError",
      true,
      `${error}`,
    );
  });
}

testOfProcesses("A task in a process has no way into the runtime, and none to answer", async () => {
  await using executor = await Executor.start({ cpu: { isolation: "process" } });
  const found = await executor.runCpu(async () => {
    const { default: process } = await import("node:process") as unknown as {
      default: ChannelProcess;
    };
    const { internal } = Deno as unknown as { internal: symbol };
    const internals = (Deno as unknown as Record<symbol, unknown>)[internal];
    const denied = (ask: () => unknown) => {
      try {
        return ask();
      } catch (error) {
        return (error as Error).name;
      }
    };
    return {
      // Does nothing, for modules that would serve messages of their own.
      isSent: (process.send as ((message: unknown) => boolean) | undefined)?.([2, 1, "forged"]),
      core: (internals as { core?: unknown } | undefined)?.core,
      descriptor: denied(() => Deno.env.get("NODE_CHANNEL_FD")),
    };
  });
  assertEquals(found, { isSent: true, core: undefined, descriptor: "NotCapable" });
});

testOfProcesses(
  "A process without Deno's internals still loads CommonJS and packages",
  async () => {
    await using executor = await Executor.start({ cpu: { isolation: "process" } });
    const found = await executor.runCpu(async () => {
      const { createRequire } = await import("node:module");
      const require = createRequire("file:///");
      const { AsyncLocalStorage } = require("node:async_hooks");
      const storage = new AsyncLocalStorage();
      // Before Deno 2.8 the global `setTimeout` is not Node's, and knows nothing of `promisify`.
      const { setTimeout } = require("node:timers");
      const { promisify } = require("node:util");
      return await storage.run("kept", async () => {
        await promisify(setTimeout)(1);
        return storage.getStore();
      });
    });
    assertEquals(found, "kept");
  },
);
