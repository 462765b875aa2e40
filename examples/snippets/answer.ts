/** The answer of a process: a JSON text of a bounded length. */

import {
  ANSWER_CHARACTERS,
  ERROR_CHARACTERS,
  OUTPUT_CHARACTERS,
  RESULT_CHARACTERS,
} from "./limits.ts";

/** The error of a snippet. */
export interface SnippetError {
  name: string;
  message: string;
  stack?: string;
}

/** How a snippet has ended. */
export interface Answer {
  /** Whether the snippet returned. */
  ok: boolean;
  /** The result as JSON; missing for a value such as `undefined`. */
  result?: string;
  /** The printed lines. */
  output: string;
  /** The error, if the snippet threw. */
  error?: SnippetError;
}

/**
 * Reads the answer of a process, which a snippet may have forged: nothing is taken on trust.
 *
 * @param sent The value that arrived, of any type.
 * @returns The answer, cut to the limits; nothing if the value is no answer.
 */
export function readAnswer(sent: unknown): Answer | undefined {
  if (typeof sent !== "string" || sent.length > ANSWER_CHARACTERS) return undefined;
  let answer: unknown;
  try {
    answer = JSON.parse(sent);
  } catch {
    return undefined;
  }
  if (!isObject(answer) || typeof answer.ok !== "boolean") return undefined;
  const { ok, result, output, error } = answer;
  return {
    ok,
    result: text(result, RESULT_CHARACTERS),
    output: text(output, OUTPUT_CHARACTERS) ?? "",
    error: isObject(error)
      ? {
        name: text(error.name, ERROR_CHARACTERS) ?? "Error",
        message: text(error.message, ERROR_CHARACTERS) ?? "",
        stack: text(error.stack, ERROR_CHARACTERS),
      }
      : undefined,
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function text(value: unknown, length: number): string | undefined {
  return typeof value === "string" ? value.slice(0, length) : undefined;
}
