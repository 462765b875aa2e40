import { copyBytes, isBuffer } from "../wire/values/bytes.ts";
import { assertCloneable, assertReadable } from "../wire/values/cloneable.ts";
import { BUFFER, type DONE, type Said, STREAM_STATE } from "../wire/protocol.ts";
import type { Post } from "../wire/protocol.ts";
import { transferablesOf } from "../wire/values/transfer.ts";
import { takeErrors } from "../wire/values/carried_errors.ts";
import { hasMetErrors } from "../wire/values/depth.ts";
import { ENDED, lend, movesEnds } from "../wire/values/moved_ends.ts";

/** The id of the next stream or port that moves to the host. Ids of the host count up from 1. */
let nextId = -1;

/**
 * Sends the host a value of a run. Objects marked for transfer are moved, large bytes are copied
 * once, and all else is cloned.
 *
 * @throws {unknown} An error of structured clone.
 */
export function sendValue(
  post: Post,
  kind: typeof DONE | Said[0],
  run: number,
  value: unknown,
): void {
  assertCloneable(value);
  const transferables = transferablesOf(value);
  if (transferables !== undefined && movesEnds(transferables)) {
    return sendEnds(post, kind, run, value, transferables);
  }
  if (typeof value === "object" && value !== null && hasMetErrors()) {
    const { value: rest, errors } = takeErrors(value);
    // The results of getters were not looked into.
    assertReadable(rest);
    return post(
      errors === undefined ? [kind, run, rest] : [kind, run, rest, errors],
      transferables,
    );
  }
  const copies = transferables === undefined && post.writes !== true;
  const copy = copies ? copyBytes(value) : undefined;
  const sent = copy === undefined ? value : copy.value;
  const moves = copy === undefined ? transferables : [copy.buffer];
  post(isBuffer(value) ? [kind, run, sent, BUFFER] : [kind, run, sent], moves);
}

/** Sends a value with streams or ports, and tells the host later when each has ended. */
function sendEnds(
  post: Post,
  kind: typeof DONE | Said[0],
  run: number,
  value: unknown,
  transferables: Transferable[],
): void {
  const { values, transfer, moved, guards } = lend(
    [value],
    transferables,
    () => nextId--,
    (id) => post([STREAM_STATE, id, ENDED]),
  );
  try {
    post([kind, run, values[0], moved], transfer);
  } catch (error) {
    for (const guard of guards.values()) guard.fail(error);
    throw error;
  }
}
