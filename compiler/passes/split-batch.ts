/**
 * Adds up examples in parts, so that a batch larger than one workgroup should hold is shared out among several:
 *
 *     Σ x = Σₚ Σ_{b in p} x
 *
 * A sum of squares about the batch's own mean is not a sum of parts, because a part does not know that mean. It is merged
 * from each part's own mean and squares about it (Chan, Golub & LeVeque 1979, eq. 2.1):
 *
 *     Σ (x − m)² = Σₚ M2ₚ + Σₚ nₚ (mₚ − m)²,    M2ₚ = Σ_{b in p} (x − mₚ)²
 *
 * so that both moments of a part are known where its examples are, from centred values as ever.
 */
import * as dim from "../ir/dim.ts";
import type { Axes, Graph, Op, OpOf, Pass, Value } from "../ir/types.ts";
import { Builder, copy, type Definitions, definedBy, definitions, idsAfter, Renaming, rebuildScan } from "./rewrite.ts";

/** @param parts how many, each of them with at least one example */
export function splitBatch(parts: number): Pass {
  return {
    name: "split-batch",
    doc: "sums over examples are merged from sums over parts of the batch",
    run(graph: Graph): Graph {
      const b = new Builder(idsAfter(graph));
      const splitting = new Splitting(b, parts, definitions(graph.ops));
      splitting.block(b, graph.ops);
      return { ...graph, ops: b.ops, results: graph.results.map((r) => ({ ...r, value: splitting.of(r.value) })) };
    },
  };
}

const overExamples = ({ batch, time, features }: Axes): boolean => batch && !time && features.length === 0;

class Splitting {
  private readonly top: Builder;
  private readonly parts: number;
  private readonly defs: Definitions;
  private readonly rename = new Renaming();
  /** The sums over the parts of each value that was added up. */
  private readonly partials = new Map<Value, Value>();
  private examples: Value | undefined;

  constructor(top: Builder, parts: number, defs: Definitions) {
    this.top = top;
    this.parts = parts;
    this.defs = defs;
  }

  of(v: Value): Value {
    return this.rename.of(v);
  }

  block(b: Builder, ops: readonly Op[]): void {
    for (const op of ops) this.rename.set(op.results, this.op(b, op));
  }

  private op(b: Builder, op: Op): readonly Value[] {
    const { rename } = this;
    if (op.op === "scan") {
      // What bodies read of it must stand before them.
      this.count();
      return rebuildScan(b, op, op.operands.map(rename.of), (inner, params) => {
        rename.set(op.body!.params, params);
        this.block(inner, op.body!.ops);
        return op.body!.results.map(rename.of);
      });
    }
    if (op.op !== "sum" || !overExamples(op.attrs.axes) || !op.operands[0].type.batch) return copy(b, op, rename.of);
    return [this.squaresAboutMean(b, op) ?? this.merge(b, this.partial(b, op.operands[0]))];
  }

  /** nₚ: [parts]. */
  private count(): Value {
    const { top, parts } = this;
    this.examples ??= top.one(
      "partial",
      [top.broadcast(top.scalar(1), { dtype: "f32", time: false, batch: true, shape: [] })],
      { parts },
      "part_size",
    );
    return this.examples;
  }

  private partial(b: Builder, x: Value): Value {
    const known = this.partials.get(x);
    if (known) return known;
    const { parts } = this;
    const made = b.one("partial", [this.of(x)], { parts }, x.name && `${x.name}_parts`);
    this.partials.set(x, made);
    return made;
  }

  /** The sum over the first axis of `v` [parts, …], as a product with ones: each element for itself. */
  private merge(b: Builder, v: Value): Value {
    const ones = b.broadcast(b.scalar(1), {
      dtype: "f32",
      time: false,
      batch: false,
      shape: [dim.constant(this.parts)],
    });
    return this.product(b, ones, v);
  }

  private product(b: Builder, weights: Value, v: Value): Value {
    const out = "abcdefgh".slice(0, v.type.shape.length - 1);
    return b.dot(weights, v, { a: "p", b: `p${out}`, out });
  }

  /** Σ (x − Σx/n)², merged. */
  private squaresAboutMean(b: Builder, op: OpOf<"sum">): Value | undefined {
    const { defs } = this;
    const square = definedBy(defs, op.operands[0], "square");
    const difference = square && definedBy(defs, square.operands[0], "sub");
    if (!difference) return undefined;
    const [x, m] = difference.operands;
    const mean = definedBy(defs, m, "div");
    const total = mean && definedBy(defs, mean.operands[0], "sum");
    const n = mean && definedBy(defs, mean.operands[1], "const");
    if (!total || total.operands[0] !== x || !overExamples(total.attrs.axes)) return undefined;
    if (n?.attrs.value !== 1 || n.attrs.dims.join() !== "batch") return undefined;
    const sums = this.partial(b, x);
    const rank = x.type.shape.length;
    const unit = Array.from({ length: rank }, () => "1");
    const count = b.one("reshape", [this.count()], { shape: [String(this.parts), ...unit] });
    const means = b.div(sums, count);
    const about = b.one("partial", [b.square(b.sub(this.of(x), b.one("spread", [means], {})))], { parts: this.parts });
    const apart = b.square(b.sub(means, this.of(m)));
    return b.add(this.merge(b, about), this.product(b, this.count(), apart));
  }
}
