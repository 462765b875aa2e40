/** What workers are sent: a test of a mechanism asserts that the mechanism was at work. */

import { type CallMessage, CallReader, isCalls } from "../../src/wire/calls.ts";

/** Counts the calls that workers are sent, and the messages in which the calls travel. */
export class SentCalls implements Disposable {
  /** How many calls were sent; a call that was taken back and sent again counts twice. */
  calls = 0;
  /** In how many messages. */
  messages = 0;
  /** How many of these messages had several calls with objects, which the calls may share. */
  together = 0;
  readonly #original = Worker.prototype.postMessage;

  constructor() {
    const original = this.#original as (...args: unknown[]) => void;
    const note = (message: unknown) => this.#note(message);
    Worker.prototype.postMessage = function (this: Worker, ...args: unknown[]) {
      original.apply(this, args);
      note(args[0]);
    };
  }

  #note(message: unknown): void {
    if (!Array.isArray(message) || !isCalls(message as unknown as CallMessage)) return;
    const reader = new CallReader(message as unknown as CallMessage);
    this.messages++;
    if (reader.isTogether) this.together++;
    while (reader.next()) this.calls++;
  }

  [Symbol.dispose](): void {
    Worker.prototype.postMessage = this.#original;
  }
}
