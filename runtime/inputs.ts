/** The numbers of a batch's inputs: which types are accepted, and how they are checked on their way to the device. */
import { RuntimeError } from "./error.ts";
import { elementsOf, type Range } from "./layout.ts";
import { isRecord, shown } from "./shown.ts";

/** A typed array of numbers of any width; all are rounded to f32. */
export type TypedNumbers =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

/** Numbers in row-major order. Every element of a plain list must be a number. */
export type Numbers = TypedNumbers | readonly number[];

/** Numbers with their shape, so that it is not mistaken for another one with as many elements. */
export interface Shaped {
  readonly data: Numbers;
  /** [T, B, …] for what varies with time, [B, …] for what does not. */
  readonly shape: readonly number[];
}

/** Numbers for an input, with or without their shape. */
export type Input = Numbers | Shaped;

/** Recognises typed arrays of any realm by their names. `BigInt64Array` and `DataView` do not hold numbers. */
const typed = /^(Float(16|32|64)|U?[iI]nt(8|16|32)|Uint8Clamped)Array$/;

/** What is given for the tensor `name`, as a typed array. Errors: C0406, if it does not hold numbers, or does not have `shape`. */
export function numbersOf(name: string, given: unknown, shape: readonly number[]): TypedNumbers {
  // The fast path, nearly always taken; the rest finds out what is wrong.
  if (given instanceof Float32Array && given.length === elementsOf(shape)) return given;
  const what = `\`${name}\``;
  const wanted = `${what} is [${shape.join(", ")}]`;
  if (isRecord(given) && !ArrayBuffer.isView(given)) {
    const { data, shape: said } = given;
    if (data === undefined || !Array.isArray(said))
      throw new RuntimeError("C0406", `${wanted}, and ${shown(given)} was given`, takes);
    if (said.join() !== shape.join()) {
      const [first, second, ...rest] = said;
      const turned = [second, first, ...rest].join() === shape.join();
      const help = turned ? "transpose it: time comes first, then the examples, [T, B, …]" : undefined;
      throw new RuntimeError("C0406", `${wanted}, and [${said.join(", ")}] was given`, help);
    }
    return numbersOf(name, data, shape);
  }
  const numbers = isTyped(given) ? given : listed(what, given, wanted);
  const count = elementsOf(shape);
  if (numbers.length === count) return numbers;
  throw new RuntimeError("C0406", `${wanted}: ${count} numbers, and ${numbers.length} were given`);
}

const takes = "pass numbers in a row: a Float32Array, another typed array or a list; or { data, shape }";

function isTyped(given: unknown): given is TypedNumbers {
  return (
    ArrayBuffer.isView(given) &&
    typed.test((given as { readonly [Symbol.toStringTag]?: string })[Symbol.toStringTag] ?? "")
  );
}

function listed(what: string, given: unknown, wanted: string): Float64Array {
  if (!Array.isArray(given)) {
    throw new RuntimeError("C0406", `${wanted}, and ${shown(given)} was given`, takes);
  }
  // Not `forEach`, which skips holes.
  for (let i = 0; i < given.length; i++) {
    if (typeof given[i] === "number") continue;
    throw new RuntimeError("C0406", `${what} holds ${shown(given[i])} at ${i}, which is not a number`, takes);
  }
  return Float64Array.from(given);
}

/** A copy of what is to be written to tensor `name`. Errors: C0406, if it is not `count` finite numbers. */
export function finiteNumbers(name: string, given: unknown, count: number): Float32Array {
  const own = Float32Array.from(numbersOf(name, given, [count]));
  const wrong = own.findIndex((value) => !Number.isFinite(value));
  if (wrong < 0) return own;
  throw new RuntimeError("C0406", `\`${name}\` takes finite numbers of f32, and ${own[wrong]} was given at ${wrong}`);
}

/** What is needed to place an input. */
export interface Placement {
  readonly name: string;
  /** [T, B, …] or [B, …]. */
  readonly shape: readonly number[];
  /** Its place in the image. */
  readonly range: Range;
  /** For an index, whose values are 0 … size − 1; undefined for real numbers. */
  readonly size: number | undefined;
  /** Whether numbers may be missing, marked by NaN. */
  readonly target: boolean;
  /** If examples do not have all steps: leaves out the others, and says at which step of the batch an example has its `t`-th. */
  readonly own: { compact(image: Float32Array): void; stepOf(t: number, b: number): number } | undefined;
}

/**
 * Copies an input into an image of the region `input`, without what is missing, and then checks the copy: the original may be in
 * memory that another thread writes to. Errors: C0406, naming a number that is not finite or not a valid index, and where it is.
 */
export function placeInput(image: Float32Array, data: TypedNumbers, to: Placement): void {
  const { range } = to;
  const { offset, length, stride, count } = range;
  if (count === 1) image.set(data, offset);
  else {
    for (let piece = 0, at = 0; piece < count; piece++) {
      const start = offset + piece * stride;
      for (let i = start; i < start + length; i++) image[i] = data[at++];
    }
  }
  to.own?.compact(image);
  for (let piece = 0; piece < count; piece++) {
    const start = offset + piece * stride;
    for (let i = start; i < start + length; i++) {
      const value = image[i];
      // NaN unless the value is finite.
      if (value - value !== 0 && to.target && Number.isNaN(value)) continue;
      if (value - value !== 0 || (to.size !== undefined && !(value >= 0 && value < to.size && Number.isInteger(value))))
        throw refused(to, piece * length + i - start, data);
    }
  }
}

function refused({ name, shape, size, own }: Placement, index: number, data: TypedNumbers): RuntimeError {
  let rest = index;
  const turned = shape.toReversed().map((extent) => {
    const at = rest % extent;
    rest = Math.floor(rest / extent);
    return at;
  });
  const place = turned.toReversed();
  if (own) place[0] = own.stepOf(place[0], place[1]);
  const given = place.reduce((at, n, i) => at * shape[i] + n, 0);
  const where = `holds ${data[given]} at [${place.join(", ")}]`;
  return size === undefined
    ? new RuntimeError(
        "C0406",
        `input \`${name}\` ${where}, and takes finite numbers of f32`,
        "fill it in, or leave it out; a target may be NaN, and a stream may be opened with `missing: keepStates`",
      )
    : new RuntimeError("C0406", `input \`${name}\` takes whole numbers from 0 to ${size - 1}, and ${where}`);
}
