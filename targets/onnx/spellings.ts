/**
 * How ONNX spells each op of the op table: a row an op, or why it cannot be in a graph for inference. The type checker asks for a row of
 * every op that there is.
 */
import * as dim from "../../compiler/ir/dim.ts";
import { elementwise } from "../../compiler/ir/ops/elementwise.ts";
import type { ElementwiseOp, Op, OpName, OpOf, StructuralOp, Type } from "../../compiler/ir/types.ts";
import type { OnnxTensor } from "./block.ts";
import { contraction, reduction } from "./contraction.ts";
import { elementwiseOp } from "./elementwise.ts";
import { leaf } from "./leaves.ts";
import { reversed, shifted, stepwise, whole } from "./over-time.ts";
import { axisIn, BEGIN, type Printer } from "./printer.ts";
import { loop } from "./recurrent/loop.ts";
import { NotInOnnx } from "./refusal.ts";

type Results = OnnxTensor | readonly OnnxTensor[];

/** Writes the nodes of an op, and says where its results are. */
export type Spelling<K extends OpName> = (p: Printer, op: OpOf<K>, ops: PrintOps) => Results;

/** Writes the ops of a block. */
export type PrintOps = (p: Printer, ops: readonly Op[]) => void;

interface Never {
  /** Which pass has replaced it, or makes it where there is nothing to infer. */
  readonly never: string;
}

type Rows = { readonly [K in Exclude<OpName, ElementwiseOp>]: Spelling<K> | Never };

const never = (why: string): Never => ({ never: why });
const TRAINING = "only gradients have it";
const PLACED = "`place` replaces it";
const MACHINE = "passes for a machine make it";

/** One feature axis of a value, by its place among all axes. */
const along = (type: Type, feature: number) => ({ axis: { i: axisIn(type, feature) } });

const range = (n: number): readonly number[] => [...Array(n).keys()];

const rows: Rows = {
  leaf,
  scan: loop,
  const: (p, { attrs: { value, dims } }) => {
    const known = dims.filter((d) => d !== "batch" && d !== "time");
    const number = p.constants.float(known.reduce((product, d) => product * p.extentOf(d), value));
    const counts = dims.filter((d) => d === "batch" || d === "time").map((d) => p[d as "batch" | "time"]);
    return counts.reduce((product, count) => p.node("Mul", [product, p.cast(p.reshaped(count, []), "float")]), number);
  },
  iota: (p, { results: [{ type }] }) => {
    const [n] = p.shape(type);
    return p.constants.add("float", [n], range(n), "iota");
  },
  ramp: never(PLACED),
  training: never(PLACED),
  site: never(PLACED),
  stat: never(PLACED),
  population: never(PLACED),
  stop: (p, { operands: [x] }) => p.of(x),
  copy: never(MACHINE),
  sum: reduction,
  maximum: reduction,
  pivot: never("`shift-means` makes it, of means that only training has"),
  pivots: never(MACHINE),
  partial: never(MACHINE),
  spread: never(MACHINE),
  group_sum: never("a sum over a group of the batch's examples is no matter of a single example"),
  argmax: (p, { operands: [x], results: [result] }) =>
    p.node("ArgMax", [p.num(x)], { attributes: { axis: { i: -1 }, keepdims: { i: 0 } }, hint: result.name }, "int64"),
  dot: contraction,
  split: (p, { operands: [x], attrs: { axis }, results }) => {
    const from = p.of(x);
    const parts = results.map(() => from.element);
    return p.nodes("Split", [from], parts, { attributes: along(x.type, axis), hint: results[0].name });
  },
  cut: (p, { operands: [x], attrs: { axis }, results }) => {
    const from = p.of(x);
    const widths = p.constants.ints(results.map(({ type }) => p.extent(type.shape[axis])));
    const parts = results.map(() => from.element);
    return p.nodes("Split", [from, widths], parts, { attributes: along(x.type, axis), hint: results[0].name });
  },
  concat: (p, { operands, attrs: { axis }, results: [{ type, name }] }) => {
    const parts = operands.map((v) => {
      const to: Type = { ...type, shape: type.shape.map((d, i) => (i === axis ? v.type.shape[i] : d)) };
      const isWhole =
        v.type.time === to.time && v.type.batch === to.batch && to.shape.every((d, i) => dim.equal(d, v.type.shape[i]));
      return isWhole ? p.num(v) : p.stretched(p.num(v), v.type, to);
    });
    return p.node("Concat", parts, { attributes: along(type, axis), hint: name });
  },
  slice: (p, { operands: [x], attrs: { axis, from, to }, results: [{ name }] }) => {
    const [first, end] = [from, to].map((bound) => p.extentOf(bound));
    return p.sliced(p.of(x), { axis: axisIn(x.type, axis), from: first, to: end }, name);
  },
  pad: (p, { operands: [x], attrs: { before, after }, results: [{ name }] }) => {
    const lead = range(axisIn(x.type, 0)).map(() => 0);
    const pads = [before, after].flatMap((widths) => [...lead, ...widths.map((w) => p.extentOf(w))]);
    return p.node("Pad", [p.num(x), p.constants.ints(pads)], { hint: name });
  },
  flip: (p, { operands: [x], attrs: { axis }, results: [{ name }] }) =>
    p.sliced(p.of(x), { axis: axisIn(x.type, axis), from: -1, to: BEGIN, step: -1 }, name),
  windows: (p, { operands: [x], attrs: { axis, stride, dilation }, results: [{ type, name }] }) => {
    const [count, size] = p.shape(type).slice(axis);
    const places = range(count).flatMap((i) => range(size).map((j) => i * stride + j * dilation));
    const index = p.constants.add("int64", [count, size], places, "windows");
    return p.node("Gather", [p.of(x), index], { attributes: along(x.type, axis), hint: name });
  },
  overlap: never(TRAINING),
  reshape: (p, { operands: [x], results: [{ type, name }] }) =>
    p.reshaped(p.of(x), [...range(axisIn(type, 0)).map(() => 0), ...p.shape(type)], name),
  transpose: (p, { operands: [x], attrs: { permutation }, results: [{ name }] }) => {
    const lead = axisIn(x.type, 0);
    return p.transposed(p.of(x), [...range(lead), ...permutation.map((i) => lead + i)], name);
  },
  broadcast: (p, { operands: [x], attrs: { type }, results: [{ name }] }) => p.stretched(p.of(x), x.type, type, name),
  at: (p, { operands: [x], attrs: { step }, results: [{ name }] }) => {
    const place = p.constants.int(step === "first" ? 0 : -1);
    return p.node("Gather", [p.of(x), place], { attributes: { axis: { i: 0 } }, hint: name });
  },
  put: never(TRAINING),
  reverse: reversed,
  shift: shifted,
  cumsum: never("`recurrences` makes a loop of it"),
  whole,
  stepwise,
  gather: (p, { operands: [table, index], results: [{ name }] }) =>
    p.node("Gather", [p.num(table), p.of(index)], { attributes: { axis: { i: 0 } }, hint: name }),
  scatter: never(TRAINING),
  onehot: (p, { operands: [index], results: [{ type, name }] }) => {
    const n = p.extent(type.shape.at(-1)!);
    const classes = p.constants.add("int64", [n], range(n), "classes");
    const each = p.unsqueezed(p.of(index), [axisIn(type, type.shape.length - 1)]);
    return p.node("Equal", [each, classes], { hint: name }, "bool");
  },
};

/** Why an op cannot be in a graph for inference; undefined if it can. */
export function whyNever(op: OpName): string | undefined {
  if (Object.hasOwn(elementwise, op)) return undefined;
  const row = rows[op as Exclude<OpName, ElementwiseOp>];
  return "never" in row ? row.never : undefined;
}

const isElementwise = (op: Op): op is Op & OpOf<ElementwiseOp> => Object.hasOwn(elementwise, op.op);

/** Writes the nodes of a block's ops. Throws `NotInOnnx` for an op that cannot be said. */
export const printOps: PrintOps = (p, ops) => {
  for (const op of ops) {
    if (op.results.every((v) => p.fixed.has(v))) continue;
    const made = [spelled(p, op)].flat();
    op.results.forEach((v, i) => {
      p.place(v, made[i]);
    });
  }
};

function spelled(p: Printer, op: Op): Results {
  if (isElementwise(op)) return elementwiseOp(p, op);
  const row = rows[op.op as StructuralOp];
  if ("never" in row) throw new NotInOnnx(`it has ${op.op}, and ${row.never}`, "leave it out of what is inferred");
  return (row as Spelling<OpName>)(p, op as never, printOps);
}
