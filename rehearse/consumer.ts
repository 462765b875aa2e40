/** How a program of Deno ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Somebody who uses a registry: with a project, and a cache that is empty at first. */
export class Consumer implements AsyncDisposable {
  readonly #home = Deno.realPathSync(Deno.makeTempDirSync());
  readonly #registry: string;
  /** The folder of the project. */
  readonly project = `${this.#home}/project`;

  /**
   * Makes a folder for the project.
   *
   * @param registry Where `jsr:` packages are.
   */
  constructor(registry: string) {
    this.#registry = registry;
    Deno.mkdirSync(this.project);
  }

  /** Writes a file of the project. */
  async write(name: string, text: string): Promise<void> {
    await Deno.writeTextFile(`${this.project}/${name}`, text);
  }

  /** Reads a file of the project. */
  async read(name: string): Promise<Uint8Array<ArrayBuffer>> {
    return await Deno.readFile(`${this.project}/${name}`);
  }

  /** Adds settings to the project's deno.json. */
  async configure(settings: object): Promise<void> {
    const config = JSON.parse(
      await Deno.readTextFile(`${this.project}/deno.json`).catch(() => "{}"),
    );
    await this.write("deno.json", JSON.stringify({ ...config, ...settings }));
  }

  /** Empties the cache. */
  async forget(): Promise<void> {
    await Deno.remove(`${this.#home}/cache`, { recursive: true });
  }

  /** Runs Deno in the project. */
  async deno(args: string[], env: Record<string, string> = {}): Promise<Outcome> {
    return await this.#run(Deno.execPath(), args, env);
  }

  /** Runs a program of the project. */
  async run(program: string): Promise<Outcome> {
    return await this.#run(`${this.project}/${program}`, [], {});
  }

  async #run(command: string, args: string[], env: Record<string, string>): Promise<Outcome> {
    const { code, stdout, stderr } = await new Deno.Command(command, {
      args,
      cwd: this.project,
      env: {
        DENO_DIR: `${this.#home}/cache`,
        DENO_NO_PROMPT: "1",
        DENO_NO_UPDATE_CHECK: "1",
        JSR_URL: this.#registry,
        NO_COLOR: "1",
        ...env,
      },
      stdin: "null",
      signal: AbortSignal.timeout(120_000),
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: text(stdout), stderr: text(stderr) };
  }

  /** Removes all that is its own. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#home, { recursive: true });
  }
}
