/** Built-in functions that are applied element by element. */
import type { ElementwiseOp } from "../../ir/types.ts";
import { type Builtin, real, value } from "../builtin.ts";
import { elementwise } from "../expressions.ts";
import { known } from "../finite.ts";
import { reduce } from "../reductions.ts";
import { poison } from "../scope.ts";

const map = (op: ElementwiseOp, doc: string): Builtin => ({
  signature: `${op}(x)`,
  doc,
  arity: [1, 1],
  takesAllSteps: true,
  apply: (call) => {
    const x = real(call, 0);
    return x === undefined ? poison : elementwise(op, [x], call.spans, call.span, call.c);
  },
});

/** The smaller or larger of two values, or the smallest or largest value along axes. */
const extreme = (op: "min" | "max", doc: string): Builtin => ({
  signature: `${op}(a, b) or ${op}(x, over …)`,
  doc,
  arity: [1, 2],
  takesAllSteps: true,
  reduces: true,
  apply: (call) => {
    if (call.args.length === 1 || call.over !== undefined) return reduce(op, call);
    const [a, b] = [real(call, 0), real(call, 1)];
    if (a === undefined || b === undefined) return poison;
    return elementwise(op, [a, b], call.spans, call.span, call.c);
  },
});

export const elementwiseFunctions = {
  exp: map("exp", "eˣ"),
  log: map("log", "natural logarithm"),
  expm1: map("expm1", "eˣ − 1, accurate near 0"),
  log1p: map("log1p", "log(1 + x), accurate near 0"),
  erf: map("erf", "error function"),
  tanh: map("tanh", "hyperbolic tangent"),
  sigmoid: map("sigmoid", "1 / (1 + e⁻ˣ)"),
  relu: map("relu", "max(x, 0)"),
  softplus: map("softplus", "log(1 + eˣ)"),
  sqrt: map("sqrt", "square root"),
  rsqrt: map("rsqrt", "1 / √x"),
  abs: map("abs", "|x|"),
  square: map("square", "x²"),
  sign: map("sign", "−1, 0 or 1"),
  sin: map("sin", "sine"),
  cos: map("cos", "cosine"),
  atan: map("atan", "arc tangent"),
  floor: map("floor", "largest whole number ≤ x"),
  min: extreme("min", "the smaller of two, or the smallest along axes"),
  max: extreme("max", "the larger of two, or the largest along axes"),
  where: {
    signature: "where(c, a, b)",
    doc: "a where c is not 0, else b",
    arity: [3, 3],
    takesAllSteps: true,
    apply: (call) => {
      const x = [0, 1, 2].map((i) => real(call, i)).filter((v) => v !== undefined);
      return x.length === 3 ? elementwise("select", x, call.spans, call.span, call.c) : poison;
    },
  },
  stop: {
    signature: "stop(x)",
    doc: "x, through which no gradient flows",
    arity: [1, 1],
    takesAllSteps: true,
    apply: (call) => {
      const x = real(call, 0);
      if (x === undefined) return poison;
      const n = call.c.world.known.get(x);
      const stopped = call.c.builder.one("stop", [x], {});
      return value(n === undefined ? stopped : known(stopped, n, call.c));
    },
  },
} satisfies Readonly<Record<string, Builtin>>;
