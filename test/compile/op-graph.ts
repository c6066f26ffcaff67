/** Ops, each on operands of its own, in one graph with a loss: what the op-by-op comparison of targets compiles. */
import { Builder } from "../../compiler/ir/builder.ts";
import * as dim from "../../compiler/ir/dim.ts";
import { elementwise, isElementwise } from "../../compiler/ir/ops/elementwise.ts";
import { structural } from "../../compiler/ir/ops/structural.ts";
import { rowOf } from "../../compiler/ir/ops.ts";
import type { Bindings } from "../../compiler/ir/tensor.ts";
import { showType } from "../../compiler/ir/type.ts";
import type {
  ElementwiseOp,
  Graph,
  Leaf,
  OpAttrs,
  Result,
  StructuralOp,
  Type,
  Value,
} from "../../compiler/ir/types.ts";
import { elementwiseSamples, structuralSamples, type } from "../ir/op-samples.ts";

export type TableOp = ElementwiseOp | StructuralOp;

/** Every op of the op table. */
export const tableOps = [...Object.keys(elementwise), ...Object.keys(structural)] as readonly TableOp[];

/** The interval in which an op's operands are drawn, from the leaf's name. */
export function domainOf(leaf: string): readonly [number, number] {
  const op = leaf.slice(0, leaf.indexOf("_"));
  const operand = isElementwise(op) && !leaf.includes("_w");
  return (operand ? (elementwise[op] as { domain?: readonly [number, number] }).domain : undefined) ?? [-1.5, 1.5];
}

/**
 * loss = Σ y·w over every result y of every sample of `ops` at every one of `extents` (numbers for H, D and V), w an input. Operands
 * without batch and time are parameters, others inputs.
 */
export function opGraph(ops: readonly TableOp[], extents: readonly Bindings[]): Graph {
  const b = new Builder();
  const results: Result[] = [];
  /** Products of each type, added up before they are summed: a shader compiler takes long for sums. */
  const products = new Map<string, Value>();
  const leaf = (name: string, t: Type, size: string): Value => {
    const varies = t.time || t.batch;
    const leaf: Leaf =
      t.dtype === "index"
        ? { kind: "index", name, size }
        : varies
          ? { kind: "input", name }
          : { kind: "param", name, init: { kind: "constant", value: 0 } };
    const of = t.dtype === "index" ? { ...t, below: dim.parse(size) } : t;
    return b.one("leaf", [], { leaf, type: of }, name);
  };
  for (const op of ops) {
    for (const bound of extents) {
      samplesOf(op).forEach(([texts, attrs], k) => {
        // What the host reads is stored as it is computed.
        if ("format" in attrs && attrs.format !== "plain") return;
        if (op === "split" && !divides(attrs as OpAttrs["split"], type(texts[0]), bound)) return;
        const id = `${op}_${k}_${bound.H}`;
        const x = texts.map((t, i) => leaf(`${id}_x${i}`, atExtents(type(t), bound), indexSize(op, attrs, bound)));
        const ys = b.emit(op, x, boundAttrs(op, attrs, bound, id) as never, id);
        ys.forEach((y, i) => {
          results.push({ kind: "output", name: `${id}_y${i}`, value: y });
          const w = leaf(`${id}_w${i}`, { ...y.type, dtype: "f32" }, "1");
          const product = b.mul(y, w);
          const key = showType(product.type);
          const others = products.get(key);
          products.set(key, others ? b.add(others, product) : product);
        });
      });
    }
  }
  const loss = [...products.values()]
    .map((v) => b.sum(v, { time: v.type.time, batch: v.type.batch, features: [...v.type.shape.keys()] }))
    .reduce(b.add);
  results.unshift({ kind: "loss", name: "loss", value: loss });
  return { name: "ops", ops: b.ops, results, norms: new Map() };
}

type Attrs = OpAttrs[StructuralOp];

function samplesOf(op: TableOp): readonly (readonly [operands: readonly string[], attrs: Attrs])[] {
  if (isElementwise(op)) return elementwiseSamples[elementwise[op].arity].map((texts) => [texts, {}]);
  return structuralSamples[op];
}

/** Whether an axis can be split at these extents. */
const divides = ({ axis, parts }: OpAttrs["split"], x: Type, bound: Bindings): boolean =>
  dim.evaluate(x.shape[axis], bound) % parts === 0;

/** A dimension text with its letters bound. */
const extent = (text: string, bound: Bindings): string =>
  ["batch", "time"].some((axis) => text.includes(axis)) ? text : String(dim.evaluate(dim.parse(text), bound));

const atExtents = (t: Type, bound: Bindings): Type => ({
  ...t,
  shape: t.shape.map((d) => dim.constant(dim.evaluate(d, bound))),
});

function boundAttrs(op: TableOp, attrs: Attrs, bound: Bindings, id: string): Attrs {
  if ("collected" in attrs) return { name: id, collected: `${id}_collected`, policy: attrs.policy };
  if ("policy" in attrs) return { name: id, policy: { kind: "per_step", steps: "steps" } };
  const by = { extent: (text: string) => extent(text, bound), type: (t: Type) => atExtents(t, bound) };
  return rowOf(op).attributes.replace(attrs as never, by) as Attrs;
}

/** How many rows an index may select from: those of the table, or as many as the result has. */
function indexSize(op: TableOp, attrs: Attrs, bound: Bindings): string {
  return extent(op !== "gather" && "size" in attrs ? attrs.size : "D", bound);
}
