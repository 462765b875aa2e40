/** Node's way to start a process with a channel, as the way is in Deno. */

import type { ChildProcess } from "node:child_process";
import { tooLong } from "./command_line.ts";
import { HAS_PIPES, type ProcessCommand } from "./process_command.ts";
import { passOutput } from "./process_output.ts";
import { WorkerStartError } from "../api/errors.ts";
import type { PoolSettings } from "../settings/settings.ts";

/** Node's class in Deno: `spawn()` takes the whole environment, and asks for nothing else. */
export interface SpawnedProcess extends ChildProcess {
  spawn(options: SpawnOptions): void;
}

interface SpawnOptions {
  __proto__: null;
  file: string;
  args: string[];
  envPairs: string[];
  stdio: ["ignore" | "pipe", Output, Output, "ipc", ...pipe: "pipe"[]];
  serialization: "advanced";
}

/**
 * What becomes of the output of a process. A process that has all of the program's permissions
 * inherits the program's output; the output of any other process is passed on.
 */
type Output = "inherit" | "pipe" | "ignore";

/** Node's class, once loaded: Node's part of Deno takes time to load. */
let Child: new () => SpawnedProcess;
/** Reads V8's format, which a process writes into its pipe. */
let Deserializer: new (bytes: Uint8Array) => Reader;

/** What is used here of Node's deserializer. */
interface Reader {
  readHeader(): void;
  readValue(): unknown;
  _readHostObject(): ArrayBufferView;
}

/**
 * Loads what {@linkcode newChildProcess} needs.
 *
 * @throws {WorkerStartError} If this platform has no processes, or an older Deno no suitable
 * channel.
 */
export async function loadChildProcess(): Promise<void> {
  try {
    ({ ChildProcess: Child } = await import("node:child_process") as unknown as {
      ChildProcess: typeof Child;
    });
  } catch (cause) {
    throw new WorkerStartError("Cannot start processes: this platform has none", { cause });
  }
  if (HAS_PIPES) {
    const { DefaultDeserializer } = await import("node:v8") as unknown as {
      DefaultDeserializer: typeof Deserializer;
    };
    Deserializer = class extends DefaultDeserializer {
      // Or a view would be a part of the whole message.
      override _readHostObject() {
        return copyOf(super._readHostObject());
      }
    };
  }
  if (!("spawn" in Child.prototype)) {
    throw new WorkerStartError(
      `Cannot start processes: Deno ${Deno.version.deno} cannot give them a channel for all that ` +
        'is cloned; 2.6 can, or use { isolation: "worker" }',
    );
  }
}

/** A view with a buffer of its own. */
function copyOf(view: ArrayBufferView): ArrayBufferView {
  const { buffer, byteLength, byteOffset } = view;
  const View = view instanceof Uint8Array ? Uint8Array : view.constructor as Uint8ArrayConstructor;
  return new View(buffer.slice(byteOffset, byteOffset + byteLength));
}

/**
 * Reads a value in V8's format.
 *
 * @throws {Error} If the bytes are no such value.
 */
export function deserialize(bytes: Uint8Array): unknown {
  const reader = new Deserializer(bytes);
  reader.readHeader();
  return reader.readValue();
}

/** A process that is not started yet. */
export function newChildProcess(): SpawnedProcess {
  return new Child();
}

/**
 * Starts a process.
 *
 * @param input The text that the process reads from its standard input.
 * @returns Is to be called when the process has ended, and passes on its last output; `undefined`
 * if its output is not passed on.
 * @throws {WorkerStartError} If Deno would grant the process all permissions.
 */
export function spawn(
  child: SpawnedProcess,
  settings: PoolSettings,
  { args, environment }: ProcessCommand,
  input?: string,
): (() => Promise<void>) | undefined {
  const output = outputOf(settings);
  const options: SpawnOptions = {
    // Or Node finds options on `Object.prototype`, such as a `cwd`.
    __proto__: null,
    file: args[0]!,
    args,
    envPairs: pairsOf(environment),
    stdio: [
      input === undefined ? "ignore" : "pipe",
      output,
      output,
      "ipc",
      ...HAS_PIPES ? ["pipe", "pipe"] as const : [],
    ],
    serialization: "advanced",
  };
  child.spawn(options);
  // A process that could not be started has no output; its "error" is still to come.
  const passed = output === "pipe" && child.pid !== undefined ? passOutput(child) : undefined;
  // An error says that the process has ended, and so does its "exit".
  child.stdin?.on("error", () => {}).end(input);
  if (child.spawnargs.some((arg) => arg === "-A" || arg === "--allow-all")) {
    child.removeAllListeners();
    child.kill("SIGKILL");
    throw new WorkerStartError("Cannot start a process: Deno would grant it all permissions");
  }
  return passed;
}

/** Why a process was not started. */
export function whyNotStarted(
  error: Error,
  { spawnargs }: SpawnedProcess,
  environment: Readonly<Record<string, string>>,
): string {
  return tooLong(error, spawnargs, pairsOf(environment)) ?? error.message;
}

/** Closes a socket or a server that a process has passed on with a message. */
export function closeHandle(handle: unknown): void {
  const { destroy, close } = handle as { destroy?: () => void; close?: () => void };
  try {
    (destroy ?? close)?.call(handle);
  } catch { /* It is closed. */ }
}

function outputOf({ output, permissions }: PoolSettings): Output {
  if (output === "discard") return "ignore";
  return permissions === "inherit" ? "inherit" : "pipe";
}

function pairsOf(environment: Readonly<Record<string, string>>): string[] {
  return Object.entries(environment).map((pair) => pair.join("="));
}
