/**
 * Reads bodies of requests that fit into memory, and refuses the others before they are there.
 * The file needs nothing but Deno: copy it.
 */

/** How many bytes are set aside before the first ones come: a client may announce what it likes. */
const FIRST_BYTES = 4_096;

/** A body that is longer than its reader takes; the answer to it is 413. */
export class BodyTooLargeError extends Error {
  /** The name of the class. */
  override name = "BodyTooLargeError";
  /** The HTTP status of the answer. */
  readonly status = 413;

  constructor(limit: number) {
    super(`Cannot read the body: it has more than ${limit} bytes`);
  }
}

/**
 * Reads the body of a request. A client that announces too many bytes is refused before the first
 * of them is read; one that announces nothing, or too few, is cut off at the limit.
 *
 * `request.text()`, `json()`, `bytes()` and `formData()` have no limit: they keep in memory whatever
 * a client sends.
 *
 * @param request The request; its body must not have been read.
 * @param limit How many bytes the body may have.
 * @param signal Stops the reading, of a client that sends too slowly: `AbortSignal.timeout(5_000)`.
 * @returns The bytes; none if there is no body.
 * @throws {BodyTooLargeError} If the body is longer.
 * @throws {unknown} The reason of `signal`, if it aborts before the body has arrived.
 */
export async function readBody(
  request: Request,
  limit: number,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const { body } = request;
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const stop = () => void reader.cancel(signal!.reason).catch(() => {});
  try {
    if (Number(request.headers.get("content-length")) > limit) throw new BodyTooLargeError(limit);
    signal?.throwIfAborted();
    signal?.addEventListener("abort", stop);
    // One buffer that grows: a client that sends single bytes must not make an object of each.
    let bytes = new Uint8Array(Math.min(limit, FIRST_BYTES));
    let length = 0;
    while (true) {
      const { done, value } = await reader.read();
      signal?.throwIfAborted();
      if (done) return bytes.subarray(0, length);
      const needed = length + value.length;
      if (needed > limit) throw new BodyTooLargeError(limit);
      if (needed > bytes.length) bytes = longer(bytes, Math.min(limit, 2 * needed));
      bytes.set(value, length);
      length = needed;
    }
  } catch (error) {
    // The rest is not read: the connection ends with the answer.
    await reader.cancel(error).catch(() => {});
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

function longer(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(length);
  copy.set(bytes);
  return copy;
}
