/** A contraction as ONNX has it: a product with a matrix, or else Einsum. */
import type { OpOf, Value } from "../../compiler/ir/types.ts";
import type { OnnxTensor } from "./block.ts";
import { axisIn, type Printer } from "./printer.ts";

/** The product of two values, with the axes that the op's labels say. Time and examples come first, as in the types. */
export function contraction(p: Printer, op: OpOf<"dot">): OnnxTensor {
  const [a, b] = op.operands;
  const { attrs } = op;
  return (
    product(p, op, { x: a, labels: attrs.a }, { x: b, labels: attrs.b }) ??
    product(p, op, { x: b, labels: attrs.b }, { x: a, labels: attrs.a }) ??
    einsum(p, op)
  );
}

interface Side {
  readonly x: Value;
  readonly labels: string;
}

/** `left` times a matrix or a vector that all examples and steps share; undefined if it is something else. */
function product(p: Printer, { attrs, results }: OpOf<"dot">, left: Side, right: Side): OnnxTensor | undefined {
  const { batch, time } = right.x.type;
  const inner = left.labels.at(-1);
  const rest = left.labels.slice(0, -1);
  const outer = right.labels.replace(inner ?? "", "");
  const isProduct =
    inner !== undefined &&
    right.labels.includes(inner) &&
    outer.length <= 1 &&
    attrs.out === rest + outer &&
    !rest.includes(outer || inner);
  if (!isProduct || batch || time || (attrs.batch && left.x.type.batch) || (attrs.time && left.x.type.time))
    return undefined;
  const matrix = right.labels.indexOf(inner) === 0 ? p.num(right.x) : p.transposed(p.num(right.x), [1, 0]);
  return p.node("MatMul", [p.num(left.x), matrix], { hint: results[0].name });
}

/** Letters that no axis has. */
function unused(labels: string, count: number): readonly string[] {
  return [..."zyxwvutsrqponmlkjihgfedcba"].filter((letter) => !labels.includes(letter)).slice(0, count);
}

function einsum(p: Printer, { operands, attrs, results: [result] }: OpOf<"dot">): OnnxTensor {
  const [t, b] = unused(attrs.a + attrs.b + attrs.out, 2);
  const terms = [
    { type: operands[0].type, labels: attrs.a },
    { type: operands[1].type, labels: attrs.b },
    { type: result.type, labels: attrs.out },
  ].map(({ type, labels }) => `${type.time ? t : ""}${type.batch ? b : ""}${labels}`);
  const [left, right, out] = terms;
  const [x, y] = operands.map(p.num);
  const hint = result.name;
  // Without axes there is nothing to sum over together.
  if (left !== "" && right !== "")
    return p.node("Einsum", [x, y], { attributes: { equation: { s: `${left},${right}->${out}` } }, hint });
  const whole = p.node("Mul", [x, y], { hint });
  return left + right === out
    ? whole
    : p.node("Einsum", [whole], { attributes: { equation: { s: `${left}${right}->${out}` } }, hint });
}

/** Σ over axes, or the largest: the places of the axes among all of the operand's. */
export function reduction(p: Printer, op: OpOf<"sum" | "maximum">): OnnxTensor {
  const [x] = op.operands;
  const { batch, time, features, keep } = op.attrs.axes;
  const axes = [
    ...(time && x.type.time ? [0] : []),
    ...(batch && x.type.batch ? [Number(x.type.time)] : []),
    ...features.map((i) => axisIn(x.type, i)),
  ];
  const hint = op.results[0].name;
  if (axes.length === 0) return p.num(x);
  // Only features stay, as extent 1.
  const lead = axes.length - features.length;
  if (keep && lead > 0 && features.length > 0) {
    const kept = reduced(p, op.op, p.num(x), axes.slice(lead), true, hint);
    return reduced(p, op.op, kept, axes.slice(0, lead), false, hint);
  }
  return reduced(p, op.op, p.num(x), axes, keep && features.length > 0, hint);
}

function reduced(
  p: Printer,
  op: "sum" | "maximum",
  x: OnnxTensor,
  axes: readonly number[],
  keep: boolean,
  hint: string,
): OnnxTensor {
  const keepdims = { i: Number(keep) };
  // Of this version's reductions, ReduceSum alone has its axes as an input.
  return op === "sum"
    ? p.node("ReduceSum", [x, p.constants.ints(axes)], { attributes: { keepdims }, hint })
    : p.node("ReduceMax", [x], { attributes: { axes: { ints: axes }, keepdims }, hint });
}
