/**
 * Why Deno cannot start in the working directory of this program, which a process inherits, if the
 * reason can be known. Another directory is no way out: in a process, too, relative paths are the
 * program's.
 */
export function workingDirectoryFault(): string | undefined {
  try {
    Deno.cwd();
  } catch (error) {
    // An older Deno wants a permission to read the path.
    if (!(error instanceof Deno.errors.NotFound)) return;
    return "the working directory of this program was removed, and Deno starts only where there is " +
      "one; call Deno.chdir() with a directory that stays";
  }
}
