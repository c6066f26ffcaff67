/** How elementwise ops are written in PyTorch. */
import type { ElementwiseOp } from "../../compiler/ir/types.ts";
import { atom, call, infix, negate, type Text } from "../../compiler/kernel-ir/c-text.ts";
import { helper } from "./helpers.ts";
import { method } from "./text.ts";

/** An operand: a tensor, a tensor of truth values, or a number of Python. */
export interface Operand {
  readonly text: Text;
  readonly kind: "tensor" | "bool" | "number";
}

type Spelling = (args: readonly Operand[]) => Text;

const torch =
  (name: string): Spelling =>
  (args) =>
    call(`torch.${name}`, ...args.map((a) => a.text));
const operator =
  (symbol: string): Spelling =>
  ([a, b]) =>
    infix(symbol, a.text, b.text);
/** The smaller or the larger. */
const bound =
  (name: string, side: string): Spelling =>
  ([a, b]) => {
    if (b.kind === "number") return method(a.text, "clamp", `${side}=${b.text.text}`);
    if (a.kind === "number") return method(b.text, "clamp", `${side}=${a.text.text}`);
    return call(`torch.${name}`, a.text, b.text);
  };

/** Ops whose results are truth values. */
export const truths: ReadonlySet<string> = new Set<ElementwiseOp>(["lt", "le", "gt", "ge", "eq", "ne", "finite"]);

/** The op of tensors, at least one of which is no number. The condition of `select` is a truth value. */
export const spellings: Readonly<Record<ElementwiseOp, Spelling>> = {
  neg: ([a]) => negate(a.text),
  exp: torch("exp"),
  log: torch("log"),
  expm1: torch("expm1"),
  log1p: torch("log1p"),
  erf: torch("erf"),
  tanh: torch("tanh"),
  sigmoid: torch("sigmoid"),
  relu: torch("relu"),
  // Above its threshold, PyTorch returns x itself: 20 is too low for f64.
  softplus: ([a]) => call("F.softplus", a.text, atom("threshold=40.0")),
  sqrt: ([a]) => call(helper("root"), a.text),
  rsqrt: torch("rsqrt"),
  recip: ([a]) => infix("/", atom("1"), a.text),
  square: torch("square"),
  abs: torch("abs"),
  sign: torch("sign"),
  sin: torch("sin"),
  cos: torch("cos"),
  atan: torch("atan"),
  finite: torch("isfinite"),
  floor: torch("floor"),
  add: operator("+"),
  sub: operator("-"),
  mul: operator("*"),
  div: operator("/"),
  min: bound("minimum", "max"),
  max: bound("maximum", "min"),
  lt: operator("<"),
  le: operator("<="),
  gt: operator(">"),
  ge: operator(">="),
  eq: operator("=="),
  ne: operator("!="),
  select: torch("where"),
};

const python =
  (name: string): Spelling =>
  (args) =>
    call(name, ...args.map((a) => a.text));
const compared =
  (symbol: string): Spelling =>
  ([a, b]) =>
    call("float", infix(symbol, a.text, b.text));

/** The op of numbers of Python that are known when the module runs: extents, above all. */
export const numberSpellings: Readonly<Record<ElementwiseOp, Spelling>> = {
  ...spellings,
  exp: python("math.exp"),
  log: python("math.log"),
  expm1: python("math.expm1"),
  log1p: python("math.log1p"),
  erf: python("math.erf"),
  tanh: python("math.tanh"),
  sigmoid: ([a]) => infix("/", atom("1"), infix("+", atom("1"), call("math.exp", negate(a.text)))),
  relu: ([a]) => call("max", a.text, atom("0.0")),
  softplus: ([a]) => call("math.log1p", call("math.exp", a.text)),
  sqrt: python("math.sqrt"),
  rsqrt: ([a]) => infix("/", atom("1"), call("math.sqrt", a.text)),
  square: ([a]) => infix("*", a.text, a.text),
  abs: python("abs"),
  sign: ([a]) => call("float", infix("-", infix(">", a.text, atom("0")), infix("<", a.text, atom("0")))),
  sin: python("math.sin"),
  cos: python("math.cos"),
  atan: python("math.atan"),
  finite: ([a]) => call("float", call("math.isfinite", a.text)),
  floor: ([a]) => call("float", call("math.floor", a.text)),
  min: python("min"),
  max: python("max"),
  lt: compared("<"),
  le: compared("<="),
  gt: compared(">"),
  ge: compared(">="),
  eq: compared("=="),
  ne: compared("!="),
  select: ([c, a, b]) => atom(`(float(${a.text.text}) if ${c.text.text} != 0 else float(${b.text.text}))`),
};
