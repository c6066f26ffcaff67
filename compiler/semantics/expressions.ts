/** Evaluates expressions to meanings, and to ops. */
import type { Span } from "../diagnostics/span.ts";
import type { Builder } from "../ir/builder.ts";
import * as dim from "../ir/dim.ts";
import { hasAllSteps } from "../ir/steps.ts";
import { broadcastShapes, ShapeError } from "../ir/type.ts";
import type { ElementwiseOp, Value } from "../ir/types.ts";
import type { BinaryOperator, Expr, Name } from "../syntax/ast.ts";
import { memberHabit } from "../syntax/member-habits.ts";
import { ofPresent, ownShape, refuseAllSteps, showValue, together } from "./all-steps.ts";
import { call } from "./calls.ts";
import { asDim, extentOf, isExact } from "./constants.ts";
import { type Context, showShape } from "./context.ts";
import { computed, fitsKernels, isNumber, known } from "./finite.ts";
import { nameHabit, stepsHabit } from "./habits.ts";
import { recordComparison } from "./index-bounds.ts";
import { depthOfCall, maxDepth, maxExpressions, maxOps, reportLimit } from "./limits.ts";
import { conjunction, disjunction, negation } from "./logic.ts";
import { part } from "./parts.ts";
import { type Meaning, poison, spell } from "./scope.ts";
import { listValue } from "./stacks.ts";
import { functionOfName } from "./unknown-functions.ts";
import { warnOfPairs } from "./unmeant-pairs.ts";

type Binary = Expr & { readonly kind: "binary" };

/** The meaning of `e` in `c`. Poison if something is wrong with it, which is reported. */
export function evaluate(e: Expr, c: Context): Meaning {
  const { spent } = c.world;
  if (++spent.expressions > maxExpressions || c.builder.ops.length > maxOps || spent.depth >= maxDepth) {
    if (spent.depth >= maxDepth)
      reportLimit("operations are nested, counting a call as five,", maxDepth, e.span, c.problems);
    else if (c.builder.ops.length > maxOps)
      reportLimit("a cell, model or norm has operations,", maxOps, e.span, c.problems);
    else reportLimit("a file has names and operations,", maxExpressions, e.span, c.problems);
    return poison;
  }
  const depth = e.kind === "unary" || e.kind === "binary" ? 1 : depthOfCall;
  spent.depth += depth;
  const meaning = c.initial?.(e, c) ?? meaningOf(e, c);
  spent.depth -= depth;
  return meaning;
}

function meaningOf(e: Expr, c: Context): Meaning {
  switch (e.kind) {
    case "number":
      return isNumber(e.value, e.span, c) ? { kind: "number", number: e.value } : poison;
    case "string":
      return { kind: "text", text: e.value };
    case "name":
      return resolveName(e.name, c);
    case "list":
      return { kind: "list", items: e.items.map((item) => evaluate(item, c)) };
    case "part":
      return part(e, c);
    case "unary":
      return (e.op === "not" ? negation : negate)(evaluate(e.operand, c), e.operand.span, c);
    case "binary":
      return binary(e, c);
    case "call":
      return call(e, c);
    case "member":
      if (c.member !== undefined) return c.member(e);
      c.problems.error("C0201", e.of.span, `\`${e.of.text}\` has no \`${e.name.text}\``, {
        label: "only scans of models have parts with names",
        help: memberHabit(e.of.text, e.name.text, false),
      });
      return poison;
    case "scan":
      if (c.scan !== undefined) return c.scan(e);
      c.problems.error("C0223", e.span, "`scan` is only allowed in models", {
        label: "this is not a model's statement",
        help: "scan the cells one after another in a model: hs = scan lstm(D, H) over x",
      });
      return poison;
    default:
      return e satisfies never;
  }
}

/** `e` as a tensor; undefined after a report. */
export function tensorOf(e: Expr, c: Context): Value | undefined {
  return toValue(evaluate(e, c), e.span, c);
}

/** `meaning` as a tensor; undefined after a report. */
export function toValue(meaning: Meaning, span: Span, c: Context): Value | undefined {
  switch (meaning.kind) {
    case "value":
      return meaning.value;
    case "number": {
      const n = meaning.number;
      return fitsKernels(n, span, c) ? known(c.builder.scalar(n), n, c) : undefined;
    }
    case "dim": {
      const n = extentOf(meaning.dim, c.world.numbers);
      if (n !== undefined && !fitsKernels(n, span, c)) return undefined;
      const written = dim.asNumber(meaning.dim);
      const v = written === undefined ? c.builder.extent([dim.show(meaning.dim)]) : c.builder.scalar(written);
      return n === undefined ? v : known(v, n, c);
    }
    case "list":
      return listValue(meaning, span, c);
    case "init":
    case "none":
      c.problems.error("C0216", span, `${describe(meaning)} is not a value`, { label: "a value is needed here" });
      return undefined;
    case "text":
      c.problems.error("C0233", span, `the text "${meaning.text}" is not a value`, {
        label: "a value is needed here",
        help: 'text in quotes chooses how a function works: conv(x, W, padding = "same")',
      });
      return undefined;
    case "poison":
      return undefined;
    default:
      return meaning satisfies never;
  }
}

/** `meaning` as a tensor of numbers, not of indices; undefined after a report. */
export function realValue(meaning: Meaning, span: Span, c: Context): Value | undefined {
  const v = toValue(meaning, span, c);
  if (v === undefined || v.type.dtype === "f32") return v;
  c.problems.error("C0224", span, "an index is not a quantity to compute with", {
    label: "an index",
    help: "compare it, or make a vector of it: one_hot(i, n), embed(i, W)",
  });
  return undefined;
}

export function resolveName(name: Name, c: Context): Meaning {
  const key = spell(name);
  const binding = c.scope.find(key);
  if (binding !== undefined) {
    binding.used = true;
    const why = c.forbids?.(binding);
    if (why === undefined) return binding.meaning;
    c.problems.error("C0222", name.span, `\`${key}\` cannot be used here`, {
      label: why,
      help: c.instead?.(binding),
      notes: [{ span: binding.name.span, message: "declared here" }],
    });
    return poison;
  }
  if (key === "none") return { kind: "none" };
  if (name.primed && c.scope.has(name.text) && c.scope.find(name.text)?.origin !== "state") {
    const matrix = c.scope.find(name.text)?.origin === "param" ? `, or transpose(${name.text})` : "";
    c.problems.error("C0212", name.span, `\`${name.text}\` is not a state, so it has no next value`, {
      label: `there is no \`${key}\``,
      help: `write \`${name.text}\`${matrix}`,
    });
    return poison;
  }
  if (c.module.damaged.has(name.text) || c.module.damaged.has(key)) return poison;
  const later = c.later?.get(key);
  if (later !== undefined) {
    c.problems.error("C0203", name.span, `\`${key}\` is used before it is defined`, {
      label: "not known yet",
      help: "move this line down, or that one up",
      notes: [{ span: later.span, message: "defined here" }],
    });
    return poison;
  }
  if (key === "pi" && !c.module.names.has(key)) return { kind: "number", number: Math.PI };
  // A state without a next value is reported as that, and so is a next value without a state.
  if (name.primed && c.scope.find(name.text)?.origin === "state") return poison;
  if (c.later?.has(`${key}'`)) return poison;
  c.problems.error("C0201", name.span, `there is no \`${key}\` here`, {
    label: "unknown name",
    help: () => nameHabit(key, c.scope) ?? functionOfName(key) ?? c.scope.suggestion(key),
  });
  return poison;
}

function negate(m: Meaning, span: Span, c: Context): Meaning {
  if (m.kind === "number") return { kind: "number", number: -m.number };
  if (m.kind === "dim") return { kind: "dim", dim: dim.multiply(m.dim, dim.constant(-1)) };
  const v = realValue(m, span, c);
  return v === undefined ? poison : elementwise("neg", [v], [span], span, c);
}

function binary(e: Binary, c: Context): Meaning {
  const a = evaluate(e.left, c);
  const b = evaluate(e.right, c);
  if (a.kind === "poison" || b.kind === "poison") return poison;
  const isArithmetic = e.op === "+" || e.op === "-" || e.op === "*" || e.op === "/";
  if (isArithmetic && b.kind === "none") return a;
  if (isArithmetic && a.kind === "none")
    return e.op === "-" ? negate(b, e.right.span, c) : e.op === "/" ? recip(b, e, c) : b;
  const folded = fold(e.op, a, b);
  if (folded !== undefined) return folded.kind === "number" && !isNumber(folded.number, e.span, c) ? poison : folded;
  if (e.op === "^") return power(e, a, b, c);
  if (e.op === "and" || e.op === "or") {
    const combine = e.op === "and" ? conjunction : disjunction;
    return combine([a, b], [e.left.span, e.right.span], e.span, c);
  }
  const compares = comparisons.has(e.op);
  const x = compares ? toValue(a, e.left.span, c) : realValue(a, e.left.span, c);
  const y = compares ? toValue(b, e.right.span, c) : realValue(b, e.right.span, c);
  if (x === undefined || y === undefined) return poison;
  if (e.op === "@") return contraction(e, x, y, c);
  if (x.type.dtype === "index" && y.type.dtype === "index") recordComparison(x, y, e.span, c);
  return elementwise(opOf[e.op], [x, y], [e.left.span, e.right.span], e.span, c);
}

const comparisons: ReadonlySet<BinaryOperator> = new Set<BinaryOperator>(["<", "<=", ">", ">=", "==", "!="]);

const opOf: Readonly<Record<Exclude<BinaryOperator, "@" | "^" | "and" | "or">, ElementwiseOp>> = {
  "+": "add",
  "-": "sub",
  "*": "mul",
  "/": "div",
  "<": "lt",
  "<=": "le",
  ">": "gt",
  ">=": "ge",
  "==": "eq",
  "!=": "ne",
};

const recip = (m: Meaning, e: Binary, c: Context): Meaning => {
  const v = realValue(m, e.right.span, c);
  return v === undefined ? poison : elementwise("recip", [v], [e.right.span], e.span, c);
};

/** Folds constants; undefined if the result is not an extent or a number. */
function fold(op: BinaryOperator, a: Meaning, b: Meaning): Meaning | undefined {
  if (a.kind === "number" && b.kind === "number") {
    const f = numberArithmetic[op];
    return f && { kind: "number", number: f(a.number, b.number) };
  }
  const x = asDim(a);
  const y = asDim(b);
  if (x === undefined || y === undefined) return undefined;
  const result = dimArithmetic[op]?.(x, y);
  // Beyond exact whole numbers, an extent would no longer be the one in the text.
  return result !== undefined && isExact(result) ? { kind: "dim", dim: result } : undefined;
}

export const numberArithmetic: Readonly<Partial<Record<BinaryOperator, (a: number, b: number) => number>>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "^": (a, b) => a ** b,
  and: (a, b) => (a !== 0 && b !== 0 ? 1 : 0),
  or: (a, b) => (a !== 0 || b !== 0 ? 1 : 0),
};

export const dimArithmetic: Readonly<Partial<Record<BinaryOperator, (a: dim.Dim, b: dim.Dim) => dim.Dim | undefined>>> =
  {
    "+": dim.add,
    "-": dim.subtract,
    "*": dim.multiply,
    "/": dim.divide,
  };

/** An elementwise op on values that must broadcast. `spans` are those of the operands. */
export function elementwise(
  op: ElementwiseOp,
  operands: readonly Value[],
  spans: readonly Span[],
  span: Span,
  c: Context,
): Meaning {
  const fitting = fitted(operands, c.builder);
  if (fitting === undefined) {
    return misfit(
      span,
      `the shapes ${listed(operands.map((v) => showValue(v.type, c)))} do not fit`,
      operands.map((v, i) => ({ span: spans[i], message: `this is ${showValue(v.type, c)}` })),
      c,
      unequal(operands.map((v) => ownShape(v.type))).flatMap(([a, b]) => equalByNumbers(a, b, c) ?? [])[0] ??
        (op === "mul" && operands.some((v) => ownShape(v.type).length > 1) ? byElements : stepsHabit(operands, c)),
    );
  }
  warnOfPairs(operands, span, c);
  return computed(op, operands, c.builder.elementwise(op, fitting), span, c);
}

const byElements = "`*` multiplies element by element; a vector and a matrix are multiplied x @ W";

/** The extents that do not fit, of shapes that are aligned at their last axes. */
function unequal(shapes: readonly (readonly dim.Dim[])[]): readonly (readonly [dim.Dim, dim.Dim])[] {
  const [a, b] = shapes.map((shape) => [...shape].reverse());
  const pairs = a === undefined || b === undefined ? [] : a.slice(0, b.length).map((d, i) => [d, b[i]] as const);
  return pairs.filter(([d, e]) => !dim.isOne(d) && !dim.isOne(e) && !dim.equal(d, e));
}

/** The values as they broadcast; undefined if they do not. */
function fitted(values: readonly Value[], b: Builder): readonly Value[] | undefined {
  const aligned = together(b, values);
  try {
    aligned.reduce((shape, v) => broadcastShapes(shape, v.type.shape), [] as readonly dim.Dim[]);
    return aligned;
  } catch (e) {
    if (!(e instanceof ShapeError)) throw e;
    return undefined;
  }
}

/**
 * Contracts the last axis of `x` with the first of `y`, for each example: [K] @ [K, N], [H, K] @ [K, N], [K] @ [K]. All steps of a
 * sequence are multiplied step by step, unless they are all that `x` has: then the sum is over them.
 */
function contraction(e: Binary, x: Value, y: Value, c: Context): Meaning {
  const [a, b] = [ownShape(x.type), ownShape(y.type)];
  const sides = [
    { span: e.left.span, message: `this is ${showValue(x.type, c)}` },
    { span: e.right.span, message: `this is ${showValue(y.type, c)}` },
  ];
  const stepwise = [x, y].map((v) => hasAllSteps(v.type));
  if (a.length === 0 && stepwise.every(Boolean)) return weighted(e, x, y, c);
  if (a.length === 0 || b.length === 0) {
    const help = "a single number is multiplied with *";
    return misfit(e.span, "`@` needs a feature axis on both sides", sides, c, help);
  }
  const [k, l] = [a[a.length - 1], b[0]];
  if (!dim.equal(k, l)) {
    const message = `\`@\` sums over ${dim.show(k)} on the left and ${dim.show(l)} on the right`;
    const isTurned = dim.equal(b[b.length - 1], a[0]);
    const help = isTurned
      ? "the sum is over the last axis on the left and the first on the right: x @ W, not W @ x"
      : undefined;
    return misfit(e.span, message, sides, c, help ?? equalByNumbers(k, l, c) ?? stepsHabit([x, y], c));
  }
  const letters = "abcdefghijlmnopqrstuvwxy";
  const left = letters.slice(0, a.length - 1);
  const right = letters.slice(a.length - 1, a.length + b.length - 2);
  const [s, t] = stepwise.map((has) => (has ? "z" : ""));
  return {
    kind: "value",
    value: c.builder.dot(x, y, { a: `${s}${left}k`, b: `${t}k${right}`, out: (s || t) + left + right }),
  };
}

/** `softmax(e, over time) @ source`: the sum over all steps of a number for each, times what there is at it. */
function weighted(e: Binary, x: Value, y: Value, c: Context): Meaning {
  const [weights, values] = [x, y].map((v) => ofPresent(v, 0, c));
  if (c.allSteps === undefined) return refuseAllSteps("`@` cannot add up a value", e.span, e.left.span, c);
  const own = "abcdefgh".slice(0, ownShape(y.type).length);
  return { kind: "value", value: c.builder.dot(weights, values, { a: "z", b: `z${own}`, out: own }) };
}

/** Integer powers up to this one are products; higher ones are exp(p · log x). */
const largestProduct = 8;

function power(e: Binary, a: Meaning, b: Meaning, c: Context): Meaning {
  const x = realValue(a, e.left.span, c);
  if (x === undefined) return poison;
  if (b.kind === "number") {
    if (!fitsKernels(b.number, e.right.span, c)) return poison;
    const value = constantPower(c.builder, x, b.number);
    const base = c.world.known.get(x);
    if (base === undefined) return { kind: "value", value };
    const n = base ** b.number;
    return isNumber(n, e.span, c) ? { kind: "value", value: known(value, n, c) } : poison;
  }
  const p = realValue(b, e.right.span, c);
  if (p === undefined) return poison;
  const base = c.world.known.get(x);
  if (base !== undefined && base < 0) return { kind: "value", value: powerOfNegative(base, p, c.builder) };
  const log = elementwise("log", [x], [e.left.span], e.left.span, c);
  if (log.kind !== "value") return log;
  const scaled = elementwise("mul", [log.value, p], [e.left.span, e.right.span], e.span, c);
  if (scaled.kind !== "value") return scaled;
  return elementwise("exp", [scaled.value], [e.span], e.span, c);
}

/** (-1)^k and its like, of values: 1 or -1 times the power of the size where p is whole, and NaN elsewhere. */
function powerOfNegative(base: number, p: Value, b: Builder): Value {
  const floor = (v: Value): Value => b.elementwise("floor", [v]);
  const two = b.scalar(2);
  const odd = b.sub(p, b.mul(two, floor(b.div(p, two))));
  const isBroken = b.elementwise("sign", [b.sub(p, floor(p))]);
  const undefinedIfBroken = b.elementwise("log", [b.sub(b.scalar(1), b.mul(two, isBroken))]);
  const sign = b.add(b.sub(b.scalar(1), b.mul(two, odd)), undefinedIfBroken);
  return base === -1 ? sign : b.mul(sign, b.elementwise("exp", [b.mul(b.scalar(Math.log(-base)), p)]));
}

function constantPower(b: Builder, x: Value, p: number): Value {
  if (p === 0) return b.scalar(1);
  if (p === 1) return x;
  if (p === 2) return b.square(x);
  if (p === 0.5) return b.sqrt(x);
  if (p === -0.5) return b.elementwise("rsqrt", [x]);
  if (Number.isInteger(p) && p < 0 && p >= -largestProduct) return b.elementwise("recip", [constantPower(b, x, -p)]);
  if (Number.isInteger(p) && p > 0 && p <= largestProduct) {
    const half = b.square(constantPower(b, x, Math.floor(p / 2)));
    return p % 2 === 0 ? half : b.mul(half, x);
  }
  return b.elementwise("exp", [b.mul(b.scalar(p), b.elementwise("log", [x]))]);
}

/** Reports shapes that do not fit. */
export function misfit(
  span: Span,
  message: string,
  notes: readonly { readonly span: Span; readonly message: string }[],
  c: Context,
  help?: string,
): Meaning {
  c.problems.error("C0204", span, message, { notes, help });
  return poison;
}

/** What to say of extents that differ as formulas and not as the numbers of the dimensions are now. */
export function equalByNumbers(a: dim.Dim | undefined, b: dim.Dim | undefined, c: Context): string | undefined {
  if (a === undefined || b === undefined || dim.equal(a, b)) return undefined;
  const [n, m] = [extentOf(a, c.world.numbers), extentOf(b, c.world.numbers)];
  const names = [a, b].flatMap(dim.names);
  if (n === undefined || n !== m || names.length === 0) return undefined;
  const shown = `${dim.show(a)} and ${dim.show(b)} are both ${n} now, but not with other numbers`;
  return `${shown}: say how one is made of the others, as in \`dim P = H / N\``;
}

export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** `meaning` in the user's terms. */
export function describe(m: Meaning): string {
  switch (m.kind) {
    case "value":
      return m.value.type.dtype === "index" ? "an index" : `a value of shape ${showShape(m.value.type.shape)}`;
    case "number":
      return `the number ${m.number}`;
    case "dim":
      return `the dimension ${dim.show(m.dim)}`;
    case "text":
      return `the text "${m.text}"`;
    case "list":
      return `a list of ${m.items.length}`;
    case "init":
      return "an initialiser";
    case "none":
      return "`none`";
    case "poison":
      return "this";
    default:
      return m satisfies never;
  }
}
