/** What the soak runs: every way to do well and to do badly. */

/** Counts that a task ran, where it shares memory with the one who counts. */
function count(runs: Int32Array | undefined, id: number): void {
  if (runs !== undefined) Atomics.add(runs, id % runs.length, 1);
}

export function short(id: number): number {
  return id + 1;
}

export function echo(value: unknown): unknown {
  return value;
}

export function same(record: object): object {
  return record;
}

export function counted(id: number, runs?: Int32Array): number {
  count(runs, id);
  return id;
}

export function compute(id: number, ms: number, runs?: Int32Array): number {
  count(runs, id);
  const end = performance.now() + ms;
  while (performance.now() < end);
  return id;
}

export async function wait(id: number, ms: number, runs?: Int32Array): Promise<number> {
  count(runs, id);
  await new Promise((resolve) => setTimeout(resolve, ms));
  return id;
}

export function fail(id: number): never {
  throw new RangeError(`task ${id}`);
}

export async function crash(how: number): Promise<never> {
  if (how === 0) Deno.exit(3);
  if (how === 1) self.close();
  if (how === 2) Promise.reject(new RangeError("nobody handles this"));
  if (how === 3) {
    setTimeout(() => {
      throw new RangeError("thrown in a timer");
    });
  }
  return await new Promise<never>(() => {});
}

export function uncloneable(): unknown {
  return () => {};
}

const visitors = new Set<string>();

/** Notes in the worker for whom it was called, and returns all for whom it was. */
export function visit(visitor: string): string[] {
  return [...visitors.add(visitor)];
}
