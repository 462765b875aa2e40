/** The work that each of these servers gives to its executor. */

import type { TaskContext } from "@genro/executor";

/** Computes: counts the primes below a limit, or ends early when its client hangs up. */
export function countPrimes(this: TaskContext, limit: number): number {
  let [n, primes] = [2, 0];
  console.log(`Counting the primes below ${limit}`);
  try {
    for (; n < limit; n++) {
      if (n % 1_000 === 0) this.throwIfAborted();
      if (isPrime(n)) primes++;
    }
  } finally {
    console.log(`Counted those below ${n}`);
  }
  return primes;
}

function isPrime(n: number): boolean {
  for (let divisor = 2; divisor * divisor <= n; divisor++) {
    if (n % divisor === 0) return false;
  }
  return true;
}

/** Blocks: the names of the files in a folder. */
export function listFiles(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}
