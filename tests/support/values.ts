/** Random values that structured clone takes, and a text by which two of them can be compared. */

import type { Random } from "./random.ts";

/** The value of a field, or an item: a primitive. */
export function randomPrimitive(random: Random): unknown {
  return random.pick([
    () => random.below(1_000) - 500,
    () => random.next() * 1e300,
    () => random.pick([NaN, -0, Infinity]),
    () => "text ".repeat(random.below(4)) + random.pick(["", "é", "\ud800", "\0", "😀"]),
    () => BigInt(random.below(1_000)) ** 20n,
    () => random.chance(0.5),
    () => null,
    () => undefined,
  ])();
}

/** A name of a property, now and then one that needs care. */
export function randomName(random: Random): string {
  return random.pick(["a", "b", "c", "0", "42", "", "constructor", "length", "__proto__", "é"]);
}

/** Classes whose objects show a part of a buffer. */
const viewClasses:
  readonly (new (buffer: ArrayBuffer, offset: number, length: number) => object)[] = [
    Int8Array,
    Uint16Array,
    Float64Array,
    BigInt64Array,
    DataView,
  ];

/** An object without other objects in it. */
export function randomLeaf(random: Random): object {
  return random.pick<() => object>([
    () => new Date(random.below(1e9)),
    () => new Date(NaN),
    () => new ArrayBuffer(random.below(16)),
    () => new (random.pick(viewClasses))(new ArrayBuffer(16), 8, 1),
    () => /a+b/gi,
    () => Object(random.pick<unknown>([1, "a", true, 1n])),
  ])();
}

/** Gives a property to an object, whatever its name does elsewhere. */
export function put(object: object, name: PropertyKey, value: unknown): void {
  Object.defineProperty(object, name, {
    value,
    enumerable: true,
    writable: true,
    configurable: true,
  });
}

/**
 * A random graph of objects, lists, maps and sets, in which the same object may be met several times,
 * within itself, too.
 *
 * @param leaf Makes an object without others in it.
 */
export function randomValue(random: Random, leaf: () => object = () => randomLeaf(random)): object {
  const containers: object[] = [];
  const newContainer = () => {
    const made = random.pick<() => object>([
      () => [],
      () => new Array(random.below(3)),
      () => ({}),
      () => new Map(),
      () => new Set(),
    ])();
    containers.push(made);
    return made;
  };
  const most = 1 + random.below(30);
  const inner = (): unknown => {
    if (random.chance(0.3)) return randomPrimitive(random);
    if (random.chance(0.3)) return leaf();
    if (random.chance(0.3) || containers.length >= most) return random.pick(containers);
    return newContainer();
  };
  const root = newContainer();
  // What is put into a container may be another one, which is filled in its turn.
  for (const container of containers) {
    for (let i = random.below(5); i > 0; i--) {
      if (Array.isArray(container)) container.push(inner());
      else if (container instanceof Map) container.set(inner(), inner());
      else if (container instanceof Set) container.add(inner());
      else put(container, randomName(random), inner());
    }
  }
  return root;
}

/** The classes of errors that are told apart. */
const errorClasses = [
  AggregateError,
  DOMException,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  ...Object.values(Deno.errors),
  Error,
];

/**
 * A text that says all of a value: two values with the same text have the same classes, contents and
 * order, and the same objects at the same places.
 */
export function describe(root: unknown): string {
  const numbers = new Map<unknown, number>();
  const list = (values: Iterable<unknown>) => Array.from(values, show).join();
  const properties = (value: object, names: readonly string[]) =>
    names.map((name) => {
      const { enumerable, value: inner } = Object.getOwnPropertyDescriptor(value, name)!;
      return `${JSON.stringify(name)}${enumerable ? "" : "?"}:${show(inner)}`;
    }).join();
  const show = (value: unknown): string => {
    if (Object.is(value, -0)) return "-0";
    if (typeof value === "string") return JSON.stringify(value);
    if (typeof value !== "object" || value === null) return `${typeof value} ${String(value)}`;
    const known = numbers.get(value);
    if (known !== undefined) return `#${known}`;
    numbers.set(value, numbers.size);
    if (value instanceof Map) return `Map{${list([...value].flat())}}`;
    if (value instanceof Set) return `Set{${list(value)}}`;
    if (value instanceof Date) return `Date ${value.getTime()}`;
    if (value instanceof ArrayBuffer) return `ArrayBuffer ${new Uint8Array(value)}`;
    if (ArrayBuffer.isView(value)) {
      const { byteOffset, byteLength } = value;
      const tag = (value as Uint8Array)[Symbol.toStringTag];
      return `${tag} ${byteOffset} ${byteLength} of ${show(value.buffer)}`;
    }
    if (value instanceof Error) {
      const found = errorClasses.find((one) => value instanceof one)!;
      const names = Object.getOwnPropertyNames(value).filter((name) =>
        !["name", "message", "stack"].includes(name)
      );
      return `${found.name} ${JSON.stringify([value.name, value.message])} {${
        properties(value, names)
      }}`;
    }
    if (Array.isArray(value)) return `[${value.length}: ${properties(value, Object.keys(value))}]`;
    const tag = Object.prototype.toString.call(value);
    if (tag !== "[object Object]") return `${tag} ${String(value)}`;
    return `{${properties(value, Object.keys(value))}}`;
  };
  return show(root);
}
