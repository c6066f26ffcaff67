/** How ONNX spells what is computed element by element. Conditions are bools there, and numbers where they are read as such. */
import type { ElementwiseOp, OpOf } from "../../compiler/ir/types.ts";
import type { OnnxTensor } from "./block.ts";
import type { Printer } from "./printer.ts";

/** The operands are aligned; all but a condition are floats. */
type Spelling = (p: Printer, x: readonly OnnxTensor[], hint: string) => OnnxTensor;

/** An op of ONNX with the same meaning. */
const same =
  (name: string): Spelling =>
  (p, x, hint) =>
    p.node(name, x, { hint });

const compared =
  (name: string): Spelling =>
  (p, x, hint) =>
    p.node(name, x, { hint }, "bool");

const not = (p: Printer, x: OnnxTensor, hint: string): OnnxTensor => p.node("Not", [x], { hint }, "bool");

const op = (p: Printer, name: string, ...x: readonly OnnxTensor[]): OnnxTensor => p.node(name, x);

const where = (p: Printer, condition: OnnxTensor, a: OnnxTensor, b: OnnxTensor, hint: string): OnnxTensor =>
  p.node("Where", [condition, a, b], { hint }, "float");

/** Whether |x| < 1. */
const isSmall = (p: Printer, x: OnnxTensor): OnnxTensor =>
  p.node("Less", [op(p, "Abs", x), p.constants.float(1)], {}, "bool");

/** eˣ − 1 is 2t / (1 − t) with t = tanh(x/2), in which nothing cancels; far from 0, neither does eˣ − 1. */
const expm1: Spelling = (p, [x], hint) => {
  const t = op(p, "Tanh", op(p, "Mul", x, p.constants.float(0.5)));
  const one = p.constants.float(1);
  const near = op(p, "Div", op(p, "Mul", t, p.constants.float(2)), op(p, "Sub", one, t));
  return where(p, isSmall(p, x), near, op(p, "Sub", op(p, "Exp", x), one), hint);
};

/** With u = 1 + x as it is rounded, log(u) · x / (u − 1), or x where u is 1 (Kahan; Goldberg 1991, theorem 4). */
const log1p: Spelling = (p, [x], hint) => {
  const one = p.constants.float(1);
  const u = op(p, "Add", one, x);
  const far = op(p, "Log", u);
  const quotient = op(p, "Div", op(p, "Mul", far, x), op(p, "Sub", u, one));
  const near = where(p, p.node("Equal", [u, one], {}, "bool"), x, quotient, "");
  return where(p, isSmall(p, x), near, far, hint);
};

const rows: Readonly<Record<ElementwiseOp, Spelling>> = {
  neg: same("Neg"),
  exp: same("Exp"),
  log: same("Log"),
  expm1,
  log1p,
  erf: same("Erf"),
  tanh: same("Tanh"),
  sigmoid: same("Sigmoid"),
  relu: same("Relu"),
  softplus: same("Softplus"),
  sqrt: same("Sqrt"),
  rsqrt: (p, [x], hint) => p.node("Reciprocal", [op(p, "Sqrt", x)], { hint }),
  recip: same("Reciprocal"),
  square: (p, [x], hint) => p.node("Mul", [x, x], { hint }),
  abs: same("Abs"),
  sign: same("Sign"),
  sin: same("Sin"),
  cos: same("Cos"),
  atan: same("Atan"),
  finite: (p, [x], hint) => {
    const [infinite, none] = ["IsInf", "IsNaN"].map((name) => p.node(name, [x], {}, "bool"));
    return not(p, p.node("Or", [infinite, none], {}, "bool"), hint);
  },
  floor: same("Floor"),
  add: same("Add"),
  sub: same("Sub"),
  mul: same("Mul"),
  div: same("Div"),
  min: same("Min"),
  max: same("Max"),
  lt: compared("Less"),
  le: compared("LessOrEqual"),
  gt: compared("Greater"),
  ge: compared("GreaterOrEqual"),
  eq: compared("Equal"),
  ne: (p, x, hint) => not(p, p.node("Equal", x, {}, "bool"), hint),
  select: (p, [condition, a, b], hint) => where(p, condition, a, b, hint),
};

/** An elementwise op, with operands aligned as ONNX broadcasts them: from the right. */
export function elementwiseOp(p: Printer, { op: name, operands, results: [result] }: OpOf<ElementwiseOp>): OnnxTensor {
  const x = operands.map((v, i) => {
    const tensor = name === "select" && i === 0 ? p.cast(p.of(v), "bool") : p.num(v);
    return p.aligned(tensor, v.type, result.type);
  });
  return rows[name](p, x, result.name);
}
