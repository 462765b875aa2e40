import { apply, awaitable } from "./intrinsics.ts";

const { DOMException, String } = globalThis;
const { startsWith } = String.prototype;

/** What the name of each lock begins with that a worker holds for as long as it lives. */
const LIFELINE = "@genro/executor ";

/** Web Locks as Deno has them since 2.9; its type library does not name them yet. */
interface LockManager {
  request<T>(name: string, callback: () => T): Promise<Awaited<T>>;
  request<T>(
    name: string,
    options: { signal: AbortSignal },
    callback: () => T,
  ): Promise<Awaited<T>>;
  query(): Promise<{ held: { name: string }[]; pending: { name: string }[] }>;
}

/**
 * The locks of this process and its workers; `undefined` where there are none.
 *
 * @see {@link https://developer.mozilla.org/en-US/docs/Web/API/Web_Locks_API}
 */
export const locks: LockManager | undefined =
  (navigator as unknown as { locks?: LockManager }).locks;

/** A name that no other lifeline has, and nobody can guess. */
export function newLifeline(): string {
  return LIFELINE + crypto.randomUUID();
}

/**
 * Keeps the lifelines of all workers from the tasks of this one: to steal one is to have its
 * worker taken for dead.
 */
export function hideLifelines(): void {
  const prototype: Pick<LockManager, "request" | "query"> = Object.getPrototypeOf(locks);
  const { request, query } = prototype;
  prototype.request = async function (name: string, ...rest: [unknown, unknown?]) {
    const text = String(name);
    if (isLifeline(text)) {
      throw new DOMException(`"${text}" is a lock of the executor's own`, "SecurityError");
    }
    return await (rest.length === 1
      ? apply(request, this, [text, rest[0]])
      : apply(request, this, [text, rest[0], rest[1]]));
  };
  prototype.query = async function () {
    const { held, pending } = await awaitable<ReturnType<typeof query>>(apply(query, this, []));
    return { held: withoutLifelines(held), pending: withoutLifelines(pending) };
  };
}

function isLifeline(name: string): boolean {
  return apply(startsWith, name, [LIFELINE]);
}

function withoutLifelines<T extends { name: string }>(all: readonly T[]): T[] {
  const others: T[] = [];
  for (let i = 0; i < all.length; i++) {
    if (!isLifeline(all[i]!.name)) others[others.length] = all[i]!;
  }
  return others;
}
