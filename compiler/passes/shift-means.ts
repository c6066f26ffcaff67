/**
 * Takes the means that something is centred by about a first value:
 *
 *     mean(x) = p + mean(x − p),    p one of the x
 *
 * A sum of n numbers is rounded by the size of the sum, and the mean by an n-th of that: where all numbers are alike, such as the
 * pixels of a border, the mean would miss them by a unit in the last place, and a variance of as good as nothing would make
 * whole standard deviations of it. About one of them, equal numbers have exactly themselves as their mean, and numbers that lie
 * close together a mean that is as close to them (Chan, Golub & LeVeque 1983, on shifted data).
 *
 * Which number p is does not matter to the mean, and so not to its derivative: this runs when all derivatives are taken. Where
 * padded steps are left out, p must be one that counts: the largest of them, then.
 */
import type { Mark } from "../../runtime/plan.ts";
import { reducedExtents } from "../ir/ops/reductions.ts";
import type { Axes, Graph, Op, OpOf, Pass, Value } from "../ir/types.ts";
import { LEAST } from "./ragged.ts";
import { Builder, copy, type Definitions, definedBy, definitions, idsAfter, Renaming, rebuildScan } from "./rewrite.ts";
import { withoutDead } from "./simplify.ts";

/** @param inParts the batch is taken in parts: the largest of all examples would cost more dispatches than it is worth */
export const shiftMeans = (inParts = false): Pass => ({
  name: "shift-means",
  doc: "means that something is centred by are taken about a first value",
  run: (graph) => new About(graph, inParts).run(),
});

/** Σ x over some axes, divided by how many there are. */
interface Mean {
  /** One, or one of another: the sum over all examples of a step, and that over all steps. The first reads x. */
  readonly sums: readonly OpOf<"sum">[];
  readonly x: Value;
  /** What says of each x whether it counts, where some do not. */
  readonly valid?: Value;
  /** How many examples have each step, where a mean over both looks at what counts. */
  readonly examples?: Value;
  /** How much each x weighs: Σ w x / Σ w. */
  readonly weights?: Value;
  /** The mean that the inner sum is made into besides. */
  readonly each?: OpOf<"div">;
}

/** p and Σ (x − p), which is divided by `count` to have the mean; unless told, by what the quotient is divided by. */
interface Rest {
  readonly p: Value;
  readonly sum: Value;
  readonly count?: Value;
}

/** Where `m` is mean(x, over the axes) about its pivot: `x`, the axes, and the ops that lead from the one to the other. */
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

class About {
  private readonly graph: Graph;
  private readonly inParts: boolean;
  private readonly defs: Definitions;
  /** What the parameters of bodies are steps of. */
  private readonly outside: ReadonlyMap<Value, Value>;
  private readonly rename = new Renaming();
  /** By their quotients. */
  private readonly means = new Map<Op, Mean>();
  /** What of them has been made so far, by their quotients. */
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
    // Of most sums nothing was made but the mean.
    return { ...graph, ops: withoutDead(b.ops, values), results };
  }

  private block(b: Builder, ops: readonly Op[]): void {
    const { rename } = this;
    for (const op of ops) {
      const mean = this.means.get(op);
      if (mean) rename.set(op.results, [this.whole(b, op, this.rests.get(op) ?? this.rest(b, mean))]);
      else if (op.op === "scan") rename.set(op.results, this.scan(b, op));
      else rename.set(op.results, copy(b, op, rename.of));
      // Sums stay where they stand: others that stand beside them are taken together with them. What else a mean is made of may be
      // known behind them only.
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

  /** The pivot of a mean, and the sum of what lies apart from it. */
  private rest(b: Builder, mean: Mean): Rest {
    const { rename } = this;
    const [first, second] = mean.sums.map((sum) => sum.attrs.axes);
    const x = rename.of(mean.x);
    const [valid, weights, examples] = [mean.valid, mean.weights, mean.examples].map((v) => v && rename.of(v));
    if (second === undefined) return this.apart(b, x, first, { valid, weights });
    const ofAll = (each: Value): Rest => {
      const rest = this.apart(b, each, second, { weights: examples });
      // Steps weigh as much as they have examples.
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

  /** The mean: what is left of the quotient. */
  private whole(b: Builder, quotient: Op, { p, sum, count = this.rename.of(quotient.operands[1]) }: Rest): Value {
    return b.elementwise("add", [p, b.div(sum, count)], quotient.results[0].name);
  }

  /** One of the x that count. Sequences begin together: what is not there is at their ends. */
  private pivot(b: Builder, x: Value, valid: Value | undefined, axes: Axes): Value {
    if (valid === undefined || axes.time || !axes.batch) return b.one("pivot", [x], { axes });
    const most = b.one("maximum", [b.select(valid, x, b.scalar(LEAST))], { axes });
    // Behind the longest sequence none counts.
    return b.select(b.gt(most, b.scalar(LEAST)), most, b.scalar(0));
  }

  /** Notes the means that a difference subtracts from what they are means of. */
  private find({ operands: [minuend, m] }: OpOf<"sub">): void {
    const from = this.seen(minuend);
    for (const quotient of this.quotients(m)) {
      const mean = this.meanOf(quotient);
      if (mean === undefined || (mean.valid && this.inParts)) continue;
      if (this.seen(mean.x) === from) this.means.set(quotient, mean);
      // The mean of a step, about that of all steps.
      const each = definedBy(this.defs, from, "div");
      if (each && mean.sums.length > 1 && this.meanOf(each)?.sums.at(-1) === mean.sums[0])
        this.means.set(quotient, { ...mean, each });
    }
  }

  /** The quotients behind `v`, which may be one of several at each step. */
  private quotients(v: Value): readonly OpOf<"div">[] {
    const op = this.defs.get(this.seen(v));
    if (op?.op === "select") return op.operands.slice(1).flatMap((arm) => this.quotients(arm));
    return op?.op === "div" ? [op] : [];
  }

  /** What `v` is in another shape. */
  private seen(v: Value): Value {
    const op = this.defs.get(v);
    return op?.op === "broadcast" || op?.op === "reshape" ? this.seen(op.operands[0]) : v;
  }

  /** What a quotient is the mean of; undefined where it is divided by something else than by how many there are. */
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
    if (this.markOf(valid) !== "valid" || divisors.length > 1) return undefined;
    if (!before) return { sums, x, valid };
    const examples = this.examplesOf(count);
    const stepwise = isOver(before.attrs.axes, "batch") && isOver(last!.attrs.axes, "time");
    return examples && stepwise ? { sums, x, valid, examples } : undefined;
  }

  /** What is divided, and by what one after another. */
  private divided({ operands: [total, by] }: OpOf<"div">): {
    readonly total: Value;
    readonly divisors: readonly Value[];
  } {
    const inner = definedBy(this.defs, total, "div");
    const of = inner ? this.divided(inner) : { total, divisors: [] };
    return { total: of.total, divisors: [...of.divisors, by] };
  }

  /** What a sum adds up: all x, those that are valid, or as much of each as it weighs. */
  private addedUp({ operands: [term] }: OpOf<"sum">): Pick<Mean, "x" | "valid" | "weights"> {
    const op = this.defs.get(term);
    if (op?.op === "select" && this.isZero(op.operands[2])) return { x: op.operands[1], valid: op.operands[0] };
    const [a, b] = op?.op === "mul" ? op.operands : [];
    // Weights are a step's: the same for all features.
    if (a && b && a.type.shape.length < b.type.shape.length) return { x: b, weights: a };
    return a && b && b.type.shape.length < a.type.shape.length ? { x: a, weights: b } : { x: term };
  }

  private isSumOf(total: Value, weights: Value, sums: readonly OpOf<"sum">[]): boolean {
    const sum = definedBy(this.defs, total, "sum");
    return (
      sums.length === 1 && sum?.operands[0] === weights && JSON.stringify(sum.attrs) === JSON.stringify(sums[0].attrs)
    );
  }

  private isZero(v: Value): boolean {
    const zero = definedBy(this.defs, this.seen(v), "const");
    return zero?.attrs.value === 0;
  }

  /** What the runtime says of the lengths of sequences: `v` itself or, in a body, the sequence that it is a step of. */
  private markOf(v: Value): Mark | undefined {
    const leaf = definedBy(this.defs, this.outside.get(v) ?? v, "leaf")?.attrs.leaf;
    return leaf?.kind === "lengths" ? leaf.mark : undefined;
  }

  /** How many examples have each step, where `v` is how many steps all have. */
  private examplesOf(v: Value): Value | undefined {
    const op = this.defs.get(v);
    if (op?.op === "max") return op.operands.map((o) => this.examplesOf(o)).find((found) => found !== undefined);
    return op?.op === "sum" && this.markOf(op.operands[0]) === "examples" ? op.operands[0] : undefined;
  }

  private counted(v: Value, valid: Value | undefined): readonly string[] | undefined {
    return valid ? this.countsOf(v) : this.extentsOf(v);
  }

  /** The extents that a number is the product of. */
  private extentsOf(v: Value): readonly string[] | undefined {
    const extents = definedBy(this.defs, v, "const")?.attrs;
    return extents?.value === 1 ? extents.dims : undefined;
  }

  /** Likewise, where examples and steps are counted that are not padding, as `ragged` counts them. */
  private countsOf(v: Value): readonly string[] | undefined {
    const op = this.defs.get(v);
    switch (op?.op) {
      case "max":
        // Behind the longest sequence there are none, and a mean of none is divided by 1.
        return op.operands.map((o) => this.countsOf(o)).find((counts) => counts !== undefined && counts.length > 0);
      case "sum": {
        const { batch, time, features } = op.attrs.axes;
        const mark = this.markOf(op.operands[0]);
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

/** Whether what a sum makes broadcasts against what it adds up. */
const goesAlong = ({ attrs: { axes }, operands: [x] }: OpOf<"sum">): boolean =>
  axes.keep || axes.features.length === 0 || axes.features.length === x.type.shape.length;

const isOver = ({ batch, time, features }: Axes, axis: "batch" | "time"): boolean =>
  features.length === 0 && batch === (axis === "batch") && time === (axis === "time");
