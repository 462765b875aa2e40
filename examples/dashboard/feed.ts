import type { Executor, ExecutorEvent, ExecutorEventType } from "@genro/executor";

/** How often, in ms, the counts are told. */
const INTERVAL = 250;
/** How many messages a page may leave unread; it is then cut off, and connects again. */
const MAX_UNREAD = 240;
const EVENTS: readonly ExecutorEventType[] = [
  "workerstart",
  "workerretire",
  "workererror",
  "workercrash",
  "workerstuck",
  "workerback",
  "queuefull",
];

type Page = ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;

/**
 * Tells any number of pages what goes on in an executor, as Server-Sent Events: `stats` four
 * times a second, and `happened` for each event of the executor. It costs nothing while no page
 * is open.
 */
export class Feed {
  readonly #executor: Executor;
  readonly #pages = new Set<Page>();
  readonly #encoder = new TextEncoder();
  #timer: ReturnType<typeof setInterval> | undefined;
  #closed = false;

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  /** The messages from now on, until the page leaves or the feed is closed. */
  open(): ReadableStream<Uint8Array<ArrayBuffer>> {
    let page: Page;
    return new ReadableStream({
      start: (controller) => {
        page = controller;
        if (this.#closed) page.close();
        else this.#enter(page);
      },
      cancel: () => this.#leave(page),
    });
  }

  /** Ends all streams: a server that stops waits for them. */
  close(): void {
    this.#closed = true;
    for (const page of this.#pages) this.#cutOff(page);
  }

  #enter(page: Page): void {
    page.enqueue(this.#encoder.encode(this.#stats()));
    this.#pages.add(page);
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.#send(this.#stats()), INTERVAL);
    for (const type of EVENTS) this.#executor.addEventListener(type, this.#tell);
  }

  #leave(page: Page): void {
    this.#pages.delete(page);
    if (this.#pages.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const type of EVENTS) this.#executor.removeEventListener(type, this.#tell);
  }

  #cutOff(page: Page): void {
    page.close();
    this.#leave(page);
  }

  #send(message: string): void {
    const bytes = this.#encoder.encode(message);
    for (const page of this.#pages) {
      page.enqueue(bytes);
      if (page.desiredSize! < -MAX_UNREAD) this.#cutOff(page);
    }
  }

  #stats(): string {
    return messageOf("stats", { time: Date.now(), ...this.#executor.stats() });
  }

  readonly #tell = ({ type, pool, worker, cause }: ExecutorEvent): void => {
    this.#send(messageOf("happened", { time: Date.now(), type, pool, worker, cause: why(cause) }));
  };
}

/** How much of a cause the pages are told. */
const MAX_CAUSE_CHARACTERS = 1_000;

/** Why something has happened, in short; a task can die of anything, and not all of it is text. */
function why(cause: unknown): string | undefined {
  if (cause === undefined) return;
  const text = cause instanceof Error
    ? cause.message
    : typeof cause === "object"
    ? "an object that is no error"
    : String(cause);
  return text.slice(0, MAX_CAUSE_CHARACTERS);
}

function messageOf(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
