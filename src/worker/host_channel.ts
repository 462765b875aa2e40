import {
  ABORT,
  ALONE,
  BEGUN,
  type FromProcess,
  LOAD,
  READY,
  RUN,
  type ToWorker,
} from "../wire/protocol.ts";
import { HERE, PIPE_FD, RecordWriter } from "../wire/records.ts";
import type { PipeLedger } from "./own_ledger.ts";

/**
 * Node's `process` in a Deno process that was started with a channel, as far as it is used here.
 */
export interface ChannelProcess {
  send?: (message: FromProcess, sent: (error: Error | null) => void) => boolean;
  emit(type: string, ...args: unknown[]): boolean;
  on(type: string, listener: (...args: unknown[]) => void): void;
  disconnect(): void;
  listenerCount(type: string): number;
  getBuiltinModule?(name: "node:fs"): {
    writeSync(fd: number, bytes: ArrayBufferView, offset?: number, length?: number): number;
  };
  getBuiltinModule?(name: "node:v8"): Pick<typeof import("node:v8"), "serialize">;
}

/** The pipe of a process to its host: see wire/records.ts. */
export interface HostPipe {
  readonly records: RecordWriter;
  /** Writes a message at once; calls `onSent` then. */
  readonly send: HostChannel["send"];
}

/**
 * Opens the pipe to the host.
 *
 * @param onEnd Is called with an exit code if the host is gone.
 * @returns `undefined` if this Deno cannot write into a descriptor that the process has inherited.
 */
export function openPipe(
  process: ChannelProcess,
  onEnd: (code: number) => void,
): HostPipe | undefined {
  try {
    const { writeSync } = process.getBuiltinModule!("node:fs");
    const { serialize } = process.getBuiltinModule!("node:v8");
    writeSync(PIPE_FD, new Uint8Array());
    const records = new RecordWriter((bytes) => {
      try {
        for (let at = 0; at < bytes.byteLength;) {
          at += writeSync(PIPE_FD, bytes, at, bytes.byteLength - at);
        }
      } catch {
        onEnd(1);
      }
    }, serialize);
    const send: HostChannel["send"] = (message, onSent) => {
      if (message === READY) records.add(HERE, 0);
      if (typeof message === "number") records.flush();
      else records.send(message);
      onSent?.();
    };
    return { records, send };
  } catch { /* Messages do. */ }
}

/**
 * The channel between a process and its host. The module of a task may serve messages of its own if
 * used as a process's main module: so tasks never see the host's messages, and cannot answer.
 */
export class HostChannel {
  readonly #write: Required<ChannelProcess>["send"];
  readonly #disconnect: () => void;
  readonly #onEnd: (code: number) => void;

  /**
   * @param onMessage Takes each message of the host.
   * @param onEnd Is called with an exit code when the channel has ended: if the host is gone, at
   * the latest with the next message to the host.
   */
  constructor(
    process: ChannelProcess,
    onMessage: (message: ToWorker) => void,
    onEnd: (code: number) => void,
  ) {
    this.#write = process.send!.bind(process);
    this.#disconnect = process.disconnect.bind(process);
    this.#onEnd = onEnd;
    hideHostMessages(process, onMessage);
    process.on("disconnect", () => onEnd(0));
    process.on("error", () => onEnd(1));
  }

  /** Sends the host a message; `onSent` is called once the message is on its way. */
  readonly send = (message: FromProcess, onSent?: () => void): void => {
    // With a callback: without one, a channel whose host is gone is an uncaught error.
    this.#write(
      message,
      (error) => error === null || error === undefined ? onSent?.() : this.#onEnd(1),
    );
  };

  /** Closes the channel, which keeps the process alive. */
  close(): void {
    this.#disconnect();
  }
}

/**
 * Replaces `emit`, as libraries such as signal-exit do: each calls the function of the one before.
 */
function hideHostMessages(process: ChannelProcess, receive: (message: ToWorker) => void): void {
  const { emit } = process;
  process.emit = (type, ...args) =>
    type === "message" && isFromHost(args[0])
      ? (receive(args[0]), true)
      : emit.call(process, type, ...args);
  // No error: such a module may send a message while the module is loaded.
  process.send = () => true;
  // Deno reads the channel only while someone listens.
  process.on("message", () => {});
}

/** Whether a message is the host's: a message of this process to itself has another form. */
function isFromHost(message: unknown): message is ToWorker {
  return Array.isArray(message) && typeof message[0] === "number";
}

/**
 * Passes messages on in their order, and tells the host before a run, or the load of a module,
 * begins: the host must know what has begun, even if the process dies of the first thing that a
 * task does.
 */
export function announceRuns(
  channel: Pick<HostChannel, "send">,
  receive: (message: ToWorker) => void,
): (message: ToWorker) => void {
  /** The messages that came while the host is told. */
  let waiting: ToWorker[] | undefined;
  const take = (message: ToWorker) => {
    if (waiting !== undefined) return void waiting.push(message);
    const [kind, run] = message;
    if (kind !== RUN && kind !== ALONE && kind !== LOAD) return receive(message);
    waiting = [];
    channel.send([BEGUN, run], () => {
      const behind = waiting!;
      waiting = undefined;
      receive(message);
      for (const next of behind) take(next);
    });
  };
  return take;
}

/**
 * Passes messages on to a process with a pipe, whose ledger tells the host which runs begin. The load
 * of a module is told before.
 */
export function noteRuns(
  send: HostChannel["send"],
  ledger: PipeLedger,
  receive: (message: ToWorker) => void,
): (message: ToWorker) => void {
  return (message) => {
    ledger.noteTurn();
    switch (message[0]) {
      case ABORT:
        if (ledger.drop(message[1])) return;
        break;
      case LOAD:
        send([BEGUN, message[1]]);
    }
    receive(message);
  };
}
