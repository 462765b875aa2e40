/** Checks of single options. Each error names the option, the expected and the received value. */

/** The longest delay of a timer. A timer with a longer delay would call back at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * Makes a reader of options. Only own properties are read: a property of `Object.prototype` is no
 * option. Unknown options are refused: where no compiler looks, a misspelt `timeout` would never come.
 *
 * @param name The name of the options in an error; "options" for the argument of a call.
 * @param known The names of all options.
 * @throws {TypeError} If an option is not known, or `options` is no object.
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

/** A copy of the own properties of options, without a prototype. */
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
