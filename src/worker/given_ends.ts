import { STREAM_STATE } from "../wire/protocol.ts";
import type { Post } from "../wire/protocol.ts";
import {
  adopt,
  type AdoptedEnd,
  ENDED,
  HELD,
  LEFT,
  type MovedEnd,
} from "../wire/values/moved_ends.ts";

/** The streams and ports among the arguments of a run, as they are in its worker. */
export class GivenEnds {
  readonly #post: Post;
  readonly #ends: readonly AdoptedEnd[];
  /** Those whose end the host was told. */
  readonly #ended = new Set<number>();
  /** Those of which the host was told that nobody uses them. */
  readonly #left = new Set<number>();

  /**
   * Takes them.
   *
   * @param args The arguments; the streams in them are replaced.
   */
  constructor(post: Post, args: unknown[], moved: readonly MovedEnd[]) {
    this.#post = post;
    const [ended, left] = [this.#ended, this.#left];
    // What a stream tells must not keep this, and with it the stream.
    this.#ends = adopt(args, moved, {
      onUse(id) {
        if (left.delete(id)) post([STREAM_STATE, id, HELD]);
      },
      onEnd(id) {
        if (ended.has(id)) return;
        ended.add(id);
        post([STREAM_STATE, id, ENDED]);
      },
    });
  }

  /**
   * The run has ended. Streams that somebody reads or writes go on; of the others the host is told,
   * and if the run has failed they end, as nobody will ever use them.
   */
  runEnded(failed: boolean): void {
    for (const { id, end, guard } of this.#ends) {
      if (this.#ended.has(id) || !("locked" in end) || end.locked) continue;
      if (failed) {
        guard.fail(
          new DOMException(
            "The task that was given the stream failed before it used it",
            "AbortError",
          ),
        );
      } else {
        this.#left.add(id);
        this.#post([STREAM_STATE, id, LEFT]);
      }
    }
  }
}
