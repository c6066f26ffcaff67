/** What a loss or metric is: the mean of a value over everything it has, or a sum of such means. */
import type { Builder } from "../ir/builder.ts";
import { reducedExtents } from "../ir/ops/reductions.ts";
import { hasAllSteps } from "../ir/steps.ts";
import { axesOfInputs } from "../ir/time-axes.ts";
import type { Axes, Value } from "../ir/types.ts";
import type { Expr } from "../syntax/ast.ts";
import type { Context } from "./context.ts";
import { evaluate, realValue } from "./expressions.ts";
import { overAllSteps } from "./reductions.ts";

/** A term of a sum. `mean` is what a mean without axes is of, and `by` what that is multiplied with, or divided by. */
interface Term {
  readonly e: Expr;
  readonly isMinus: boolean;
  readonly mean?: Expr;
  readonly by: readonly { readonly e: Expr; readonly divides: boolean }[];
}

/**
 * The mean of `e` over all axes it has: time, batch and features. `mean(x)` as a term says the same of x, so that terms over different
 * axes are means of their own. Undefined after a report.
 */
export function measure(e: Expr, c: Context): Value | undefined {
  const b = c.builder;
  const values: Value[] = [];
  const others: Term[] = [];
  for (const term of termsOf(e, false, c)) {
    const own = term.mean && scaled(term, term.mean, c);
    if (own === "report") return undefined;
    if (own === undefined) others.push(term);
    else values.push(own);
  }
  const rest = values.length === 0 ? e : others.reduce<Expr | undefined>(joined, undefined);
  const value = rest && stepOf(rest, c);
  if (rest !== undefined && value === undefined) return undefined;
  const means = alike([...values, ...(value === undefined ? [] : [value])], b).map((v) => overEverything(v, b));
  return means.reduce((sum, mean) => b.add(sum, mean));
}

/** `e`, or its mean over all steps of a sequence that it has at once. */
function stepOf(e: Expr, c: Context): Value | undefined {
  const given = realValue(evaluate(e, c), e.span, c);
  return given !== undefined && hasAllSteps(given.type) ? overAllSteps("mean", given, c) : given;
}

/** The sums of those single numbers whose means are over the same: a sum of means is then one mean, which an evaluation recognizes. */
function alike(values: readonly Value[], b: Builder): readonly Value[] {
  const isOneAxis = axesOfInputs({ ops: b.ops }).size < 2;
  const together = ({ type }: Value): boolean => type.shape.length === 0 && (isOneAxis || !type.time);
  const sums = [true, false].flatMap((time) => {
    const own = values.filter((v) => together(v) && v.type.time === time);
    return own.length === 0 ? [] : [own.reduce((sum, v) => b.add(sum, v))];
  });
  return [...sums, ...values.filter((v) => !together(v))];
}

function overEverything(value: Value, b: Builder): Value {
  // A value that is the same for all examples at a step counts once for each example that has the step.
  const v = value.type.time ? b.broadcast(value, { ...value.type, batch: true }) : value;
  const { time, batch, shape } = v.type;
  const axes: Axes = { time, batch, features: shape.map((_, i) => i), keep: false };
  const extents = reducedExtents(v.type, axes);
  return extents.length === 0 ? v : b.div(b.sum(v, axes), b.extent(extents));
}

/** What a mean is of, times its factors; undefined if one of these varies, so that it belongs into the mean. */
function scaled({ isMinus, by }: Term, mean: Expr, c: Context): Value | "report" | undefined {
  const b = c.builder;
  const factors = by.map(({ e, divides }) => ({ value: realValue(evaluate(e, c), e.span, c), divides }));
  if (factors.some(({ value }) => value === undefined)) return "report";
  const isNumber = ({ type }: Value): boolean => !type.time && !type.batch && type.shape.length === 0;
  if (!factors.every(({ value }) => isNumber(value!))) return undefined;
  const value = stepOf(mean, c);
  if (value === undefined) return "report";
  const product = factors.reduce((v, by) => (by.divides ? b.div(v, by.value!) : b.mul(v, by.value!)), value);
  return isMinus ? b.neg(product) : product;
}

function termsOf(e: Expr, isMinus: boolean, c: Context): readonly Term[] {
  if (e.kind === "binary" && (e.op === "+" || e.op === "-"))
    return [...termsOf(e.left, isMinus, c), ...termsOf(e.right, isMinus !== (e.op === "-"), c)];
  if (e.kind === "unary" && e.op === "-") return termsOf(e.operand, !isMinus, c);
  return [{ e, isMinus, by: [], ...factored(e, c) }];
}

/** The mean in a product, and its factors; undefined if there is none. */
function factored(e: Expr, c: Context): Pick<Term, "mean" | "by"> | undefined {
  if (e.kind === "call") {
    const isOurs = e.callee.text === "mean" && !c.module.names.has("mean");
    return isOurs && e.over === undefined && e.args.length === 1 ? { mean: e.args[0].value, by: [] } : undefined;
  }
  if (e.kind === "unary" && e.op === "-") {
    const found = factored(e.operand, c);
    const minus: Expr = { kind: "number", value: -1, text: "", span: e.span };
    return found && { ...found, by: [...found.by, { e: minus, divides: false }] };
  }
  if (e.kind !== "binary" || (e.op !== "*" && e.op !== "/")) return undefined;
  const left = factored(e.left, c);
  if (left !== undefined) return { ...left, by: [...left.by, { e: e.right, divides: e.op === "/" }] };
  const right = e.op === "*" ? factored(e.right, c) : undefined;
  return right && { ...right, by: [...right.by, { e: e.left, divides: false }] };
}

/** The sum of what was before and a term. */
function joined(sum: Expr | undefined, { e, isMinus }: Term): Expr {
  const { span } = e;
  if (sum !== undefined) return { kind: "binary", op: isMinus ? "-" : "+", left: sum, right: e, span };
  return isMinus ? { kind: "unary", op: "-", operand: e, span } : e;
}
