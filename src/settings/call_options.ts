import type { MapOptions, RunOptions, ShutdownOptions } from "../api/options.ts";
import { boolean, integer, milliseconds, ownOptions, wrongType } from "./checks.ts";

/** The options of a shutdown, complete and checked. */
export function shutdownOptions(options: ShutdownOptions | undefined): Required<ShutdownOptions> {
  const own = ownOptions("options", options, ["wait", "cancelQueued", "timeout"]);
  return {
    wait: boolean("wait", own("wait"), true),
    cancelQueued: boolean("cancelQueued", own("cancelQueued"), false),
    timeout: milliseconds("timeout", own("timeout"), Infinity),
  };
}

/** The options of a `map*` call, complete and checked. */
export function mapOptions(
  options: MapOptions | undefined,
): { ordered: boolean; buffer: number | undefined } {
  const own = ownOptions("options", options, ["ordered", "buffer"]);
  const buffer = own("buffer");
  return {
    ordered: boolean("ordered", own("ordered"), true),
    buffer: buffer === undefined || buffer === Infinity ? buffer : integer("buffer", buffer, 1, 1),
  };
}

/** The options of a run, checked. */
export function runOptions(options: RunOptions): RunOptions {
  const own = ownOptions("options", options, ["signal", "timeout", "onProgress", "tenant"]);
  const signal = own("signal");
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw wrongType("signal", "an AbortSignal", signal);
  }
  const timeout = milliseconds("timeout", own("timeout"), Infinity);
  if (timeout === 0) {
    throw new RangeError("Cannot use timeout: expected more than 0 ms, received 0");
  }
  const onProgress = own("onProgress");
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw wrongType("onProgress", "a function", onProgress);
  }
  return {
    signal,
    timeout: timeout === Infinity ? undefined : timeout,
    onProgress: onProgress as RunOptions["onProgress"],
    // A missing name must not make the task one of the program's own.
    ...Object.hasOwn(options, "tenant") && { tenant: tenantName(own("tenant")) },
  };
}

function tenantName(value: unknown): string {
  const expected = "a name that is not empty";
  if (typeof value !== "string") throw wrongType("tenant", expected, value);
  if (value === "") throw new RangeError(`Cannot use tenant: expected ${expected}, received ""`);
  return value;
}
