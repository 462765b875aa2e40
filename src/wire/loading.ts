/**
 * Which task module this worker or process is loading. The answer is kept on the global object,
 * because a bundled program has two copies of this package: the program's and the worker's.
 */

const KEY = Symbol.for("@genro/executor is loading");

const scope = globalThis as { [KEY]?: string };

/** Loads a task module, whose URL {@linkcode loadingModule} returns until the module is loaded. */
export async function whileLoading(url: string, load: () => Promise<unknown>): Promise<unknown> {
  scope[KEY] = url;
  try {
    return await load();
  } finally {
    delete scope[KEY];
  }
}

/** The URL of the task module being loaded by this worker or process. */
export function loadingModule(): string | undefined {
  return scope[KEY];
}
