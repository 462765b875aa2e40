import nodeProcess from "node:process";
import { fileURLToPath } from "node:url";

/**
 * The path of a file of this package, by its path from the package's folder. `URL.pathname` is no
 * path: on Windows it begins with a slash, and everywhere it keeps `%20` for a space.
 */
export const pathOf = (file: string): string =>
  fileURLToPath(new URL(`../../${file}`, import.meta.url));

/**
 * Makes a temporary folder. Its path is the one that its processes get from the system as their
 * current folder: `TMPDIR` leads through symbolic links on macOS and may have a short name such as
 * `RUNNER~1` on Windows, and a permission for the one path is no permission for the other.
 */
export async function makeTempFolder(): Promise<string> {
  return await Deno.realPath(await Deno.makeTempDir());
}

/** The variables that say where temporary files go; which of them counts, the system knows. */
export const temporaryIn = (folder: string): Record<string, string> =>
  Object.fromEntries(["TMPDIR", "TEMP", "TMP"].map((name) => [name, folder]));

/** Whether a process runs. A process that ended and was not waited for, a zombie, does not. */
export function isAlive(pid: number): boolean {
  switch (Deno.build.os) {
    case "linux":
    case "android":
      try {
        return !/^\d+ \(.*\) [ZX] /s.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
      } catch (error) {
        // A process that ends between opening its file and reading the file answers ESRCH.
        if (error instanceof Deno.errors.NotFound || /ESRCH|os error 3\b/.test(`${error}`)) {
          return false;
        }
        throw error;
      }
    case "windows":
      // Deno answers by the exit code of the process, which Windows has once the process ended.
      // https://github.com/denoland/deno/blob/v2.9.0/ext/process/lib.rs
      try {
        return nodeProcess.kill(pid, 0);
      } catch {
        return false;
      }
    default: {
      // macOS and the BSDs have no /proc, and signal 0 reaches zombies.
      const args = ["-o", "stat=", "-p", String(pid)];
      const { stdout } = new Deno.Command("ps", { args }).outputSync();
      return /^[^ZX]/.test(new TextDecoder().decode(stdout).trim());
    }
  }
}

/** How a program is run. */
export interface ProgramOptions {
  cwd?: string | URL;
  env?: Record<string, string>;
  /** Whether its environment is just `env`. */
  clearEnv?: boolean;
  /** Whether it has a group of processes of its own, which {@linkcode Program.killGroup} needs. */
  detached?: boolean;
}

/** A program that runs beside the test, with the lines it prints on stdout and stderr. */
export class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly printed: string[] = [];
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(args: string[], options: ProgramOptions = {}) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args,
      cwd: new URL("../..", import.meta.url),
      ...options,
      env: { NO_COLOR: "1", ...options.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    // A test that waits for what never comes ends with an error.
    this.#timer = setTimeout(() => this.kill("SIGKILL"), 180_000);
    const streams = [this.#child.stdout, this.#child.stderr];
    this.#lines = merged(streams.map((stream) => lines(stream)));
  }

  /** The first match in a line that it prints from now on. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    while (true) {
      const { done, value } = await this.#lines.next();
      if (done) {
        throw new Error(`It ended before it printed ${pattern}: ${this.printed.join("\n")}`);
      }
      this.printed.push(value);
      const match = pattern.exec(value);
      if (match !== null) return match;
    }
  }

  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch { /* it has ended */ }
  }

  /** Sends a signal to all its processes, as a service manager does. */
  killGroup(signal: Deno.Signal): void {
    Deno.kill(-this.#child.pid, signal);
  }

  /** What it prints from now on. */
  async *#rest(): AsyncGenerator<string> {
    for (let next = await this.#lines.next(); !next.done; next = await this.#lines.next()) {
      yield next.value;
    }
  }

  /** How it ended. */
  async ended(): Promise<Deno.CommandStatus> {
    for await (const line of this.#rest()) this.printed.push(line);
    clearTimeout(this.#timer);
    return await this.#child.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.ended();
  }
}

/** What several sources yield, as it comes. */
async function* merged<T>(sources: AsyncIterator<T>[]): AsyncGenerator<T> {
  const next = (source: AsyncIterator<T>) => source.next().then((result) => ({ source, result }));
  const waiting = new Map(sources.map((source) => [source, next(source)]));
  while (waiting.size > 0) {
    const { source, result } = await Promise.race(waiting.values());
    waiting.delete(source);
    if (result.done) continue;
    waiting.set(source, next(source));
    yield result.value;
  }
}

async function* lines(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
  if (rest !== "") yield rest;
}
