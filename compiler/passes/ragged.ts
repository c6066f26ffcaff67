/**
 * Missing steps: the examples of a batch have steps of their own. What is computed for an example at a step that it lacks counts
 * nowhere.
 *
 * An example lacks steps after its last one if the batch has longer ones (padding). Those that it lacks before its first one or in
 * between are none of a program's: the runtime gives it each example's steps one after the other (`runtime/lengths.ts`). The language
 * does not mention this, because a cell describes one example at one step. It is the axes that are ragged, and this pass handles
 * everything that reads along them:
 *
 * - a sum or maximum over examples or steps leaves out what is missing, and a mean divides by the number of those that are left;
 * - the states of a scan do not change at missing steps, so that the final states are those of each example's last step;
 * - a sequence is reversed from each example's own last step;
 * - the value at the first or last step is that at each example's own, and outputs are 0 at missing ones;
 * - what reads 0 where there is no step reads 0 where an example has none.
 *
 * An example may lack all steps. Its states are then the first states, and its sums, means and maxima over time are 0. It counts in no
 * statistic, but it is one of the examples of a loss that has no time.
 *
 * The runtime knows how many steps there are. Runs after `place`, because statistics are sums over examples,
 * too.
 */
import type { Mark } from "../../runtime/plan.ts";
import { InternalError } from "../diagnostics/internal-error.ts";
import type { Along, Combining } from "../ir/ops/row.ts";
import { axesOf, rowOf } from "../ir/ops.ts";
import { markType } from "../ir/step-marks.ts";
import { type Steps, TimeAxes } from "../ir/time-axes.ts";
import type { Graph, Leaf, Op, OpOf, Pass, Value } from "../ir/types.ts";
import { Builder, behind, copy, type Definitions, definedBy, definitions, idsAfter, Renaming } from "./rewrite.ts";

/** Almost the smallest f32: below all numbers that occur. */
export const LEAST = -3.4e38;

/** The neutral element of each reduction. */
const neutral: Readonly<Partial<Record<Combining, number>>> = { sum: 0, largest: LEAST };

export const ragged: Pass = {
  name: "ragged",
  doc: "what is computed for an example at a step that it lacks counts nowhere",
  run: (graph) => new Ragged(graph).run(),
};

/** A mark of some steps as a leaf of the outermost block. */
export function markLeaf(top: Builder, mark: Mark, { axis }: Steps): Value {
  const name = ["lengths", ...(axis === undefined ? [] : [axis]), mark].join("/");
  const leaf: Leaf = { kind: "lengths", name, mark, ...(axis !== undefined && { axis }) };
  return top.one("leaf", [], { leaf, type: markType(mark) }, mark);
}

/** Of marks that look at all axes. */
const anywhere: Steps = {};

/** A block, and the marks in it: with `time` in the outermost block, of one step in a body. */
interface Here {
  readonly b: Builder;
  readonly inBody: boolean;
  /** The steps that a value of the original graph varies over. */
  steps(v: Value): Steps;
  mark(mark: Mark, steps: Steps): Value;
}

class Ragged {
  private readonly graph: Graph;
  private readonly defs: Definitions;
  private readonly axes: TimeAxes;
  /** The ops that statistics are computed by. */
  private readonly ofStatistics: ReadonlySet<Op>;
  private readonly top: Builder;
  private readonly marks = new Map<string, Value>();
  private readonly rename = new Renaming();

  constructor(graph: Graph) {
    this.graph = graph;
    this.defs = definitions(graph.ops);
    this.axes = TimeAxes.of(graph);
    this.ofStatistics = behind(
      graph.ops,
      graph.results.filter((r) => r.kind === "batch_stat").map((r) => r.value),
    );
    this.top = new Builder(idsAfter(graph));
  }

  run(): Graph {
    const here: Here = {
      b: this.top,
      inBody: false,
      steps: (v) => this.axes.steps(v),
      mark: (mark, steps) => this.mark(mark, steps),
    };
    for (const op of this.graph.ops) {
      if (op.op === "scan") this.scan(op);
      else this.op(op, here);
    }
    const results = this.graph.results.map((r) => {
      const value = this.rename.of(r.value);
      const isCounted = r.kind === "output" && value.type.dtype === "f32";
      const { axis } = r.value.type.time ? this.axes.steps(r.value) : r;
      return {
        ...r,
        value: isCounted ? this.counted(value, r.value, here) : value,
        ...(axis !== undefined && { axis }),
      };
    });
    return { ...this.graph, ops: this.top.ops, results };
  }

  private mark(mark: Mark, steps: Steps): Value {
    const key = keyOf(mark, steps);
    const known = this.marks.get(key) ?? markLeaf(this.top, mark, steps);
    this.marks.set(key, known);
    return known;
  }

  private op(op: Exclude<Op, { op: "scan" }>, here: Here): void {
    const x = op.operands.map(this.rename.of);
    this.rename.set(op.results, [this.rewritten(op, x, here)].flat());
  }

  private rewritten(op: Exclude<Op, { op: "scan" }>, x: readonly Value[], here: Here): Value | readonly Value[] {
    const { b } = here;
    switch (op.op) {
      case "div": {
        const count = this.count(op, here);
        return b.elementwise("div", [x[0], count ?? x[1]], op.results[0].name);
      }
      case "at":
        return this.at(op, x[0], here);
      case "put":
        if (!x[0].type.batch) throw new InternalError("what all examples share has no step of its own to be put at");
        return b.select(here.mark(op.attrs.step, here.steps(op.results[0])), x[0], b.scalar(0));
      case "shift":
        // Steps before an example's last are not padded.
        if (op.attrs.by > 0) return copy(b, op, this.rename.of);
        if (!x[0].type.batch || x[0].type.dtype === "index")
          throw new InternalError("what all examples share, or an index, cannot be read ahead of each one's last step");
        return b.one("shift", [this.counted(x[0], op.operands[0], here)], op.attrs, op.results[0].name);
      case "reverse": {
        if (!x[0].type.batch)
          throw new InternalError("what all examples share cannot be reversed from each one's last step");
        return b.one("reverse", [x[0], here.mark("span", here.steps(op.operands[0]))], {}, op.results[0].name);
      }
      case "pivot":
      case "pivots":
        // Any element serves as a pivot.
        return copy(b, op, this.rename.of);
      case "group_sum":
        // To train it is refused (`checks/groups.ts`), and inference does not read it.
        return copy(b, op, this.rename.of);
      default:
        return this.present(op, x, here);
    }
  }

  /** The value at each example's own first or last step; 0 if it has none, or if it is a state, the first state. */
  private at(op: OpOf<"at">, x: Value, here: Here): Value | readonly Value[] {
    const { b } = here;
    const [of] = op.operands;
    if (!x.type.batch)
      throw new InternalError("there is no step at which what all examples share is the last one of each");
    const steps = here.steps(of);
    // A state does not change after the last step, and is the first state where there is none.
    if (this.isState(of)) return copy(b, op, this.rename.of);
    return b.sum(b.select(here.mark(op.attrs.step, steps), x, b.scalar(0)), { time: true });
  }

  /** An op whose reductions over examples or steps leave out what is missing. */
  private present(op: Exclude<Op, { op: "scan" }>, x: readonly Value[], here: Here): readonly Value[] {
    const { b } = here;
    const along = axesOf(op);
    /** How an operand's examples and steps are read, as far as some may be missing. */
    const looksOf = (i: number): readonly Along[] => {
      const { time, batch } = x[i].type;
      const looks = [...(batch ? [along[i].batch] : []), ...(time || (batch && here.inBody) ? [along[i].time] : [])];
      return looks.filter((look) => look === "reduce" || look === "scan" || look === "gather");
    };
    const padded = x.filter((_, i) => looksOf(i).length > 0 && this.missing(op.operands[i], here, op) !== undefined);
    if (padded.length === 0) return copy(b, op, this.rename.of);
    const looks = new Set(x.flatMap((v, i) => (padded.includes(v) ? looksOf(i) : [])));
    const { combines, zero, zeroOutside } = rowOf(op.op);
    if (zeroOutside && x.length === 1) {
      // An index selects nothing by being 0: what it selects at missing steps is not counted where it is read.
      const values = x[0].type.dtype === "index" ? x[0] : this.counted(x[0], op.operands[0], here);
      return copy(b, op, () => values);
    }
    // If several operands are multiplied, masking one is enough.
    const decides = (i: number): boolean =>
      x.length === 1 || (combines === "sum" && zero?.(x.map((_, k) => k === i)) === true);
    const deciding = x.filter((_, i) => decides(i));
    const masked = deciding.find((v) => padded.includes(v)) ?? deciding[0];
    const absent = combines && neutral[combines];
    if (absent === undefined || masked === undefined || looks.has("scan") || looks.has("gather"))
      throw new InternalError(`what a missing step adds to ${op.op} is not known`);
    const original = op.operands[x.indexOf(masked)];
    const mark = this.missing(op.operands[x.indexOf(padded[0])], here, op)!;
    const counted = new Map([[original, b.select(mark, masked, b.scalar(absent))]]);
    const made = copy(b, op, (v) => counted.get(v) ?? this.rename.of(v));
    if (combines !== "largest") return made;
    // The largest of none is 0.
    return made.map((most) => b.select(b.gt(most, b.scalar(LEAST)), most, b.scalar(0)));
  }

  /** What marks the elements of `v` that count in a reduction by `op`; undefined if all do. */
  private missing(v: Value, here: Here, op: Op): Value | undefined {
    const { time, batch } = this.rename.of(v).type;
    if (here.inBody) return batch ? here.mark("valid", here.steps(v)) : undefined;
    if (time && batch) return here.mark("valid", here.steps(v));
    if (time) return this.isWeighed(v) ? undefined : here.mark("some", here.steps(v));
    return batch && this.ofStatistics.has(op) ? here.mark("present", anywhere) : undefined;
  }

  /** Whether `place` has already taken each step for as much as it counts. */
  private isWeighed(v: Value): boolean {
    const op = this.defs.get(v);
    if (op?.op === "mul") return op.operands.some((o) => this.isWeighed(o));
    return op?.op === "leaf" && op.attrs.leaf.kind === "lengths";
  }

  /** `x`, but 0 at steps that an example does not have. */
  private counted(x: Value, original: Value, here: Here): Value {
    const { b } = here;
    if (!x.type.batch || !x.type.time) return x;
    return b.select(here.mark("valid", here.steps(original)), x, b.scalar(0));
  }

  /** The number of elements in a mean over examples or steps; undefined if it is what the mean is divided by. */
  private count(op: OpOf<"div">, here: Here): Value | undefined {
    const { b, mark } = here;
    const extent = definedBy(this.defs, op.operands[1], "const");
    const { dims, value } = extent?.attrs ?? { dims: [], value: 1 };
    const over = { batch: dims.includes("batch"), time: dims.includes("time") };
    if (!over.batch && !over.time) return undefined;
    const sum = definedBy(this.defs, op.operands[0], "sum");
    if (sum === undefined)
      throw new InternalError("something else than a sum is divided by a number of examples or steps");
    const [of] = sum.operands;
    if (this.missing(of, here, sum) === undefined) return undefined;
    const { type } = this.rename.of(of);
    const all = (name: Mark): Value => b.sum(mark(name, here.steps(of)), { time: true });
    const number = (): Value => {
      if (here.inBody) return mark("examples", here.steps(of));
      if (!type.time) return b.sum(mark("present", anywhere), { batch: true });
      if (!type.batch) return all("some");
      if (!over.time) return mark("examples", here.steps(of));
      return all(over.batch ? "examples" : "valid");
    };
    // There may be none.
    const counted = b.max(number(), b.scalar(1));
    const features = dims.filter((d) => d !== "batch" && d !== "time");
    return features.length === 0 && value === 1
      ? counted
      : b.mul(counted, b.one("const", [], { value, dims: features }));
  }

  /** Whether `v` is a state that a scan yields step by step. */
  private isState(v: Value): boolean {
    const scan = this.defs.get(v);
    if (scan?.op !== "scan") return false;
    const { results } = scan.body!;
    return results.indexOf(results[scan.results.indexOf(v)]) < scan.attrs.states;
  }

  private scan(scan: OpOf<"scan">): void {
    const body = scan.body!;
    const { states, reverse } = scan.attrs;
    if (reverse) throw new InternalError("a loop that runs backward would begin with padding: loop-order comes first");
    const own = this.axes.steps(scan);
    const inner = this.top.body();
    const params = body.params.map((p) => inner.value(p.type, p.name));
    this.rename.set(body.params, params);
    const inputs = new Map<Mark, { readonly outside: Value; readonly inside: Value }>();
    const mark = (name: Mark): Value => {
      const outside = this.mark(name, own);
      // What has no time is the same at each step.
      if (!outside.type.time) return outside;
      const known = inputs.get(name) ?? { outside, inside: inner.value({ ...outside.type, time: false }, name) };
      inputs.set(name, known);
      return known.inside;
    };
    const here: Here = { b: inner, inBody: true, steps: () => own, mark };
    for (const op of body.ops) {
      if (op.op === "scan") throw new InternalError("a scan inside a scan's body is not supported");
      this.op(op, here);
    }
    const next = body.results.slice(0, states).map((v, k) => {
      const value = this.rename.of(v);
      return value.type.batch ? inner.select(mark("valid"), value, params[k]) : value;
    });
    const outputs = body.results.slice(states).map((v) => {
      const state = body.results.indexOf(v);
      return state < states ? next[state] : this.rename.of(v);
    });
    const more = [...inputs.values()];
    const made = this.top.scan(
      scan.operands.slice(0, states).map(this.rename.of),
      [...scan.operands.slice(states).map(this.rename.of), ...more.map((m) => m.outside)],
      {
        params: [...params, ...more.map((m) => m.inside)],
        ops: inner.ops,
        results: [...next, ...outputs],
      },
      { reverse, names: scan.results.map((r) => r.name) },
    );
    this.rename.set(scan.results, [...made.finals, ...made.outputs]);
  }
}

const keyOf = (mark: Mark, { axis = "" }: Steps): string => `${mark}/${axis}`;
