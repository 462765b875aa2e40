/** The task, which runs in a process without permissions. */

import type { Answer, SnippetError } from "./answer.ts";
import { ERROR_CHARACTERS, MEMORY_MB, OUTPUT_CHARACTERS, RESULT_CHARACTERS } from "./limits.ts";
import { guardMemory } from "./memory_guard.ts";

guardMemory(MEMORY_MB);

// Kept from before the first snippet, for honest snippets that patch a global. No process can be
// defended against its own code.
const { stringify } = JSON;
const { inspect } = Deno;
const AsyncFunction = (async () => {}).constructor as new (
  ...parts: string[]
) => () => Promise<unknown>;

/**
 * Runs a snippet: the body of an async function, whose `return` is the result.
 *
 * @param source Its source.
 * @returns An {@linkcode Answer} as JSON: one string, as long as the limits allow.
 */
export async function runSnippet(source: string): Promise<string> {
  const output = new Output();
  globalThis.console = output.console;
  const answer: Answer = { ok: false, output: "" };
  try {
    const result = stringify(await new AsyncFunction(source)());
    if (result?.length > RESULT_CHARACTERS) {
      throw new RangeError(
        `Cannot return the result: it has ${result.length} characters of JSON, ` +
          `and ${RESULT_CHARACTERS} are allowed`,
      );
    }
    answer.result = result;
    answer.ok = true;
  } catch (thrown) {
    answer.error = describe(thrown);
  }
  answer.output = output.end();
  return stringify(answer);
}

/** How values are printed. */
const INSPECT_OPTIONS: Deno.InspectOptions = {
  colors: false,
  iterableLimit: 100,
  strAbbreviateSize: 10_000,
};

/** The lines that a snippet prints by `console`, up to a length. */
class Output {
  #text = "";
  #isFull = false;

  /** A `console` for the snippet. Timers that the snippet leaves behind print into nothing. */
  readonly console: Console = Object.assign(
    Object.fromEntries(Object.keys(console).map((name) => [name, () => {}])) as never,
    Object.fromEntries(
      ["debug", "error", "info", "log", "warn"].map((name) => [
        name,
        (...values: unknown[]) => this.#print(values),
      ]),
    ),
  );

  #print(values: unknown[]): void {
    for (let i = 0; i < values.length && !this.#isFull; i++) {
      const value = values[i];
      const text = typeof value === "string" ? value : inspect(value, INSPECT_OPTIONS);
      this.#text += clip(i === 0 ? text : ` ${text}`, OUTPUT_CHARACTERS);
      this.#isFull = this.#text.length >= OUTPUT_CHARACTERS;
    }
    if (!this.#isFull) this.#text += "\n";
  }

  /** Ends the output, and returns the printed lines. */
  end(): string {
    this.#isFull = true;
    return clip(this.#text, OUTPUT_CHARACTERS);
  }
}

/** Describes a thrown value of any kind. */
function describe(thrown: unknown): SnippetError {
  try {
    if (!(thrown instanceof Error)) {
      return { name: "Thrown", message: clip(inspect(thrown, INSPECT_OPTIONS), ERROR_CHARACTERS) };
    }
    const { name, message, stack } = thrown;
    return {
      name: clip(`${name}`, ERROR_CHARACTERS),
      message: clip(`${message}`, ERROR_CHARACTERS),
      stack: clip(`${stack}`, ERROR_CHARACTERS),
    };
  } catch {
    return { name: "Thrown", message: "What the snippet has thrown cannot be described" };
  }
}

function clip(text: string, length: number): string {
  return text.length > length ? text.slice(0, length - 1) + "…" : text;
}
