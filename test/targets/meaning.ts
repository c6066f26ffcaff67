import { erf } from "../../compiler/ir/error-function.ts";
import type { Code } from "../../runtime/plan.ts";
import type { MathOp } from "../../targets/spellings.ts";

/** What every op means, in f64. */
export const meaning: Readonly<Record<MathOp, (...args: readonly number[]) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  max: (a, b) => Math.max(a, b),
  min: (a, b) => Math.min(a, b),
  neg: (a) => -a,
  exp: (a) => Math.exp(a),
  log: (a) => Math.log(a),
  expm1: (a) => Math.expm1(a),
  log1p: (a) => Math.log1p(a),
  erf,
  atan: (a) => Math.atan(a),
  tanh: (a) => Math.tanh(a),
  sigmoid: (a) => (a < 0 ? Math.exp(a) / (1 + Math.exp(a)) : 1 / (1 + Math.exp(-a))),
  softplus: (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a))),
  sqrt: (a) => Math.sqrt(a),
  rsqrt: (a) => 1 / Math.sqrt(a),
  recip: (a) => 1 / a,
  abs: (a) => Math.abs(a),
  floor: (a) => Math.floor(a),
  finite: (a) => Number(Number.isFinite(a)),
  sign: (a) => Math.sign(a),
  sin: (a) => Math.sin(a),
  cos: (a) => Math.cos(a),
  relu: (a) => Math.max(a, 0),
  lt: (a, b) => Number(a < b),
  le: (a, b) => Number(a <= b),
  gt: (a, b) => Number(a > b),
  ge: (a, b) => Number(a >= b),
  eq: (a, b) => Number(a === b),
  ne: (a, b) => Number(a !== b),
  select: (c, a, b) => (c !== 0 ? a : b),
};

export type Target = Code["kind"];

const ulp = 2 ** -23;

/** Relative errors that `math.ts` states, where they are more than rounding. */
const boundsOfWasm: Readonly<Record<string, number>> = {
  ...{ tanh: 4e-7, softplus: 4e-7, sigmoid: 4e-7, expm1: 4e-7, log1p: 3e-7, erf: 5e-7, atan: 3e-7 },
};

/** Exact in every target: they choose or count, and round nothing. */
const exact: ReadonlySet<string> = new Set([
  ...["max", "min", "neg", "abs", "floor", "sign", "relu", "select", "lt", "le", "gt", "ge", "eq", "ne"],
]);

/**
 * How far a target's result may lie from the truth `y` at `x`. WebAssembly: the bounds `math.ts` states, and IEEE rounding
 * elsewhere. WGSL: the specification's accuracy table (section 15.7.4), carried through our own formulas. Both:
 * subnormals may become 0.
 */
export function allowance(op: string, target: Target, x: number, y: number): number {
  if (exact.has(op)) return 0;
  return tolerance(op, target, x, y) + 2 ** -125;
}

function tolerance(op: string, target: Target, x: number, y: number): number {
  switch (target) {
    case "wasm":
      if (op === "sin" || op === "cos") return 1.2e-7;
      return (boundsOfWasm[op] ?? ulp) * Math.abs(y);
    case "wgsl":
    // OpenGL ES promises less; SwiftShader keeps what WGSL asks for.
    case "glsl":
      return toleranceOfWgsl(op, x, y);
  }
}

function toleranceOfWgsl(op: string, x: number, y: number): number {
  const size = Math.abs(y) * ulp;
  const expUlps = 3 + 2 * Math.abs(x);
  switch (op) {
    case "exp":
      return size * expUlps;
    case "log":
      return Math.max(3 * size, x >= 0.5 && x <= 2 ? 2 ** -21 : 0);
    case "sin":
    case "cos":
      // Beyond, the reduction to a quarter turn loses digits; the range of the result is promised still.
      return Math.abs(x) <= 6000 ? 2e-7 : 2;
    case "sigmoid":
    case "softplus":
      // e's error, and that of a quotient, a sum and a polynomial.
      return size * (expUlps + 8);
    case "expm1":
      // eˣ's error, also where most of it cancels; beyond ½, eˣ is at most 2.6 times as large as what remains.
      return size * 2.6 * (expUlps + 1);
    case "log1p":
    case "tanh":
    case "erf":
    case "atan":
      return size * 12;
    case "div":
    case "recip":
      return size * 3;
    case "sqrt":
    case "rsqrt":
      return size * 6;
    default:
      return size;
  }
}
