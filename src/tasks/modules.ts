/** The modules with tasks, as this thread has named the modules. */

/** A module with tasks. */
export interface TaskModule {
  readonly url: string;
  /** The specifier in the program's source, unless the specifier is a path. */
  readonly specifier: string | undefined;
  /** The URL of the module that uses the specifier. */
  readonly from: string | undefined;
  /** The index of the module in `modules`. */
  readonly index: number;
  /** Loads the module in this thread. */
  readonly load: () => Promise<unknown>;
}

/**
 * All modules with tasks, in the order in which `tasksFrom()` named the modules. The list only grows:
 * its length at the start of a worker says which modules the worker can load.
 */
export const modules: TaskModule[] = [];
const modulesByUrl = new Map<string, TaskModule>();

/** Whether this thread has named the module at a URL as a module with tasks. */
export function isNamed(url: string): boolean {
  return modulesByUrl.has(url);
}

/** Adds a module to the list, unless a module with the same URL is in the list. */
export function nameModule(
  url: string,
  load: () => Promise<unknown>,
  specifier?: string,
  from?: string,
): TaskModule {
  let module = modulesByUrl.get(url);
  if (module === undefined) {
    module = { url, specifier, from, index: modules.length, load };
    modules.push(module);
    modulesByUrl.set(url, module);
  }
  return module;
}
