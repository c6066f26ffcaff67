/**
 * What can be told of a value's numbers without running anything: bounds, and whether all are finite. That sums and products of
 * finite numbers stay within f32 is taken for granted. Left are the ops that make an infinite number, or NaN, of ordinary ones:
 * roots, logarithms, quotients, exponentials. Each op's row says what it makes of the ranges of its operands.
 */
import type { Axes, Op, Value } from "./types.ts";

export interface Range {
  readonly low: number;
  readonly high: number;
  readonly finite: Finite;
}

/**
 * `always`: neither infinite nor NaN, whatever the numbers are. `given`: where inputs are not, which the host may have left out on
 * purpose where the text does not look at them. It is not asked behind products and loops, where one NaN has spoilt all others.
 */
export type Finite = "always" | "given" | "maybe";

export const anything: Range = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, finite: "always" };

/** What holds of all. */
export function leastFinite(of: readonly Finite[]): Finite {
  if (of.includes("maybe")) return "maybe";
  return of.includes("given") ? "given" : "always";
}

/** Behind a product or a loop. */
export const assumeGiven = (finite: Finite): Finite => (finite === "given" ? "always" : finite);

/** Where eˣ is finite in f32. */
export const LARGEST_EXPONENT = 88;
/** Whose reciprocal is far from the largest f32, and which does not vanish. */
export const SMALLEST_DIVISOR = 1e-30;

/** The range of what was in one and becomes another, again and again: a bound that moves is none, but for 0. */
export function widened(before: Range, next: Range): Range {
  return {
    low: next.low >= before.low ? before.low : next.low >= 0 ? 0 : anything.low,
    high: next.high <= before.high ? before.high : next.high <= 0 ? 0 : anything.high,
    finite: leastFinite([before.finite, assumeGiven(next.finite)]),
  };
}

export const allFinite = (x: readonly Range[]): Finite => leastFinite(x.map((r) => r.finite));

/** Made of `x`; finite where all of those are, if nothing else is said. */
export const within = (x: readonly Range[], low: number, high: number, finite: Finite = allFinite(x)): Range => ({
  low,
  high,
  finite,
});

/** Made of `x`, and finite only where `holds`. */
export const finiteIf = (holds: boolean, x: readonly Range[]): Finite => (holds ? allFinite(x) : "maybe");

/** Elements of `x` that are moved, or of which one is taken. */
export const moved = (x: readonly Range[]): Range =>
  within(x, Math.min(...x.map((r) => r.low)), Math.max(...x.map((r) => r.high)));

/** Elements of `x` among zeros. */
export const amongZeros = (x: readonly Range[]): Range =>
  within(x, Math.min(0, ...x.map((r) => r.low)), Math.max(0, ...x.map((r) => r.high)));

/** Sums of elements of `x`, which keep the sign that all have. */
export const summed = (x: readonly Range[]): Range =>
  within(x, x.every((r) => r.low >= 0) ? 0 : anything.low, x.every((r) => r.high <= 0) ? 0 : anything.high);

/** The op that makes a value, seen through what changes none of its numbers. */
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
