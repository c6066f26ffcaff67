/**
 * Shifted means: takes a mean that something is centred by about a pivot, one of the values themselves (the shift of a shifted
 * sum):
 *
 *     mean(x) = p + mean(x − p),    p one of the x
 *
 * A sum of n numbers has a rounding error of the size of the sum, and the mean an n-th of that. If all numbers are alike, such as
 * the pixels of a border, the mean would miss them by a unit in the last place, and a norm, whose variance is then almost 0, would
 * turn that into whole standard deviations. About one of them, equal numbers have exactly themselves as their mean, and numbers
 * that are close together have a mean as close to them (Chan, Golub & LeVeque 1983, on shifted data).
 *
 * Any p gives the same mean, and so the same derivative: this pass runs after all differentiation. If padded steps are left out, p
 * must be a value that counts. Then it is the largest of them.
 */
import type { Mark } from "../../runtime/plan.ts";
import { reducedExtents } from "../ir/ops/reductions.ts";
import type { Axes, Graph, Op, OpOf, Pass, Value } from "../ir/types.ts";
import { LEAST } from "./ragged.ts";
import { Builder, copy, type Definitions, definedBy, definitions, idsAfter, Renaming, rebuildScan } from "./rewrite.ts";
import { withoutDead } from "./simplify.ts";

/** @param inParts the batch is taken in parts: the largest value of all examples would cost more dispatches than it is worth */
export const shiftMeans = (inParts = false): Pass => ({
  name: "shift-means",
  doc: "means that something is centred by are taken about one of its values",
  run: (graph) => new ShiftedMeans(graph, inParts).run(),
});

/** Σ x over some axes, divided by the number of elements. */
interface Mean {
  /** One sum, or a sum of a sum: over all examples of a step, and that over all steps. The first reads x. */
  readonly sums: readonly OpOf<"sum">[];
  readonly x: Value;
  /** Says for each x whether it counts, if some do not. */
  readonly valid?: Value;
  /** The number of examples at each step, for a mean over both that leaves out padding. */
  readonly examples?: Value;
  /** The weight of each x: Σ w x / Σ w. */
  readonly weights?: Value;
  /** The mean that is also computed from the inner sum. */
  readonly each?: OpOf<"div">;
}

/** p and Σ (x − p). The mean is p plus this sum divided by `count`. Default: the quotient's divisor. */
interface Rest {
  readonly p: Value;
  readonly sum: Value;
  readonly count?: Value;
}

/** If `m` is mean(x, over the axes) about its pivot: `x`, the axes, and the ops from the one to the other. */
export function meanAbout(
  defs: Definitions,
  m: Value,
): { readonly x: Value; readonly axes: Axes; readonly steps: readonly Op[] } | undefined {
  const shifted = definedBy(defs, m, "add");
  const pivot = shifted && definedBy(defs, shifted.operands[0], "pivot");
  const mean = shifted && definedBy(defs, shifted.operands[1], "div");
  const sum = mean && definedBy(defs, mean.operands[0], "sum");
  const apart = sum && definedBy(defs, sum.operands[0], "sub");
  if (!pivot || !mean || !sum || !apart) return undefined;
  if (apart.operands[0] !== pivot.operands[0] || apart.operands[1] !== pivot.results[0]) return undefined;
  return { x: pivot.operands[0], axes: pivot.attrs.axes, steps: [pivot, apart, sum, mean] };
}

class ShiftedMeans {
  private readonly graph: Graph;
  private readonly inParts: boolean;
  private readonly defs: Definitions;
  /** For a body's parameter that is one step of a sequence: that sequence. */
  private readonly outside: ReadonlyMap<Value, Value>;
  private readonly rename = new Renaming();
  /** By their quotients. */
  private readonly means = new Map<Op, Mean>();
  /** What has been built of them so far, by their quotients. */
  private readonly rests = new Map<Op, Rest>();

  constructor(graph: Graph, inParts: boolean) {
    this.graph = graph;
    this.inParts = inParts;
    this.defs = definitions(graph.ops);
    const scans = graph.ops.filter((op): op is OpOf<"scan"> => op.op === "scan");
    this.outside = new Map(
      scans.flatMap((scan) => scan.body!.params.map((p, i): [Value, Value] => [p, scan.operands[i]])),
    );
    const ops = [...graph.ops, ...scans.flatMap((scan) => scan.body!.ops)];
    for (const op of ops) if (op.op === "sub") this.find(op);
  }

  run(): Graph {
    const { graph, rename } = this;
    if (this.means.size === 0) return graph;
    const b = new Builder(idsAfter(graph));
    this.block(b, graph.ops);
    const results = graph.results.map((r) => ({ ...r, value: rename.of(r.value) }));
    const values = results.map((r) => r.value);
    // Most sums were used for the mean only.
    return { ...graph, ops: withoutDead(b.ops, values), results };
  }

  private block(b: Builder, ops: readonly Op[]): void {
    const { rename } = this;
    for (const op of ops) {
      const mean = this.means.get(op);
      if (mean) rename.set(op.results, [this.whole(b, op, this.rests.get(op) ?? this.rest(b, mean))]);
      else if (op.op === "scan") rename.set(op.results, this.scan(b, op));
      else rename.set(op.results, copy(b, op, rename.of));
      // Sums stay in place, so that they are fused with their neighbours. What else a mean is computed from may be known after them
      // only.
      for (const [quotient, of] of this.means)
        if (of.sums.at(-1) === op && !of.examples && !of.each) this.rests.set(quotient, this.rest(b, of));
    }
  }

  private scan(b: Builder, op: OpOf<"scan">): readonly Value[] {
    const { rename } = this;
    return rebuildScan(b, op, op.operands.map(rename.of), (inner, params) => {
      rename.set(op.body!.params, params);
      this.block(inner, op.body!.ops);
      return op.body!.results.map(rename.of);
    });
  }

  /** The pivot of a mean, and the sum of the differences from it. */
  private rest(b: Builder, mean: Mean): Rest {
    const { rename } = this;
    const [first, second] = mean.sums.map((sum) => sum.attrs.axes);
    const x = rename.of(mean.x);
    const [valid, weights, examples] = [mean.valid, mean.weights, mean.examples].map((v) => v && rename.of(v));
    if (second === undefined) return this.apart(b, x, first, { valid, weights });
    const ofAll = (each: Value): Rest => {
      const rest = this.apart(b, each, second, { weights: examples });
      // Each step weighs as much as it has examples.
      return examples ? rest : { ...rest, count: b.extent(reducedExtents(each.type, second)) };
    };
    if (mean.each) return ofAll(rename.of(mean.each.results[0]));
    const { p, sum } = this.apart(b, x, first, { valid });
    const count = examples ? b.max(examples, b.scalar(1)) : b.extent(reducedExtents(x.type, first));
    return ofAll(b.add(p, b.div(sum, count)));
  }

  private apart(b: Builder, x: Value, axes: Axes, { valid, weights }: Pick<Mean, "valid" | "weights">): Rest {
    const p = this.pivot(b, x, valid, axes);
    const apart = b.sub(x, p);
    const counted = valid ? b.select(valid, apart, b.scalar(0)) : weights ? b.mul(weights, apart) : apart;
    return { p, sum: b.one("sum", [counted], { axes }) };
  }

  /** The mean: what replaces the quotient. */
  private whole(b: Builder, quotient: Op, { p, sum, count = this.rename.of(quotient.operands[1]) }: Rest): Value {
    return b.elementwise("add", [p, b.div(sum, count)], quotient.results[0].name);
  }

  /** One of the x that count. */
  private pivot(b: Builder, x: Value, valid: Value | undefined, axes: Axes): Value {
    if (valid === undefined) return b.one("pivot", [x], { axes });
    const most = b.one("maximum", [b.select(valid, x, b.scalar(LEAST))], { axes });
    // There may be none.
    return b.select(b.gt(most, b.scalar(LEAST)), most, b.scalar(0));
  }

  /** Records the means that are subtracted from what they are means of. */
  private find({ operands: [minuend, m] }: OpOf<"sub">): void {
    const from = this.unshaped(minuend);
    for (const quotient of this.quotients(m)) {
      const mean = this.meanOf(quotient);
      if (mean === undefined || (mean.valid && this.inParts)) continue;
      if (this.unshaped(mean.x) === from) this.means.set(quotient, mean);
      // The mean of a step, about the mean of all steps.
      const each = definedBy(this.defs, from, "div");
      if (each && mean.sums.length > 1 && this.meanOf(each)?.sums.at(-1) === mean.sums[0])
        this.means.set(quotient, { ...mean, each });
    }
  }

  /** The quotients that `v` comes from: `v` may be one of several at each step. */
  private quotients(v: Value): readonly OpOf<"div">[] {
    const op = this.defs.get(this.unshaped(v));
    if (op?.op === "select") return op.operands.slice(1).flatMap((arm) => this.quotients(arm));
    return op?.op === "div" ? [op] : [];
  }

  /** `v` before changes of shape. */
  private unshaped(v: Value): Value {
    const op = this.defs.get(v);
    return op?.op === "broadcast" || op?.op === "reshape" ? this.unshaped(op.operands[0]) : v;
  }

  /** The mean that a quotient is; undefined if it is divided by something other than the number of elements. */
  private meanOf(quotient: OpOf<"div">): Mean | undefined {
    const { total, divisors } = this.divided(quotient);
    const last = definedBy(this.defs, total, "sum");
    const before = last && definedBy(this.defs, last.operands[0], "sum");
    const sums = last === undefined ? [] : before ? [before, last] : [last];
    if (sums.length === 0 || !sums.every(goesAlong)) return undefined;
    const { valid, weights, x } = this.addedUp(sums[0]);
    const [count] = divisors;
    if (weights) return this.isSumOf(count, weights, sums) && divisors.length === 1 ? { sums, x, weights } : undefined;
    const along = sums.flatMap((sum) => reducedExtents(sum.operands[0].type, sum.attrs.axes));
    const counts = divisors.flatMap((v): readonly (string | undefined)[] => this.counted(v, valid) ?? [undefined]);
    if (along.length === 0 || counts.toSorted().join() !== along.toSorted().join()) return undefined;
    if (!valid) return { sums, x };
    const mark = this.markOf(valid);
    if ((mark !== "valid" && mark !== "present") || divisors.length > 1) return undefined;
    if (!before) return { sums, x, valid };
    const examples = this.examplesOf(count);
    const stepwise = isOver(before.attrs.axes, "batch") && isOver(last!.attrs.axes, "time");
    return examples && stepwise ? { sums, x, valid, examples } : undefined;
  }

  /** The dividend, and the divisors one after another. */
  private divided({ operands: [total, by] }: OpOf<"div">): {
    readonly total: Value;
    readonly divisors: readonly Value[];
  } {
    const inner = definedBy(this.defs, total, "div");
    const of = inner ? this.divided(inner) : { total, divisors: [] };
    return { total: of.total, divisors: [...of.divisors, by] };
  }

  /** What a sum adds up: all x, those that are valid, or each x times its weight. */
  private addedUp({ operands: [term] }: OpOf<"sum">): Pick<Mean, "x" | "valid" | "weights"> {
    const op = this.defs.get(term);
    if (op?.op === "select" && this.isZero(op.operands[2])) return { x: op.operands[1], valid: op.operands[0] };
    const [a, b] = op?.op === "mul" ? op.operands : [];
    // Weights are per step: the same for all features.
    if (a && b && a.type.shape.length < b.type.shape.length) return { x: b, weights: a };
    return a && b && b.type.shape.length < a.type.shape.length ? { x: a, weights: b } : { x: term };
  }

  private isSumOf(total: Value, weights: Value, sums: readonly OpOf<"sum">[]): boolean {
    const sum = this.defs.get(total);
    // All weights may be 0.
    if (sum?.op === "max") return sum.operands.some((v) => this.isSumOf(v, weights, sums));
    return (
      sums.length === 1 &&
      sum?.op === "sum" &&
      sum.operands[0] === weights &&
      JSON.stringify(sum.attrs) === JSON.stringify(sums[0].attrs)
    );
  }

  private isZero(v: Value): boolean {
    const zero = definedBy(this.defs, this.unshaped(v), "const");
    return zero?.attrs.value === 0;
  }

  /** The mark (see `ragged`) that `v` is or, in a body, that `v` is a step of. */
  private markOf(v: Value): Mark | undefined {
    const leaf = definedBy(this.defs, this.outside.get(v) ?? v, "leaf")?.attrs.leaf;
    return leaf?.kind === "lengths" ? leaf.mark : undefined;
  }

  /** The number of examples at each step, if `v` is the number of all steps. */
  private examplesOf(v: Value): Value | undefined {
    const op = this.defs.get(v);
    if (op?.op === "max") return op.operands.map((o) => this.examplesOf(o)).find((found) => found !== undefined);
    return op?.op === "sum" && this.markOf(op.operands[0]) === "examples" ? op.operands[0] : undefined;
  }

  private counted(v: Value, valid: Value | undefined): readonly string[] | undefined {
    return valid ? this.countsOf(v) : this.extentsOf(v);
  }

  /** The extents whose product a number is. */
  private extentsOf(v: Value): readonly string[] | undefined {
    const extents = definedBy(this.defs, v, "const")?.attrs;
    return extents?.value === 1 ? extents.dims : undefined;
  }

  /** Likewise, if examples and steps are counted without padding, as `ragged` counts them. */
  private countsOf(v: Value): readonly string[] | undefined {
    const op = this.defs.get(v);
    switch (op?.op) {
      case "max":
        // There may be none, and an empty mean is divided by 1.
        return op.operands.map((o) => this.countsOf(o)).find((counts) => counts !== undefined && counts.length > 0);
      case "sum": {
        const { batch, time, features } = op.attrs.axes;
        const mark = this.markOf(op.operands[0]);
        if (mark === "present" && batch) return ["batch"];
        if (batch || !time || features.length > 0) return undefined;
        return mark === "examples" ? ["batch", "time"] : mark === "valid" ? ["time"] : undefined;
      }
      case "mul": {
        const [a, b] = op.operands.map((o) => this.countsOf(o));
        return a && b && [...a, ...b];
      }
      default:
        return this.markOf(v) === "examples" ? ["batch"] : this.extentsOf(v);
    }
  }
}

/** Whether a sum broadcasts against its operand. */
const goesAlong = ({ attrs: { axes }, operands: [x] }: OpOf<"sum">): boolean =>
  axes.keep || axes.features.length === 0 || axes.features.length === x.type.shape.length;

const isOver = ({ batch, time, features }: Axes, axis: "batch" | "time"): boolean =>
  features.length === 0 && batch === (axis === "batch") && time === (axis === "time");
