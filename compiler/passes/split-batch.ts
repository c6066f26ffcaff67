/**
 * Split reduction: sums over examples become partial sums over parts of the batch, so that a batch too large for one workgroup is
 * shared by several:
 *
 *     Σ x = Σₚ Σ_{b in p} x
 *
 * A sum of squares about the batch's own mean is not a sum of such parts, because a part does not know that mean. It is merged from
 * each part's own mean and squares about it (Chan, Golub & LeVeque 1979, eq. 2.1):
 *
 *     Σ (x − m)² = Σₚ M2ₚ + Σₚ nₚ (mₚ − m)²,    M2ₚ = Σ_{b in p} (x − mₚ)²
 *
 * Both moments of a part are then computed where its examples are, still from centred values.
 */
import * as dim from "../ir/dim.ts";
import type { Axes, Graph, Op, OpOf, Pass, Value } from "../ir/types.ts";
import {
  type Builder,
  copy,
  type Definitions,
  definedBy,
  definitions,
  type Renaming,
  rebuildGraph,
  rebuildScan,
} from "./rewrite.ts";
import { meanAbout } from "./shift-means.ts";

/** @param parts the number of parts, each with at least one example */
export function splitBatch(parts: number): Pass {
  return {
    name: "split-batch",
    doc: "sums over examples are merged from sums over parts of the batch",
    run(graph: Graph): Graph {
      const defs = definitions(graph.ops);
      return rebuildGraph(graph, (b, rename) => new Splitting(b, parts, defs, rename).block(b, graph.ops));
    },
  };
}

const overExamples = ({ batch, time, features }: Axes): boolean => batch && !time && features.length === 0;

class Splitting {
  private readonly top: Builder;
  private readonly parts: number;
  private readonly defs: Definitions;
  private readonly rename: Renaming;
  /** The partial sums of each value that was summed. */
  private readonly partials = new Map<Value, Value>();
  private examples: Value | undefined;
  /** The means over examples about a pivot: the value that each is the mean of, and the ops that compute it. */
  private readonly shifted = new Map<Op, Value>();
  private readonly steps = new Map<Op, Value>();
  /** The means of each part. */
  private readonly means = new Map<Value, Value>();

  constructor(top: Builder, parts: number, defs: Definitions, rename: Renaming) {
    this.rename = rename;
    this.top = top;
    this.parts = parts;
    this.defs = defs;
    for (const op of new Set(defs.values())) {
      const mean = op.op === "add" ? meanAbout(defs, op.results[0]) : undefined;
      if (!mean || !overExamples(mean.axes) || !mean.x.type.batch) continue;
      this.shifted.set(op, mean.x);
      for (const step of mean.steps) this.steps.set(step, mean.x);
    }
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
      // Bodies read it, so it must be before them.
      this.count();
      return rebuildScan(b, op, op.operands.map(rename.of), (inner, params) => {
        rename.set(op.body!.params, params);
        this.block(inner, op.body!.ops);
        return op.body!.results.map(rename.of);
      });
    }
    const shifted = this.shifted.get(op);
    if (shifted) return [this.meanOfMeans(b, shifted, op.results[0].name)];
    // Nothing else reads the intermediate values of a mean about a pivot.
    const step = this.steps.get(op);
    if (step) {
      if (op.op === "sum") this.partMeans(b, step);
      return op.results;
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

  /** The mean of each part, about its first example: [parts, …]. */
  private partMeans(b: Builder, x: Value): Value {
    const known = this.means.get(x);
    if (known) return known;
    const { parts } = this;
    const first = b.one("pivots", [this.of(x)], { parts });
    const sums = b.one("partial", [b.sub(this.of(x), b.one("spread", [first], {}))], { parts });
    const made = b.add(first, b.div(sums, this.perPart(b, x)));
    this.means.set(x, made);
    return made;
  }

  /** nₚ, shaped to broadcast against the means of `x`: [parts, 1, …]. */
  private perPart(b: Builder, x: Value): Value {
    const unit = x.type.shape.map(() => "1");
    return b.one("reshape", [this.count()], { shape: [String(this.parts), ...unit] });
  }

  /** The mean of all parts' means, about the first part's: m₀ + Σₚ nₚ (mₚ − m₀) / n. */
  private meanOfMeans(b: Builder, x: Value, name: string): Value {
    const means = this.partMeans(b, x);
    const rows = (v: Value): readonly Value[] => {
      const widths = Array.from({ length: this.parts }, () => "1");
      const shape = v.type.shape.slice(1).map(dim.show);
      return b.emit("cut", [v], { axis: 0, widths }).map((row) => b.one("reshape", [row], { shape }));
    };
    const [first, ...others] = rows(means);
    const [, ...counts] = rows(this.perPart(b, x));
    const apart = others.map((m, p) => b.mul(counts[p], b.sub(m, first))).reduce(b.add);
    return b.elementwise("add", [first, b.div(apart, b.extent(["batch"]))], name);
  }

  /** The sum over the first axis of `v` [parts, …], as a product with ones, so that elements stay independent. */
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
    const mean = meanAbout(defs, m);
    if (mean?.x !== x || !overExamples(mean.axes)) return undefined;
    const means = this.partMeans(b, x);
    const about = b.one("partial", [b.square(b.sub(this.of(x), b.one("spread", [means], {})))], { parts: this.parts });
    const apart = b.square(b.sub(means, this.of(m)));
    return b.add(this.merge(b, about), this.product(b, this.count(), apart));
  }
}
