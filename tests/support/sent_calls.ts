/** What workers are sent: a test of a mechanism asserts that the mechanism was at work. */

import { CallReader, isCalls } from "../../src/wire/calls.ts";
import { FORGET, type ToWorker } from "../../src/wire/protocol.ts";

/** Counts the calls that workers are sent, and the messages in which the calls travel. */
export class SentCalls implements Disposable {
  /** How many calls were sent; a call that was taken back and sent again counts twice. */
  calls = 0;
  /** In how many messages. */
  messages = 0;
  /** How many of these messages had several calls with objects, which the calls may share. */
  together = 0;
  /** How often a worker was told to forget the addresses of tasks. */
  forgets = 0;
  readonly #original = Worker.prototype.postMessage;

  constructor() {
    const original = this.#original as (...args: unknown[]) => void;
    const note = (message: unknown) => this.#note(message);
    Worker.prototype.postMessage = function (this: Worker, ...args: unknown[]) {
      original.apply(this, args);
      note(args[0]);
    };
  }

  #note(posted: unknown): void {
    if (!Array.isArray(posted)) return;
    const message = posted as unknown as ToWorker;
    if (message[0] === FORGET) this.forgets++;
    if (!isCalls(message)) return;
    const reader = new CallReader(message);
    this.messages++;
    if (reader.isTogether) this.together++;
    while (reader.next()) this.calls++;
  }

  [Symbol.dispose](): void {
    Worker.prototype.postMessage = this.#original;
  }
}
