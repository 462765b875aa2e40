/** A package of functions, which knows nothing of executors. @module */

/**
 * What a title is called in a URL.
 *
 * @param title Any text.
 * @returns Its letters and digits, in lower case, with hyphens between.
 */
export function slug(title: string): string {
  return title.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
}
