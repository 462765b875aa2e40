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

/** The worker's ends of the streams and ports among the arguments of a run. */
export class GivenEnds {
  readonly #post: Post;
  readonly #ends: readonly AdoptedEnd[];
  /** The ids of the ends that the host knows to be closed. */
  readonly #ended = new Set<number>();
  /** The ids of the ends that the host knows to be left: nobody uses such an end. */
  readonly #left = new Set<number>();

  /**
   * Takes the streams and ports.
   *
   * @param args The arguments; the streams in them are replaced.
   */
  constructor(post: Post, args: unknown[], moved: readonly MovedEnd[]) {
    this.#post = post;
    const [ended, left] = [this.#ended, this.#left];
    // The events of a stream must not keep this object, which would keep the stream.
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
   * The run has ended. Streams that somebody reads or writes go on. The host is told of each other
   * stream, or, if the run has failed, the stream ends, as nobody will ever use it.
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
