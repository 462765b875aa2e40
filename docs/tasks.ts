/** The tasks of this guide: plain functions, which know nothing of the executor. */

import { DatabaseSync } from "node:sqlite";
import { gzipSync } from "node:zlib";

/** Counts the words of a text. */
export function countWords(text: string): number {
  return text.split(/\s+/).filter((word) => word !== "").length;
}

/** Compresses a text. */
export function compress({ text, level = 6 }: { text: string; level?: number }): Uint8Array {
  return new Uint8Array(gzipSync(text, { level }));
}

/** This worker's own connection: made by the first task that needs it. */
let database: DatabaseSync | undefined;

/** Adds in SQL. */
export function addInSql(a: number, b: number): number {
  database ??= new DatabaseSync(":memory:");
  return database.prepare("SELECT ? + ? AS sum").get(a, b)!.sum as number;
}

let calls = 0;

/** How often `countCalls` was called in this worker. */
export function countCalls(): number {
  return ++calls;
}

/** A customer asks for more than is allowed. */
export class LimitError extends Error {
  override name = "LimitError";
  readonly code = "E_LIMIT";
  constructor(readonly limit: number) {
    super(`expected at most ${limit}`);
  }
}

/** Refuses numbers above 10. */
export function limited(n: number): number {
  if (n > 10) throw new LimitError(10);
  return n;
}
