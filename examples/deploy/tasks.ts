/** The work of the server: as in any other program, plain functions. */

import { DatabaseSync } from "node:sqlite";
import type { TaskContext } from "@genro/executor";

/** Computes: counts the primes below a limit. */
export function countPrimes(this: TaskContext, limit: number): number {
  let primes = 0;
  for (let n = 2; n < limit; n++) {
    if (n % 1_000 === 0) this.throwIfAborted();
    if (isPrime(n)) primes++;
  }
  return primes;
}

function isPrime(n: number): boolean {
  for (let divisor = 2; divisor * divisor <= n; divisor++) {
    if (n % divisor === 0) return false;
  }
  return true;
}

const SUM = `
  WITH RECURSIVE orders(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM orders LIMIT ?)
  SELECT sum(id) AS sum FROM orders`;

/** Blocks: a query that takes as long as it has rows to read. */
export function sumOrders(rows: number): number {
  const database = new DatabaseSync(":memory:");
  try {
    return database.prepare(SUM).get(rows)!.sum as number;
  } finally {
    database.close();
  }
}
