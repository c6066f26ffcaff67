/** JavaScript values that an argument may turn out to be, whatever its type says. */
import type { Random } from "./random.ts";

/** Thrown by values that throw: an error of the caller's own, which a call may pass on. */
export class OwnError extends Error {
  override readonly name = "OwnError";
}

const throwing = (): never => {
  throw new OwnError("thrown by an argument");
};

/** As an array of numbers when each place is first read, and something else from then on. */
function twoFaced(old: ArrayLike<number>): unknown {
  const read = new Set<PropertyKey>();
  return new Proxy(Float32Array.from(old), {
    get(target, key) {
      if (typeof key === "string" && /^\d+$/.test(key)) {
        if (read.has(key)) return 1e6;
        read.add(key);
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function shared(old: ArrayLike<number>): Float32Array {
  const numbers = new Float32Array(new SharedArrayBuffer(4 * old.length));
  numbers.set(Array.from(old));
  return numbers;
}

/** A view whose memory was transferred. */
function detached(): Float32Array {
  const numbers = Float32Array.of(1, 2, 3);
  structuredClone(numbers, { transfer: [numbers.buffer] });
  return numbers;
}

/** A rejected promise that is already handled, so that it does not end the process. */
function rejected(): Promise<never> {
  const promise = Promise.reject(new OwnError("rejected by an argument"));
  promise.catch(() => {});
  return promise;
}

const ofAnyKind: readonly (() => unknown)[] = [
  ...[
    undefined,
    null,
    true,
    false,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    -1,
    0,
    -0,
    0.5,
    1.5,
    3,
  ],
  ...[2 ** 31, 2 ** 32, 2 ** 53, 1e30, 3.4e38, 1e300, -1e-300, 5e-324, "", "0.5", "1", "x", "__proto__", 1n, 2n ** 64n],
  ...[Symbol("s"), {}, [], [1], [[]], ["x"], [undefined], new Array(3), new Map(), new Set([1]), new Date(0), /x/],
].map((value) => () => value);

const made: readonly (() => unknown)[] = [
  () => () => 1,
  () => Promise.resolve(1),
  rejected,
  () => Object.create(null),
  () => JSON.parse('{"__proto__": {"lr": 1}, "length": 3}'),
  () => ({ length: 15, 0: 1 }),
  () => ({ length: -1 }),
  () => ({ length: 2 ** 40 }),
  () => ({ valueOf: throwing, toString: throwing }),
  () => ({ [Symbol.iterator]: throwing, [Symbol.asyncIterator]: throwing }),
  () => ({ [Symbol.iterator]: () => ({ next: throwing }) }),
  () => new Proxy({}, { get: throwing, has: throwing, ownKeys: throwing }),
  detached,
  () => new Float32Array(0),
  () => new Float64Array(15),
  () => Float32Array.of(Number.NaN),
  () => new Uint8Array(8),
  () => new ArrayBuffer(16),
  () => new DataView(new ArrayBuffer(16)),
  () => new Error("an argument"),
];

/** Arrays in which one element is not a number, or not a valid index. */
const elements: readonly number[] = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -1,
  0.5,
  1000,
  2 ** 24,
];

/** Instead of an array of numbers. */
const ofNumbers: readonly ((old: Float32Array, random: Random) => unknown)[] = [
  (old, random) => old.with(random.below(old.length), random.pick(elements)),
  (old) => Array.from(old),
  (old) => Array.from(old, String),
  (old) => Array.from(old, (value) => ({ valueOf: () => value })),
  (old) => Array.from(old, () => "x"),
  (old) => Array.from(old, () => ({})),
  (old) => Float64Array.from(old),
  (old) => Int32Array.from(old),
  (old) => BigInt64Array.from(old, (value) => BigInt(Math.round(value))),
  (old) => old.slice(1),
  (old) => Float32Array.of(...old, 0),
  (old) => new Uint8Array(old.buffer.slice(0)),
  (old) => new Array(old.length),
  shared,
  twoFaced,
];

/** A value that is not what `old` is, or not as sound. */
export function strangeFor(old: unknown, random: Random): unknown {
  if (old instanceof Float32Array && old.length > 0 && random.chance(0.7)) return random.pick(ofNumbers)(old, random);
  return random.pick(random.chance(0.7) ? ofAnyKind : made)();
}

/** A value in a few words. */
export function inWords(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  try {
    const name: unknown = Object.getPrototypeOf(value)?.constructor?.name ?? "an object without a prototype";
    const length: unknown = "length" in value ? value.length : undefined;
    const what = `${String(name)}${length === undefined ? "" : ` of ${String(length)}`}`;
    if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
      const odd = Array.from(value as unknown as ArrayLike<unknown>).find((x) =>
        elements.slice(0, 3).some((e) => Object.is(e, x)),
      );
      return odd === undefined ? what : `${what} with ${String(odd)}`;
    }
    return Array.isArray(value) && value.length > 0 ? `${what}, the first ${typeof value[0]}` : what;
  } catch {
    return "an object that throws";
  }
}
