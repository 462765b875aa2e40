/** Other versions of Deno, from npm. */

/**
 * A command of another version of Deno.
 *
 * @param version A version such as `2.9.0`, or `2.5` for the latest patch of it.
 */
export function npmDeno(
  version: string,
  args: readonly string[],
  options: Omit<Deno.CommandOptions, "args">,
): Deno.Command {
  // Deno hands a .cmd file and its arguments to cmd.exe, quoted as cmd.exe reads them:
  // https://github.com/denoland/deno/blob/v2.9.0/runtime/subprocess_windows/src/process.rs
  const npx = Deno.build.os === "windows" ? "npx.cmd" : "npx";
  return new Deno.Command(npx, { ...options, args: ["--yes", `deno@${version}`, ...args] });
}
