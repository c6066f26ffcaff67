/**
 * What is known about a value's numbers without running anything: bounds, and whether all are finite. Sums and products of finite
 * numbers are assumed to stay within f32. That leaves the ops that make an infinite number, or NaN, from ordinary ones: roots,
 * logarithms, quotients, exponentials. Each op's row computes the range of its result from those of its operands.
 */
import type { Axes, Op, Value } from "./types.ts";

export interface Range {
  readonly low: number;
  readonly high: number;
  readonly finite: Finite;
}

/**
 * `always`: neither infinite nor NaN, whatever the numbers are. `given`: so if the inputs are; the host may leave out numbers that
 * the cell's text does not look at. The difference is dropped after products and loops, where one NaN spoils all other numbers.
 */
export type Finite = "always" | "given" | "maybe";

export const anything: Range = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, finite: "always" };

/** The weakest of them. */
export function leastFinite(of: readonly Finite[]): Finite {
  if (of.includes("maybe")) return "maybe";
  return of.includes("given") ? "given" : "always";
}

/** After a product or a loop. */
export const assumeGiven = (finite: Finite): Finite => (finite === "given" ? "always" : finite);

/** eˣ is finite in f32 up to here. */
export const LARGEST_EXPONENT = 88;
/** The distance from 1 to the next f32: what is further from a pole at ±1 stays away from it when rounded. */
export const F32_EPSILON = 2 ** -23;
/** Its reciprocal is far from the largest f32, and it does not underflow. */
export const SMALLEST_DIVISOR = 1e-30;

/**
 * Widening: the range of a value that is in `before`, and in `next` one iteration later. A bound that moves is dropped, or becomes
 * 0 if the sign stays.
 */
export function widened(before: Range, next: Range): Range {
  return {
    low: next.low >= before.low ? before.low : next.low >= 0 ? 0 : anything.low,
    high: next.high <= before.high ? before.high : next.high <= 0 ? 0 : anything.high,
    finite: leastFinite([before.finite, assumeGiven(next.finite)]),
  };
}

export const allFinite = (x: readonly Range[]): Finite => leastFinite(x.map((r) => r.finite));

/** The range of a result of `x`. Default: finite if all of `x` are. */
export const within = (x: readonly Range[], low: number, high: number, finite: Finite = allFinite(x)): Range => ({
  low,
  high,
  finite,
});

/** The finiteness of a result of `x` that is finite only if `holds`. */
export const finiteIf = (holds: boolean, x: readonly Range[]): Finite => (holds ? allFinite(x) : "maybe");

/** Elements of `x`, moved or selected. */
export const moved = (x: readonly Range[]): Range =>
  within(x, Math.min(...x.map((r) => r.low)), Math.max(...x.map((r) => r.high)));

/** Elements of `x` among zeros. */
export const amongZeros = (x: readonly Range[]): Range =>
  within(x, Math.min(0, ...x.map((r) => r.low)), Math.max(0, ...x.map((r) => r.high)));

/** Sums of elements of `x`: they keep a sign that all elements share. */
export const summed = (x: readonly Range[]): Range =>
  within(x, x.every((r) => r.low >= 0) ? 0 : anything.low, x.every((r) => r.high <= 0) ? 0 : anything.high);

/** The op that makes a value, looking through ops that change none of its numbers. */
function through(v: Value, defines: (v: Value) => Op | undefined): Op | undefined {
  const op = defines(v);
  const same = op?.op === "broadcast" || op?.op === "stop" || op?.op === "copy" || op?.op === "reshape";
  return same ? through(op.operands[0], defines) : op;
}

/** Whether `minuend` − `subtrahend` is x less the largest of x. */
export function isBelowLargest(
  [minuend, subtrahend]: readonly Value[],
  defines: (v: Value) => Op | undefined,
): boolean {
  const largest = through(subtrahend, defines);
  return largest?.op === "maximum" && sameSource(largest.operands[0], minuend, defines);
}

/** Whether `term` is e to x less the largest of x along the axes `p`. */
export function isShiftedExponential(term: Value, p: Axes, defines: (v: Value) => Op | undefined): boolean {
  const exponential = through(term, defines);
  const difference = exponential?.op === "exp" ? through(exponential.operands[0], defines) : undefined;
  if (difference?.op !== "sub" || !isBelowLargest(difference.operands, defines)) return false;
  const largest = through(difference.operands[1], defines);
  if (largest?.op !== "maximum") return false;
  const q = largest.attrs.axes;
  return p.batch === q.batch && p.time === q.time && p.features.join() === q.features.join();
}

const sameSource = (a: Value, b: Value, defines: (v: Value) => Op | undefined): boolean =>
  a === b || (defines(a) !== undefined && through(a, defines) === through(b, defines));
