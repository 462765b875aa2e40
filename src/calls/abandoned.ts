/** Ends the work that an iterator has begun; `close` is set when the work begins. */
export interface Handle {
  close?: () => void | Promise<void>;
}

/** Closes handles whose generator was collected: a generator that nobody resumes runs no `finally`. */
const abandoned = new FinalizationRegistry<Handle>(async ({ close }) => {
  try {
    await close?.();
  } catch { /* Nobody is there to hear of the error. */ }
});

/**
 * Makes a generator whose work ends when the garbage collector takes the generator.
 *
 * @param make Makes the generator, which sets `close`. The function `close` must not refer to the
 * generator while the generator waits at a `yield`, or the generator is never collected.
 */
export function closeWhenCollected<G extends object>(make: (handle: Handle) => G): G {
  const handle: Handle = {};
  const generator = make(handle);
  abandoned.register(generator, handle);
  return generator;
}
