import { copyBytes } from "./bytes.ts";
import { assertCloneable } from "./cloneable.ts";
import { fixedList } from "./intrinsics.ts";
import type { DONE, Said } from "./protocol.ts";
import type { Post } from "./task_server.ts";
import { transferablesOf } from "./transfer.ts";

/**
 * Sends the host a value of a run: what it has marked for transfer is moved, large bytes are
 * copied once, and all else is cloned.
 *
 * @throws What structured clone throws.
 */
export function sendValue(
  post: Post,
  kind: typeof DONE | Said[0],
  run: number,
  value: unknown,
): void {
  assertCloneable(value);
  const transferables = transferablesOf(value);
  const copy = transferables === undefined ? copyBytes(value) : undefined;
  if (copy === undefined) post([kind, run, value], transferables);
  else post([kind, run, copy.value], fixedList([copy.buffer]));
}
