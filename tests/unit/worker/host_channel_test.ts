import { assertEquals } from "@std/assert";
import {
  announceRuns,
  type ChannelProcess,
  HostChannel,
} from "../../../src/worker/host_channel.ts";
import {
  ABORT,
  ALONE,
  BEGUN,
  LEARN,
  LOAD,
  READY,
  RETIRE,
  RUN,
  type ToWorker,
} from "../../../src/wire/protocol.ts";

/** Node's `process`, with a channel that a test holds. */
class FakeProcess implements ChannelProcess {
  readonly sent: unknown[] = [];
  /** Called when a message has been written, in the order of the messages. */
  readonly callbacks: ((error: Error | null) => void)[] = [];
  readonly listeners = new Map<string, ((...args: unknown[]) => void)[]>();
  isConnected = true;

  send? = (message: unknown, sent: (error: Error | null) => void): boolean => {
    this.sent.push(message);
    this.callbacks.push(sent);
    return true;
  };

  emit(type: string, ...args: unknown[]): boolean {
    for (const listener of this.listeners.get(type) ?? []) listener(...args);
    return this.listeners.has(type);
  }

  on(type: string, listener: (...args: unknown[]) => void): void {
    this.listeners.set(type, [...this.listeners.get(type) ?? [], listener]);
  }

  disconnect(): void {
    this.isConnected = false;
  }

  listenerCount(type: string): number {
    return this.listeners.get(type)?.length ?? 0;
  }
}

function open() {
  const process = new FakeProcess();
  const heard: ToWorker[] = [];
  const ends: number[] = [];
  const channel = new HostChannel(process, (message) => heard.push(message), (code) => {
    ends.push(code);
  });
  return { process, channel, heard, ends };
}

Deno.test("HostChannel keeps the host's messages from tasks, and leaves them all others", () => {
  const { process, heard } = open();
  const seen: unknown[] = [];
  process.on("message", (message) => seen.push(message));
  // A library that replaces `emit`, too.
  const { emit } = process;
  process.emit = function (this: FakeProcess, ...args) {
    return emit.apply(this, args);
  };
  const others = [{ kind: 1 }, ["a list"], [], "text", 1, null];
  for (const message of [[RUN, 1], ...others, [LEARN, 2]]) process.emit("message", message);
  assertEquals(heard as unknown[], [[RUN, 1], [LEARN, 2]]);
  assertEquals(seen, others);
});

Deno.test("HostChannel.send() is the only way to the host", () => {
  const { process, channel } = open();
  assertEquals(process.send!("a task's", () => {}), true);
  channel.send(READY);
  assertEquals(process.sent, [READY]);
});

Deno.test("HostChannel tells when a message is on its way, and when the host is gone", () => {
  const { process, channel, ends } = open();
  let sent = 0;
  channel.send(READY, () => sent++);
  assertEquals(sent, 0);
  process.callbacks[0]!(null);
  assertEquals([sent, ends], [1, []]);
  channel.send(READY, () => sent++);
  process.callbacks[1]!(new Error("closed"));
  assertEquals([sent, ends], [1, [1]]);
  process.emit("disconnect");
  process.emit("error", new Error("broken"));
  assertEquals(ends, [1, 0, 1]);
});

Deno.test("HostChannel.close() closes the channel, whatever a task has made of the way to do so", () => {
  const { process, channel } = open();
  process.disconnect = () => {};
  channel.close();
  assertEquals(process.isConnected, false);
});

/** Announces runs to a host that has read a message only when a test says so. */
function announce() {
  const log: unknown[] = [];
  const onSent: (() => void)[] = [];
  const take = announceRuns({
    send(message, sent) {
      log.push(message);
      if (sent !== undefined) onSent.push(sent);
    },
  }, (message) => log.push(["received", ...message]));
  return { log, take, sent: () => onSent.shift()!() };
}

Deno.test("announceRuns() tells the host before a run or a load begins", () => {
  const messages: [message: ToWorker, announced: unknown][] = [
    [[RUN, 7, 1, 0, 1], [BEGUN, 7]],
    [[ALONE, 8, { streams: true, buffers: undefined }], [BEGUN, 8]],
    [[LOAD, "file:///tasks.ts"], [BEGUN, "file:///tasks.ts"]],
  ];
  for (const [message, announced] of messages) {
    const { log, take, sent } = announce();
    take(message);
    assertEquals(log, [announced]);
    sent();
    assertEquals(log, [announced, ["received", ...message]]);
  }
});

Deno.test("announceRuns() passes other messages on at once, and in their order behind a run", () => {
  const { log, take, sent } = announce();
  const abort: ToWorker = [ABORT, 1, { root: { value: 1 }, errors: [] }];
  take([LEARN, 1, { source: "", name: "", file: "" }]);
  assertEquals(log.length, 1);
  take([RUN, 1]);
  take(abort);
  take([RUN, 2]);
  take([RETIRE]);
  assertEquals(log.slice(1), [[BEGUN, 1]]);
  sent();
  assertEquals(log.slice(1), [[BEGUN, 1], ["received", RUN, 1], ["received", ...abort], [
    BEGUN,
    2,
  ]]);
  sent();
  assertEquals(log.slice(5), [["received", RUN, 2], ["received", RETIRE]]);
});
