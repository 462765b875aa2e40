/** What a snippet comes to, as its process sends it: one JSON text of a bounded length. */

import {
  ANSWER_CHARACTERS,
  ERROR_CHARACTERS,
  OUTPUT_CHARACTERS,
  RESULT_CHARACTERS,
} from "./limits.ts";

/** What a snippet has thrown. */
export interface SnippetError {
  name: string;
  message: string;
  stack?: string;
}

/** What a snippet has done. */
export interface Answer {
  /** Whether it returned. */
  ok: boolean;
  /** What it returned, as JSON; nothing if JSON has no word for that. */
  result?: string;
  /** What it printed. */
  output: string;
  /** What it threw. */
  error?: SnippetError;
}

/**
 * Reads what a process has sent. The snippet has been there: nothing of it is taken on trust.
 *
 * @param sent What came, of whatever type.
 * @returns The answer, with no more in it than there may be; nothing if it is none.
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
