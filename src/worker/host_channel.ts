import type { FromProcess, ToWorker } from "../wire/protocol.ts";

/** Node's `process` in a Deno process that was started with a channel, as far as it is used here. */
export interface ChannelProcess {
  send?: (message: FromProcess, sent: (error: Error | null) => void) => boolean;
  emit(type: string, ...args: unknown[]): boolean;
  on(type: string, listener: (...args: unknown[]) => void): void;
  disconnect(): void;
  listenerCount(type: string): number;
}

/**
 * The channel between a process and its host. Tasks never see what the host says: the module of a task
 * may serve messages of its own where it is a process's main module.
 */
export class HostChannel {
  readonly #write: Required<ChannelProcess>["send"];
  readonly #disconnect: () => void;
  readonly #onEnd: (code: number) => void;

  /**
   * @param onMessage Takes each message of the host.
   * @param onEnd Is called when the channel has ended, with the code to exit with: a host that is gone is
   * noticed with the next message to the host, at the latest.
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

  /** Sends the host a message; `onSent` is called when the message is on its way. */
  send(message: FromProcess, onSent?: () => void): void {
    // With a callback: without one, a channel whose host is gone is an uncaught error.
    this.#write(
      message,
      (error) => error === null || error === undefined ? onSent?.() : this.#onEnd(1),
    );
  }

  /** Closes the channel, which keeps the process alive. */
  close(): void {
    this.#disconnect();
  }
}

/** Libraries such as signal-exit replace `emit`, too: so each calls the function that was there before. */
function hideHostMessages(process: ChannelProcess, receive: (message: ToWorker) => void): void {
  const { emit } = process;
  process.emit = (type, ...args) =>
    type === "message" && isFromHost(args[0])
      ? (receive(args[0]), true)
      : emit.call(process, type, ...args);
  // No error: such a module may say that it is ready while it is loaded.
  process.send = () => true;
  // Deno reads the channel only while someone listens.
  process.on("message", () => {});
}

/** Whether a message is the host's: a message that is emitted within this process has another form. */
function isFromHost(message: unknown): message is ToWorker {
  return Array.isArray(message) && typeof message[0] === "number";
}
