/**
 * What can be told of a value's numbers without running anything: bounds, and whether all are finite. That sums and products of
 * finite numbers stay within f32 is taken for granted. Left are the ops that make an infinite number, or NaN, of ordinary ones:
 * roots, logarithms, quotients, exponentials.
 */
import { isElementwise } from "./elementwise.ts";
import type { Op, Value } from "./types.ts";

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
export const settled = (finite: Finite): Finite => (finite === "given" ? "always" : finite);

/** Where eˣ is finite in f32. */
const LARGEST_EXPONENT = 88;
/** Whose reciprocal is far from the largest f32, and which does not vanish. */
const SMALLEST_DIVISOR = 1e-30;

/** The range of what was in one and becomes another, again and again: a bound that moves is none, but for 0. */
export function widened(before: Range, next: Range): Range {
  return {
    low: next.low >= before.low ? before.low : next.low >= 0 ? 0 : anything.low,
    high: next.high <= before.high ? before.high : next.high <= 0 ? 0 : anything.high,
    finite: leastFinite([before.finite, settled(next.finite)]),
  };
}

/** The range of one op's results, all of which have the same. `of`: those of operands; `defines`: their ops. */
export function rangeOf(op: Op, of: (v: Value) => Range, defines: (v: Value) => Op | undefined): Range {
  const x = op.operands.map(of);
  const finite = leastFinite(x.map((r) => r.finite));
  const within = (low: number, high: number, unless: Finite = finite): Range => ({ low, high, finite: unless });
  if (isElementwise(op.op)) return elementwiseRange(op, x, within, defines);
  switch (op.op) {
    case "const":
      return op.attrs.dims.length === 0 ? within(op.attrs.value, op.attrs.value) : signed(op.attrs.value);
    case "sum":
    case "partial":
      // A largest number less itself is 0 somewhere, and e⁰ is 1.
      if (op.op === "sum" && isOfShifted(op, defines)) return within(1, Number.POSITIVE_INFINITY);
      return within(x[0].low >= 0 ? 0 : anything.low, x[0].high <= 0 ? 0 : anything.high);
    case "onehot":
      return within(0, 1);
    case "put":
    case "scatter":
      return within(Math.min(0, ...x.map((r) => r.low)), anything.high);
    case "dot":
      return within(x.every((r) => r.low >= 0) ? 0 : anything.low, anything.high, settled(finite));
    case "leaf":
      if (op.attrs.leaf.kind === "lengths") return within(0, anything.high);
      return op.attrs.leaf.kind === "input" ? { ...anything, finite: "given" } : anything;
    case "scan":
      throw new Error("what a scan makes is known of its body");
    case "argmax":
      return within(0, anything.high);
    case "ramp":
      return anything;
    // Elements are moved, or one of them is taken.
    case "stop":
    case "site":
    case "stat":
    case "population":
    case "maximum":
    case "pivot":
    case "pivots":
    case "spread":
    case "split":
    case "concat":
    case "cut":
    case "reshape":
    case "transpose":
    case "broadcast":
    case "at":
    case "reverse":
    case "gather":
      return within(Math.min(...x.map((r) => r.low)), Math.max(...x.map((r) => r.high)));
    default:
      throw new Error(`nothing is known of the range of ${op.op}`);
  }
}

const signed = (sign: number): Range => ({
  low: sign > 0 ? Math.min(sign, 1) : anything.low,
  high: sign > 0 ? anything.high : 0,
  finite: "always",
});

function elementwiseRange(
  op: Op,
  x: readonly Range[],
  within: (low: number, high: number, finite?: Finite) => Range,
  defines: (v: Value) => Op | undefined,
): Range {
  const [a, b] = x;
  const finite = leastFinite(x.map((r) => r.finite));
  const where = (holds: boolean): Finite => (holds ? finite : "maybe");
  const increasing = (f: (x: number) => number, unless = finite): Range => within(f(a.low), f(a.high), unless);
  const root = (v: number): number => Math.sqrt(Math.max(v, 0));
  switch (op.op) {
    case "neg":
      return within(-a.high, -a.low);
    case "exp":
      return increasing(Math.exp, where(a.high <= LARGEST_EXPONENT));
    case "log":
      return within(
        a.low > 0 ? Math.log(a.low) : anything.low,
        Math.log(Math.max(a.high, 0)),
        where(a.low >= SMALLEST_DIVISOR),
      );
    case "tanh":
      return increasing(Math.tanh, settled(finite));
    case "sigmoid":
      return within(0, 1, settled(finite));
    case "finite":
      return within(0, 1, "always");
    case "relu":
      return increasing((v) => Math.max(v, 0));
    case "softplus":
      return within(0, anything.high);
    case "sqrt":
      return increasing(root, where(a.low >= 0));
    case "rsqrt":
      return within(0, 1 / root(a.low), where(a.low >= SMALLEST_DIVISOR));
    case "recip":
      return a.low > 0 ? within(0, 1 / a.low, where(a.low >= SMALLEST_DIVISOR)) : { ...anything, finite: "maybe" };
    case "square": {
      const [small, large] = [Math.abs(a.low), Math.abs(a.high)].sort((p, q) => p - q);
      return within(a.low <= 0 && a.high >= 0 ? 0 : small ** 2, large ** 2);
    }
    case "abs":
      return within(0, Math.max(Math.abs(a.low), Math.abs(a.high)));
    case "sign":
    case "sin":
    case "cos":
      return within(-1, 1);
    case "floor":
      return increasing(Math.floor);
    case "add":
      return within(a.low + b.low, a.high + b.high);
    case "sub":
      return within(a.low - b.high, isBelowLargest(op, defines) ? 0 : a.high - b.low);
    case "mul": {
      // Of infinite bounds and 0 the product is 0: the numbers themselves are finite.
      const products = [a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high].map((p) => p || 0);
      return within(Math.min(...products), Math.max(...products));
    }
    case "div": {
      const divides = b.low >= SMALLEST_DIVISOR || b.high <= -SMALLEST_DIVISOR;
      const above = a.low >= 0 && b.low >= 0;
      return within(above ? 0 : anything.low, anything.high, where(divides));
    }
    case "min":
      return within(Math.min(a.low, b.low), Math.min(a.high, b.high));
    case "max":
      return within(Math.max(a.low, b.low), Math.max(a.high, b.high));
    case "lt":
    case "le":
    case "gt":
    case "ge":
    case "eq":
    case "ne":
      return within(0, 1, "always");
    case "select":
      // It is there to choose what is finite.
      return within(Math.min(b.low, x[2].low), Math.max(b.high, x[2].high), "always");
    default:
      throw new Error(`nothing is known of the range of ${op.op}`);
  }
}

/** The op that makes a value, seen through what changes none of its numbers. */
function through(v: Value, defines: (v: Value) => Op | undefined): Op | undefined {
  const op = defines(v);
  const same = op?.op === "broadcast" || op?.op === "stop" || op?.op === "reshape";
  return same ? through(op.operands[0], defines) : op;
}

/** Whether `difference` is x less the largest of x. */
function isBelowLargest(difference: Op, defines: (v: Value) => Op | undefined): boolean {
  const largest = through(difference.operands[1], defines);
  return largest?.op === "maximum" && sameSource(largest.operands[0], difference.operands[0], defines);
}

/** Whether `sum` is of e to x less the largest of x, along the same axes. */
function isOfShifted(sum: Op, defines: (v: Value) => Op | undefined): boolean {
  if (sum.op !== "sum") return false;
  const exponential = through(sum.operands[0], defines);
  const difference = exponential?.op === "exp" ? through(exponential.operands[0], defines) : undefined;
  if (difference?.op !== "sub" || !isBelowLargest(difference, defines)) return false;
  const largest = through(difference.operands[1], defines);
  if (largest?.op !== "maximum") return false;
  const [p, q] = [sum.attrs.axes, largest.attrs.axes];
  return p.batch === q.batch && p.time === q.time && p.features.join() === q.features.join();
}

const sameSource = (a: Value, b: Value, defines: (v: Value) => Op | undefined): boolean =>
  a === b || (defines(a) !== undefined && through(a, defines) === through(b, defines));
