import type { KExpr } from "../../compiler/kernel-ir/types.ts";
import type { MathOp } from "../../targets/spellings.ts";
import { allowance, meaning, type Target } from "./meaning.ts";

/** All values a target may compute within its stated accuracy; undefined if there is no telling (0/0, an overflow). */
export type Interval = readonly [low: number, high: number] | undefined;

const point = (x: number): Interval => [x, x];
const hull = (...xs: readonly number[]): Interval => [Math.min(...xs), Math.max(...xs)];

const rising: ReadonlySet<string> = new Set([
  ...["exp", "log", "expm1", "log1p", "erf", "atan", "tanh", "sigmoid", "softplus", "sqrt", "floor", "sign", "relu"],
]);

/** The interval of an op over intervals, before rounding. */
function image(op: string, args: readonly (readonly [number, number])[]): Interval {
  const f = meaning[op as MathOp] as (...args: readonly number[]) => number;
  const [[a0, a1], b, c] = args;
  if (rising.has(op)) return [f(a0), f(a1)];
  switch (op) {
    // Of an interval that is known, each number is.
    case "finite":
      return point(1);
    case "neg":
      return [-a1, -a0];
    case "abs":
      return a0 > 0 ? [a0, a1] : a1 < 0 ? [-a1, -a0] : [0, Math.max(-a0, a1)];
    case "recip":
    case "rsqrt":
      return a0 > 0 || (a1 < 0 && op === "recip") ? [f(a1), f(a0)] : undefined;
    case "sin":
    case "cos": {
      // Neither changes faster than its argument.
      const [middle, half] = [f((a0 + a1) / 2), (a1 - a0) / 2];
      return [middle - half, middle + half];
    }
    case "div":
      if (b[0] <= 0 && b[1] >= 0) return undefined;
      return hull(a0 / b[0], a0 / b[1], a1 / b[0], a1 / b[1]);
    case "select": {
      if (a0 > 0 || a1 < 0) return b;
      return a0 === 0 && a1 === 0 ? c : [Math.min(b[0], c[0]), Math.max(b[1], c[1])];
    }
    case "lt":
    case "le":
    case "gt":
    case "ge":
    case "eq":
    case "ne": {
      const apart = a1 < b[0] || b[1] < a0;
      const known = a0 === a1 && b[0] === b[1];
      return apart || known ? point(f(a0, b[0])) : [0, 1];
    }
    default:
      // add, sub, mul, max, min: extreme where the operands are.
      return hull(f(a0, b[0]), f(a0, b[1]), f(a1, b[0]), f(a1, b[1]));
  }
}

/** Makes room for the target's rounding. Numbers near overflow or far below 1 are left open: targets differ there. */
function rounded(op: string, target: Target, x: readonly [number, number], y: Interval): Interval {
  if (y === undefined || !(Math.abs(y[0]) < 1e37) || !(Math.abs(y[1]) < 1e37)) return undefined;
  const room = Math.max(...x.flatMap((a) => y.map((b) => allowance(op, target, a, b))));
  return [y[0] - room, y[1] + room];
}

/** The interval of one lane of an expression whose integer variable is `i`. */
export function bounds(e: KExpr, lane: number, input: Float32Array, i: number, target: Target): Interval {
  const of = (a: KExpr, at = lane): Interval => bounds(a, at, input, i, target);
  const apply = (op: string, args: readonly Interval[]): Interval => {
    // An operand that select does not choose need not be known.
    if (op === "select" && args[0] !== undefined) {
      const [low, high] = args[0];
      if (low > 0 || high < 0) return args[1];
      if (low === 0 && high === 0) return args[2];
    }
    if (args.some((a) => a === undefined)) return undefined;
    const known = args as readonly (readonly [number, number])[];
    return rounded(op, target, known[0], image(op, known));
  };
  switch (e.k) {
    case "float":
      return point(Math.fround(e.value));
    case "toFloat":
      return point(integer(e.a, i));
    case "load":
      return point(input[integer(e.index, i) + (e.type === "f32x4" ? lane : 0)]);
    case "math":
      return apply(
        e.op,
        e.args.map((a) => of(a)),
      );
    case "fma":
      return apply("add", [apply("mul", [of(e.a), of(e.b)]), of(e.c)]);
    case "splat":
      return of(e.a, 0);
    case "vec4":
      return of(e.lanes[lane], 0);
    case "extract":
      return of(e.a, e.lane);
    case "across": {
      const lanes = [0, 1, 2, 3].map((at) => of(e.a, at));
      const combine = (a: Interval, b: Interval): Interval => apply(e.op, [a, b]);
      if (e.op === "max") return lanes.reduce(combine);
      // The order of the sum is free: every partial sum may round as the largest does.
      const sum = lanes.reduce(combine);
      const sizes = lanes.map((a) => (a === undefined ? Number.NaN : Math.max(Math.abs(a[0]), Math.abs(a[1]))));
      const room = 2 ** -21 * sizes.reduce((a, b) => a + b);
      return sum === undefined ? undefined : [sum[0] - room, sum[1] + room];
    }
    default:
      throw new Error(`no interval of ${e.k}`);
  }
}

/** The value of an integer expression in `i`: sums and products are all the generator makes. */
function integer(e: KExpr, i: number): number {
  if (e.k === "int") return e.value;
  if (e.k === "var") return i;
  if (e.k !== "int2") throw new Error(`no integer: ${e.k}`);
  const [a, b] = [integer(e.a, i), integer(e.b, i)];
  return e.op === "add" ? a + b : a * b;
}
