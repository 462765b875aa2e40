import type { ChannelProcess } from "./host_channel.ts";

/**
 * Calls `die` with an error that nobody has caught, unless a listener of a task handles the error.
 *
 * @param process Deno asks the listeners of Node's `process`, too, if no other listener has handled
 * a rejection.
 */
export function hearUncaught(process: ChannelProcess, die: (thrown: unknown) => void): void {
  hear<ErrorEvent>(
    "error",
    (event) => new ErrorEvent("error", event),
    ({ error }) => die(error),
  );
  hear<PromiseRejectionEvent>(
    "unhandledrejection",
    (event) => new PromiseRejectionEvent("unhandledrejection", event),
    ({ reason }) => die(reason),
    () => process.listenerCount("unhandledRejection") + process.listenerCount("uncaughtException"),
  );
}

/**
 * Hears an event before all listeners of tasks, and keeps the process alive until the host has been
 * told. So the listeners of tasks are asked with a copy of the event.
 *
 * @param countLater How many other listeners Deno asks after this listener.
 */
function hear<E extends Event>(
  type: string,
  copyOf: (event: E) => Event,
  die: (event: E) => void,
  countLater: () => number = () => 0,
): void {
  let copy: Event | undefined;
  addEventListener(type, (event) => {
    if (event === copy) return;
    event.stopImmediatePropagation();
    const outer = copy;
    copy = copyOf(event as E);
    const handled = !dispatchEvent(copy);
    copy = outer;
    if (handled) event.preventDefault();
    else if (countLater() === 0) {
      event.preventDefault();
      die(event as E);
    }
  });
}
