/** How what an iterator has begun is ended, once it has begun something. */
export interface Handle {
  close?: () => void | Promise<void>;
}

/** An iterator that is left between two values and never used again runs no `finally`. */
const abandoned = new FinalizationRegistry<Handle>(async ({ close }) => {
  try {
    await close?.();
  } catch { /* Nobody is there to hear of it. */ }
});

/**
 * Closes what a generator has begun when nobody has the generator any more.
 *
 * @param make Makes the generator, which sets `close`; nothing that `close` holds may hold the
 * generator while that waits at a `yield`.
 */
export function closeWhenCollected<G extends object>(make: (handle: Handle) => G): G {
  const handle: Handle = {};
  const generator = make(handle);
  abandoned.register(generator, handle);
  return generator;
}
