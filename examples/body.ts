/**
 * Reads bodies of requests up to a limit, and refuses longer bodies before they fill the memory.
 * The file needs nothing but Deno, and may be copied.
 */

/** The size of the buffer before the first bytes come; no client decides how large it is. */
const FIRST_BYTES = 4_096;

/** A body is longer than its reader takes. */
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
 * byte is read. A client that announces nothing, or too little, is cut off at the limit.
 *
 * `request.text()`, `json()`, `bytes()` and `formData()` have no limit, and keep everything in memory.
 *
 * @param request The request, with a body that nobody has read.
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
    // A buffer that grows: single bytes from a client must not become single objects.
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
