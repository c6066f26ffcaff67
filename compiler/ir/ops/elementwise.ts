/**
 * The elementwise half of the op table: one row an op, everything about it in the row.
 *
 * `grad` gives the cotangents of the operands in terms of the operands, the result `y` and its cotangent `dy`; summing them
 * down to an operand that was broadcast is done by `derive`, once, for all ops.
 */
import { none } from "../attributes.ts";
import type { Builder } from "../builder.ts";
import { erf } from "../error-function.ts";
import {
  allFinite,
  anything,
  assumeGiven,
  F32_EPSILON,
  finiteIf,
  isBelowLargest,
  LARGEST_EXPONENT,
  type Range,
  SMALLEST_DIVISOR,
  within,
} from "../range.ts";
import { broadcastTypes } from "../type.ts";
import type { ElementwiseOp, OpAttrs, Value } from "../types.ts";
import { aligned, type Row, whereAll, whereAny } from "./row.ts";

export interface GradArguments {
  readonly x: readonly Value[];
  readonly y: Value;
  readonly dy: Value;
}

export interface ElementwiseRow extends Row<OpAttrs[ElementwiseOp]> {
  readonly arity: 1 | 2 | 3;
  /** The f64 meaning: the truth every target is compared with. */
  readonly evaluate: (...x: number[]) => number;
  /** Cotangents of the operands; undefined where none flows. `zero`: piecewise constant, none ever flows. */
  readonly grad: "zero" | ((b: Builder, a: GradArguments) => readonly (Value | undefined)[]);
  /** Rough cost in floating point operations, for the cost model. */
  readonly flops: number;
  /** Where gradient checks sample operands: away from kinks and poles. */
  readonly domain?: readonly [number, number];
}

/** What each row declares. All elementwise ops have the rest in common. */
type Own = Pick<ElementwiseRow, "doc" | "evaluate" | "grad" | "flops" | "range"> & Partial<ElementwiseRow>;

const row = (arity: 1 | 2 | 3, operands: readonly string[], own: Own): ElementwiseRow => ({
  arity,
  operands,
  attributes: none,
  infer: (x) => [broadcastTypes(x)],
  axes: (x) => {
    const whole = broadcastTypes(x);
    return x.map((t) => aligned(t, whole));
  },
  form: "point",
  recompute: own.flops,
  ...own,
});

const unary = (own: Own): ElementwiseRow => row(1, ["x"], { ...(own.evaluate(0) === 0 && { zero: whereAll }), ...own });
const binary = (own: Own): ElementwiseRow => row(2, ["a", "b"], own);

/** 1 or 0, whatever the operands are. */
const indicated = (): Range => within([], 0, 1);
const comparison = (
  doc: string,
  evaluate: (a: number, b: number) => boolean,
  traits: Pick<ElementwiseRow, "commutative"> = {},
): ElementwiseRow =>
  binary({
    doc: `1 where ${doc}, else 0`,
    evaluate: (a, b) => (evaluate(a, b) ? 1 : 0),
    grad: "zero",
    flops: 1,
    range: indicated,
    exact: [0, 1],
    indicator: true,
    ...traits,
  });

/** The range of an increasing function. */
const increasing =
  (f: (x: number) => number) =>
  ([a]: readonly Range[]): Range =>
    within([a], f(a.low), f(a.high));
const root = (v: number): number => Math.sqrt(Math.max(v, 0));

export const elementwise: { readonly [K in ElementwiseOp]: ElementwiseRow } = {
  neg: unary({
    doc: "−x",
    evaluate: (x) => -x,
    grad: (b, { dy }) => [b.neg(dy)],
    flops: 1,
    range: ([a]) => within([a], -a.high, -a.low),
  }),
  exp: unary({
    doc: "eˣ",
    evaluate: Math.exp,
    grad: (b, { y, dy }) => [b.mul(dy, y)],
    flops: 10,
    range: ([a]) => within([a], Math.exp(a.low), Math.exp(a.high), finiteIf(a.high <= LARGEST_EXPONENT, [a])),
  }),
  log: unary({
    doc: "natural logarithm",
    evaluate: Math.log,
    grad: (b, { x, dy }) => [b.div(dy, x[0])],
    flops: 10,
    range: ([a]) =>
      within(
        [a],
        a.low > 0 ? Math.log(a.low) : anything.low,
        Math.log(Math.max(a.high, 0)),
        finiteIf(a.low >= SMALLEST_DIVISOR, [a]),
      ),
    exact: [0],
    domain: [0.2, 3],
  }),
  expm1: unary({
    doc: "eˣ − 1, accurate near 0",
    evaluate: Math.expm1,
    grad: (b, { y, dy }) => [b.mul(dy, b.add(y, b.scalar(1)))],
    flops: 16,
    range: ([a]) => within([a], Math.expm1(a.low), Math.expm1(a.high), finiteIf(a.high <= LARGEST_EXPONENT, [a])),
  }),
  log1p: unary({
    doc: "log(1 + x), accurate near 0",
    evaluate: Math.log1p,
    grad: (b, { x, dy }) => [b.div(dy, b.add(x[0], b.scalar(1)))],
    flops: 20,
    range: ([a]) =>
      within(
        [a],
        a.low > -1 ? Math.log1p(a.low) : anything.low,
        Math.log1p(Math.max(a.high, -1)),
        finiteIf(a.low >= -1 + F32_EPSILON, [a]),
      ),
    exact: [0],
    domain: [-0.5, 3],
  }),
  erf: unary({
    doc: "error function, 2/√π times the integral of e^(−t²) from 0 to x",
    evaluate: erf,
    grad: (b, { x, dy }) => [
      b.mul(dy, b.mul(b.scalar(2 / Math.sqrt(Math.PI)), b.elementwise("exp", [b.neg(b.square(x[0]))]))),
    ],
    flops: 18,
    range: ([a]) => within([a], erf(a.low), erf(a.high), assumeGiven(a.finite)),
  }),
  tanh: unary({
    doc: "hyperbolic tangent",
    evaluate: Math.tanh,
    grad: (b, { y, dy }) => [b.mul(dy, b.sub(b.scalar(1), b.square(y)))],
    flops: 12,
    range: ([a]) => within([a], Math.tanh(a.low), Math.tanh(a.high), assumeGiven(a.finite)),
  }),
  sigmoid: unary({
    doc: "logistic function 1 / (1 + e⁻ˣ)",
    evaluate: (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
    grad: (b, { y, dy }) => [b.mul(dy, b.mul(y, b.sub(b.scalar(1), y)))],
    flops: 12,
    range: (x) => within(x, 0, 1, assumeGiven(allFinite(x))),
  }),
  relu: unary({
    doc: "max(x, 0)",
    evaluate: (x) => Math.max(x, 0),
    grad: (b, { y, dy }) => [b.mul(dy, b.gt(y, b.scalar(0)))],
    flops: 1,
    range: increasing((v) => Math.max(v, 0)),
    domain: [0.1, 2],
  }),
  softplus: unary({
    doc: "log(1 + eˣ)",
    evaluate: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    grad: (b, { x, dy }) => [b.mul(dy, b.sigmoid(x[0]))],
    flops: 20,
    range: (x) => within(x, 0, anything.high),
  }),
  sqrt: unary({
    doc: "square root; its gradient is 0 where x is 0",
    evaluate: Math.sqrt,
    // The slope at 0 is infinite, but 0 is a subgradient of |x| = √x² and of lengths √Σx², which are smallest there.
    grad: (b, { y, dy }) => [b.select(b.gt(y, b.scalar(0)), b.div(b.mul(dy, b.scalar(0.5)), y), b.scalar(0))],
    flops: 4,
    range: ([a]) => within([a], root(a.low), root(a.high), finiteIf(a.low >= 0, [a])),
    domain: [0.2, 3],
  }),
  rsqrt: unary({
    doc: "1 / √x",
    evaluate: (x) => 1 / Math.sqrt(x),
    grad: (b, { y, dy }) => [b.mul(dy, b.mul(b.scalar(-0.5), b.mul(y, b.square(y))))],
    flops: 5,
    range: ([a]) => within([a], 0, 1 / root(a.low), finiteIf(a.low >= SMALLEST_DIVISOR, [a])),
    exact: [0],
    domain: [0.2, 3],
  }),
  recip: unary({
    doc: "1 / x",
    evaluate: (x) => 1 / x,
    grad: (b, { y, dy }) => [b.neg(b.mul(dy, b.square(y)))],
    flops: 4,
    range: ([a]) =>
      a.low > 0
        ? within([a], 0, 1 / a.low, finiteIf(a.low >= SMALLEST_DIVISOR, [a]))
        : { ...anything, finite: "maybe" },
    exact: [0],
    domain: [0.3, 3],
  }),
  square: unary({
    doc: "x²",
    evaluate: (x) => x * x,
    grad: (b, { x, dy }) => [b.mul(dy, b.mul(b.scalar(2), x[0]))],
    flops: 1,
    range: ([a]) => {
      const [small, large] = [Math.abs(a.low), Math.abs(a.high)].sort((p, q) => p - q);
      return within([a], a.low <= 0 && a.high >= 0 ? 0 : small ** 2, large ** 2);
    },
  }),
  abs: unary({
    doc: "|x|",
    evaluate: Math.abs,
    grad: (b, { x, dy }) => [b.mul(dy, b.sign(x[0]))],
    flops: 1,
    range: ([a]) => within([a], 0, Math.max(Math.abs(a.low), Math.abs(a.high))),
    domain: [0.2, 2],
  }),
  sign: unary({
    doc: "−1, 0 or 1",
    evaluate: Math.sign,
    grad: "zero",
    flops: 1,
    range: (x) => within(x, -1, 1),
    exact: [0],
    domain: [0.2, 2],
  }),
  sin: unary({
    doc: "sine",
    evaluate: Math.sin,
    grad: (b, { x, dy }) => [b.mul(dy, b.cos(x[0]))],
    flops: 12,
    range: (x) => within(x, -1, 1),
  }),
  cos: unary({
    doc: "cosine",
    evaluate: Math.cos,
    grad: (b, { x, dy }) => [b.neg(b.mul(dy, b.sin(x[0])))],
    flops: 12,
    range: (x) => within(x, -1, 1),
  }),
  atan: unary({
    doc: "arc tangent",
    evaluate: Math.atan,
    grad: (b, { x, dy }) => [b.div(dy, b.add(b.scalar(1), b.square(x[0])))],
    flops: 22,
    range: ([a]) => within([a], Math.atan(a.low), Math.atan(a.high), assumeGiven(a.finite)),
  }),
  finite: unary({
    doc: "1 where x is neither infinite nor NaN, else 0",
    evaluate: (x) => (Number.isFinite(x) ? 1 : 0),
    grad: "zero",
    flops: 2,
    range: indicated,
    indicator: true,
  }),
  floor: unary({
    doc: "largest whole number ≤ x",
    evaluate: Math.floor,
    grad: "zero",
    flops: 1,
    range: increasing(Math.floor),
    exact: [0],
    domain: [0.2, 0.8],
  }),
  add: binary({
    doc: "a + b",
    evaluate: (a, c) => a + c,
    grad: (_, { dy }) => [dy, dy],
    flops: 1,
    range: ([a, b]) => within([a, b], a.low + b.low, a.high + b.high),
    commutative: true,
    zero: whereAll,
  }),
  sub: binary({
    doc: "a − b",
    evaluate: (a, c) => a - c,
    grad: (b, { dy }) => [dy, b.neg(dy)],
    flops: 1,
    range: ([a, b], { operands, defines }) =>
      within([a, b], a.low - b.high, isBelowLargest(operands, defines) ? 0 : a.high - b.low),
    zero: whereAll,
  }),
  mul: binary({
    doc: "a · b",
    evaluate: (a, c) => a * c,
    grad: (b, { x, dy }) => [b.mul(dy, x[1]), b.mul(dy, x[0])],
    flops: 1,
    range: ([a, b]) => {
      // The product of an infinite bound and 0 is 0: the numbers themselves are finite.
      const products = [a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high].map((p) => p || 0);
      return within([a, b], Math.min(...products), Math.max(...products));
    },
    commutative: true,
    zero: whereAny,
  }),
  div: binary({
    doc: "a / b",
    evaluate: (a, c) => a / c,
    grad: (b, { x, y, dy }) => [b.div(dy, x[1]), b.neg(b.div(b.mul(dy, y), x[1]))],
    flops: 4,
    range: ([a, b]) => {
      const divides = b.low >= SMALLEST_DIVISOR || b.high <= -SMALLEST_DIVISOR;
      return within([a, b], a.low >= 0 && b.low >= 0 ? 0 : anything.low, anything.high, finiteIf(divides, [a, b]));
    },
    zero: ([dividend, divisor]) => dividend && !divisor,
    exact: [1],
    domain: [0.3, 3],
  }),
  min: binary({
    doc: "the smaller",
    evaluate: Math.min,
    grad: (b, { x, dy }) => [b.mul(dy, b.le(x[0], x[1])), b.mul(dy, b.gt(x[0], x[1]))],
    flops: 1,
    range: ([a, b]) => within([a, b], Math.min(a.low, b.low), Math.min(a.high, b.high)),
    commutative: true,
    zero: whereAll,
  }),
  max: binary({
    doc: "the larger",
    evaluate: Math.max,
    grad: (b, { x, dy }) => [b.mul(dy, b.ge(x[0], x[1])), b.mul(dy, b.lt(x[0], x[1]))],
    flops: 1,
    range: ([a, b]) => within([a, b], Math.max(a.low, b.low), Math.max(a.high, b.high)),
    commutative: true,
    zero: whereAll,
  }),
  lt: comparison("a < b", (a, b) => a < b),
  le: comparison("a ≤ b", (a, b) => a <= b),
  gt: comparison("a > b", (a, b) => a > b),
  ge: comparison("a ≥ b", (a, b) => a >= b),
  eq: comparison("a = b", (a, b) => a === b, { commutative: true }),
  ne: comparison("a ≠ b", (a, b) => a !== b, { commutative: true }),
  select: row(3, ["condition", "a", "b"], {
    doc: "a where the condition is not 0, else b",
    evaluate: (c, a, b) => (c !== 0 ? a : b),
    grad: (b, { x, dy }) => [undefined, b.select(x[0], dy, b.scalar(0)), b.select(x[0], b.scalar(0), dy)],
    flops: 1,
    // Its purpose is to choose what is finite.
    range: (x) => within(x, Math.min(x[1].low, x[2].low), Math.max(x[1].high, x[2].high), "always"),
    zero: ([, a, b]) => a && b,
    exact: [0],
  }),
};

export function isElementwise(op: string): op is ElementwiseOp {
  return Object.hasOwn(elementwise, op);
}
