/**
 * The elementwise half of the op table: one row an op, everything about it in the row.
 *
 * `grad` gives the cotangents of the operands in terms of the operands, the result `y` and its cotangent `dy`; summing them
 * down to an operand that was broadcast is done by `derive`, once, for all ops.
 */
import type { Builder } from "./builder.ts";
import type { Value } from "./types.ts";

export interface GradArguments {
  readonly x: readonly Value[];
  readonly y: Value;
  readonly dy: Value;
}

export interface ElementwiseRow {
  readonly doc: string;
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

const unary = (row: Omit<ElementwiseRow, "arity">): ElementwiseRow => ({ arity: 1, ...row });
const binary = (row: Omit<ElementwiseRow, "arity">): ElementwiseRow => ({ arity: 2, ...row });
const comparison = (doc: string, evaluate: (a: number, b: number) => boolean): ElementwiseRow =>
  binary({ doc: `1 where ${doc}, else 0`, evaluate: (a, b) => (evaluate(a, b) ? 1 : 0), grad: "zero", flops: 1 });

export const elementwise = {
  neg: unary({ doc: "−x", evaluate: (x) => -x, grad: (b, { dy }) => [b.neg(dy)], flops: 1 }),
  exp: unary({ doc: "eˣ", evaluate: Math.exp, grad: (b, { y, dy }) => [b.mul(dy, y)], flops: 10 }),
  log: unary({
    doc: "natural logarithm",
    evaluate: Math.log,
    grad: (b, { x, dy }) => [b.div(dy, x[0])],
    flops: 10,
    domain: [0.2, 3],
  }),
  tanh: unary({
    doc: "hyperbolic tangent",
    evaluate: Math.tanh,
    grad: (b, { y, dy }) => [b.mul(dy, b.sub(b.scalar(1), b.square(y)))],
    flops: 12,
  }),
  sigmoid: unary({
    doc: "logistic function 1 / (1 + e⁻ˣ)",
    evaluate: (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
    grad: (b, { y, dy }) => [b.mul(dy, b.mul(y, b.sub(b.scalar(1), y)))],
    flops: 12,
  }),
  relu: unary({
    doc: "max(x, 0)",
    evaluate: (x) => Math.max(x, 0),
    grad: (b, { y, dy }) => [b.mul(dy, b.gt(y, b.scalar(0)))],
    flops: 1,
    domain: [0.1, 2],
  }),
  softplus: unary({
    doc: "log(1 + eˣ)",
    evaluate: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    grad: (b, { x, dy }) => [b.mul(dy, b.sigmoid(x[0]))],
    flops: 20,
  }),
  sqrt: unary({
    doc: "square root; its gradient is 0 where x is 0",
    evaluate: Math.sqrt,
    // The root's slope at 0 is infinite, and 0 a subgradient: nowhere is a root smaller. So it is for |x| = √x² and lengths √Σx².
    grad: (b, { y, dy }) => [b.select(b.gt(y, b.scalar(0)), b.div(b.mul(dy, b.scalar(0.5)), y), b.scalar(0))],
    flops: 4,
    domain: [0.2, 3],
  }),
  rsqrt: unary({
    doc: "1 / √x",
    evaluate: (x) => 1 / Math.sqrt(x),
    grad: (b, { y, dy }) => [b.mul(dy, b.mul(b.scalar(-0.5), b.mul(y, b.square(y))))],
    flops: 5,
    domain: [0.2, 3],
  }),
  recip: unary({
    doc: "1 / x",
    evaluate: (x) => 1 / x,
    grad: (b, { y, dy }) => [b.neg(b.mul(dy, b.square(y)))],
    flops: 4,
    domain: [0.3, 3],
  }),
  square: unary({
    doc: "x²",
    evaluate: (x) => x * x,
    grad: (b, { x, dy }) => [b.mul(dy, b.mul(b.scalar(2), x[0]))],
    flops: 1,
  }),
  abs: unary({
    doc: "|x|",
    evaluate: Math.abs,
    grad: (b, { x, dy }) => [b.mul(dy, b.sign(x[0]))],
    flops: 1,
    domain: [0.2, 2],
  }),
  sign: unary({ doc: "−1, 0 or 1", evaluate: Math.sign, grad: "zero", flops: 1, domain: [0.2, 2] }),
  sin: unary({ doc: "sine", evaluate: Math.sin, grad: (b, { x, dy }) => [b.mul(dy, b.cos(x[0]))], flops: 12 }),
  cos: unary({ doc: "cosine", evaluate: Math.cos, grad: (b, { x, dy }) => [b.neg(b.mul(dy, b.sin(x[0])))], flops: 12 }),
  finite: unary({
    doc: "1 where x is neither infinite nor NaN, else 0",
    evaluate: (x) => (Number.isFinite(x) ? 1 : 0),
    grad: "zero",
    flops: 2,
  }),
  floor: unary({ doc: "largest whole number ≤ x", evaluate: Math.floor, grad: "zero", flops: 1, domain: [0.2, 0.8] }),
  add: binary({ doc: "a + b", evaluate: (a, c) => a + c, grad: (_, { dy }) => [dy, dy], flops: 1 }),
  sub: binary({ doc: "a − b", evaluate: (a, c) => a - c, grad: (b, { dy }) => [dy, b.neg(dy)], flops: 1 }),
  mul: binary({
    doc: "a · b",
    evaluate: (a, c) => a * c,
    grad: (b, { x, dy }) => [b.mul(dy, x[1]), b.mul(dy, x[0])],
    flops: 1,
  }),
  div: binary({
    doc: "a / b",
    evaluate: (a, c) => a / c,
    grad: (b, { x, y, dy }) => [b.div(dy, x[1]), b.neg(b.div(b.mul(dy, y), x[1]))],
    flops: 4,
    domain: [0.3, 3],
  }),
  min: binary({
    doc: "the smaller",
    evaluate: Math.min,
    grad: (b, { x, dy }) => [b.mul(dy, b.le(x[0], x[1])), b.mul(dy, b.gt(x[0], x[1]))],
    flops: 1,
  }),
  max: binary({
    doc: "the larger",
    evaluate: Math.max,
    grad: (b, { x, dy }) => [b.mul(dy, b.ge(x[0], x[1])), b.mul(dy, b.lt(x[0], x[1]))],
    flops: 1,
  }),
  lt: comparison("a < b", (a, b) => a < b),
  le: comparison("a ≤ b", (a, b) => a <= b),
  gt: comparison("a > b", (a, b) => a > b),
  ge: comparison("a ≥ b", (a, b) => a >= b),
  eq: comparison("a = b", (a, b) => a === b),
  ne: comparison("a ≠ b", (a, b) => a !== b),
  select: {
    doc: "a where the condition is not 0, else b",
    arity: 3,
    evaluate: (c, a, b) => (c !== 0 ? a : b),
    grad: (b, { x, dy }) => [undefined, b.select(x[0], dy, b.scalar(0)), b.select(x[0], b.scalar(0), dy)],
    flops: 1,
  },
} satisfies Record<string, ElementwiseRow>;

export type ElementwiseOp = keyof typeof elementwise;

export function isElementwise(op: string): op is ElementwiseOp {
  return Object.hasOwn(elementwise, op);
}
