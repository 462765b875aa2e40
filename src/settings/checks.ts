/** Checks of single options. Each error names the option, what was expected and what was received. */

/** The longest delay a timer can have; a longer one would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * Reads own properties only: nothing that was put on `Object.prototype` becomes an option. Others
 * are refused: a misspelt `timeout` would be one that never comes, where no compiler looks.
 */
export function ownOptions<K extends string>(
  name: string,
  options: object | undefined,
  known: readonly K[],
): (key: K) => unknown {
  if (options === undefined) return () => undefined;
  if (typeof options !== "object" || options === null) {
    throw wrongType(name, "an object", options);
  }
  for (const key of Object.keys(options)) {
    if ((known as readonly string[]).includes(key)) continue;
    const full = name === "options" ? key : `${name}.${key}`;
    throw new TypeError(
      `Cannot use ${full}: there is no such option; expected ${known.join(", ")}`,
    );
  }
  return (key) => Object.hasOwn(options, key) ? Reflect.get(options, key) : undefined;
}

/** A copy of the own properties of options that has no prototype. */
export function bare<T extends object>(options: T | undefined): T {
  return Object.assign(Object.create(null), options);
}

/** An integer, checked. */
export function integer(name: string, value: unknown, least: number, byDefault: number): number {
  if (value === undefined) return byDefault;
  const expected = `an integer of at least ${least}`;
  if (typeof value !== "number") throw wrongType(name, expected, value);
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(`Cannot use ${name}: expected ${expected}, received ${value}`);
  }
  return value;
}

/** A number of ms, checked. */
export function milliseconds(name: string, value: unknown, byDefault: number): number {
  if (value === undefined) return byDefault;
  const expected = "0 ms or more";
  if (typeof value !== "number") throw wrongType(name, expected, value);
  if (!(value >= 0)) {
    throw new RangeError(`Cannot use ${name}: expected ${expected}, received ${value}`);
  }
  return value > MAX_DELAY_MS ? Infinity : value;
}

/** A boolean, checked. */
export function boolean(name: string, value: unknown, byDefault: boolean): boolean {
  if (value === undefined) return byDefault;
  if (typeof value !== "boolean") throw wrongType(name, "true or false", value);
  return value;
}

/** An absolute URL, checked. */
export function absoluteUrl(name: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const expected = "an absolute URL";
  if (typeof value !== "string" && !(value instanceof URL)) throw wrongType(name, expected, value);
  if (!URL.canParse(value)) {
    throw new TypeError(
      `Cannot use ${name}: expected ${expected}, such as import.meta.resolve("…") gives, ` +
        `received ${show(value)}`,
    );
  }
  return new URL(value).href;
}

/** The error of an option of a wrong type. */
export function wrongType(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`Cannot use ${name}: expected ${expected}, received ${show(value)}`);
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : Deno.inspect(value, { depth: 1 });
}
