/**
 * Padding: sequences of different lengths in one batch. What is computed for an example after its last step counts nowhere.
 *
 * Sequences begin together and are padded at their ends. The language does not mention this, because a cell describes one example
 * at one step. It is the axes that are ragged, and this pass handles everything that reads along them:
 *
 * - a sum or maximum over examples or steps leaves out padding, and a mean divides by the number of those that are left;
 * - the states of a scan do not change at padded steps, so that the final states are those of each example's last step;
 * - a sequence is reversed from each example's own last step;
 * - the value at the last step is that at each example's last, and outputs are 0 after it;
 * - what reads 0 where there is no step reads 0 where an example has none.
 *
 * The runtime knows which steps there are (`runtime/lengths.ts`). Runs after `place`, because statistics are sums over examples,
 * too.
 */
import type { Mark } from "../../runtime/plan.ts";
import { InternalError } from "../diagnostics/internal-error.ts";
import type { Combining } from "../ir/ops/row.ts";
import { axesOf, rowOf } from "../ir/ops.ts";
import type { Graph, Op, OpOf, Pass, Type, Value } from "../ir/types.ts";
import { Builder, copy, type Definitions, definedBy, definitions, idsAfter, Renaming } from "./rewrite.ts";

/** Almost the smallest f32: below all numbers that occur. */
export const LEAST = -3.4e38;

/** The neutral element of each reduction. */
const neutral: Readonly<Partial<Record<Combining, number>>> = { sum: 0, largest: LEAST };

export const ragged: Pass = {
  name: "ragged",
  doc: "what is computed for an example after its last step counts nowhere",
  run: (graph) => new Ragged(graph).run(),
};

/** The type of a mark: for each step, or for each step of each example. */
export function markType(mark: Mark): Type {
  return { dtype: "f32", time: true, batch: mark === "valid" || mark === "last", shape: [] };
}

/** A mark as a leaf of the outermost block. */
export function markLeaf(top: Builder, mark: Mark): Value {
  return top.one("leaf", [], { leaf: { kind: "lengths", name: `lengths/${mark}`, mark }, type: markType(mark) }, mark);
}

/** A block, and the marks in it: with `time` in the outermost block, of one step in a body. */
interface Here {
  readonly b: Builder;
  readonly inBody: boolean;
  mark(mark: Mark): Value;
}

class Ragged {
  private readonly graph: Graph;
  private readonly defs: Definitions;
  private readonly top: Builder;
  private readonly marks = new Map<Mark, Value>();
  private readonly rename = new Renaming();

  constructor(graph: Graph) {
    this.graph = graph;
    this.defs = definitions(graph.ops);
    this.top = new Builder(idsAfter(graph));
  }

  run(): Graph {
    const here: Here = { b: this.top, inBody: false, mark: (mark) => this.mark(mark) };
    for (const op of this.graph.ops) {
      if (op.op === "scan") this.scan(op);
      else this.op(op, here);
    }
    const results = this.graph.results.map((r) => {
      const value = this.rename.of(r.value);
      return { ...r, value: r.kind === "output" && value.type.dtype === "f32" ? this.counted(value, 0, here) : value };
    });
    return { ...this.graph, ops: this.top.ops, results };
  }

  private mark(mark: Mark): Value {
    const known = this.marks.get(mark) ?? markLeaf(this.top, mark);
    this.marks.set(mark, known);
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
        // A state does not change after an example's last step.
        if (op.attrs.step === "first" || !x[0].type.batch || this.isState(op.operands[0]))
          return copy(b, op, this.rename.of);
        return b.sum(b.select(here.mark("last"), x[0], b.scalar(0)), { time: true });
      case "put":
        if (op.attrs.step === "first" || !x[0].type.batch) return copy(b, op, this.rename.of);
        return b.select(here.mark("last"), x[0], b.scalar(0));
      case "shift":
        // Steps before an example's last are not padded.
        if (op.attrs.by > 0) return copy(b, op, this.rename.of);
        if (!x[0].type.batch || x[0].type.dtype === "index")
          throw new InternalError("what all examples share, or an index, cannot be read ahead of each one's last step");
        return b.one("shift", [this.counted(x[0], 0, here)], op.attrs, op.results[0].name);
      case "reverse": {
        if (!x[0].type.batch)
          throw new InternalError("what all examples share cannot be reversed from each one's last step");
        return b.one("reverse", [x[0], b.sum(here.mark("valid"), { time: true })], {}, op.results[0].name);
      }
      case "pivot":
      case "pivots":
        // Any element serves as a pivot.
        return copy(b, op, this.rename.of);
      default:
        return this.present(op, x, here);
    }
  }

  /** An op whose reductions over examples or steps leave out padding. */
  private present(op: Exclude<Op, { op: "scan" }>, x: readonly Value[], here: Here): readonly Value[] {
    const looks = new Set(axesOf(op).flatMap(({ batch, time }) => [batch, time]));
    const padded = x.some((v) => v.type.batch) && (here.inBody || [...x, ...op.results].some((v) => v.type.time));
    const readsSteps = x.some((v) => v.type.time) || here.inBody || !looks.has("gather");
    if (!padded || !readsSteps || !(looks.has("reduce") || looks.has("scan") || looks.has("gather")))
      return copy(here.b, op, this.rename.of);
    const { combines, zero, zeroOutside } = rowOf(op.op);
    if (zeroOutside && x.length === 1) {
      // An index selects nothing by being 0: what it selects at padded steps is not counted where it is read.
      const values = x[0].type.dtype === "index" ? x[0] : this.counted(x[0], 0, here);
      return copy(here.b, op, () => values);
    }
    // If several operands are multiplied, masking one is enough.
    const decides = (i: number): boolean =>
      x.length === 1 || (combines === "sum" && zero?.(x.map((_, k) => k === i)) === true);
    const deciding = x.filter((_, i) => decides(i));
    const masked = deciding.find((v) => this.isPadded(v, here)) ?? deciding[0];
    const absent = combines && neutral[combines];
    if (absent === undefined || masked === undefined || looks.has("scan") || looks.has("gather"))
      throw new InternalError(`what padding adds to ${op.op} is not known`);
    const counted = new Map([
      [op.operands[x.indexOf(masked)], here.b.select(here.mark("valid"), masked, here.b.scalar(absent))],
    ]);
    return copy(here.b, op, (v) => counted.get(v) ?? this.rename.of(v));
  }

  /** Whether some examples lack some of the steps of `v`. */
  private isPadded = (v: Value, { inBody }: Here): boolean => v.type.batch && (v.type.time || inBody);

  /** `x`, but `absent` at steps that an example does not have. */
  private counted(x: Value, absent: number, here: Here): Value {
    const { b, mark } = here;
    return this.isPadded(x, here) ? b.select(mark("valid"), x, b.scalar(absent)) : x;
  }

  /** The number of elements in a mean over examples or steps; undefined if padding does not change it. */
  private count({ operands }: OpOf<"div">, { b, inBody, mark }: Here): Value | undefined {
    const extent = definedBy(this.defs, operands[1], "const");
    const { dims, value } = extent?.attrs ?? { dims: [], value: 1 };
    const over = { batch: dims.includes("batch"), time: dims.includes("time") };
    if (!over.batch && !over.time) return undefined;
    const sum = definedBy(this.defs, operands[0], "sum");
    if (sum === undefined)
      throw new InternalError("something else than a sum is divided by a number of examples or steps");
    const { type } = sum.operands[0];
    if (!type.batch || !(type.time || inBody)) return undefined;
    const examples = over.batch ? mark("examples") : undefined;
    const number = examples
      ? // After the longest sequence there are none.
        b.max(over.time ? b.sum(examples, { time: true }) : examples, b.scalar(1))
      : b.sum(mark("valid"), { time: true });
    const features = dims.filter((d) => d !== "batch" && d !== "time");
    return features.length === 0 && value === 1 ? number : b.mul(number, b.one("const", [], { value, dims: features }));
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
    const inner = this.top.body();
    const params = body.params.map((p) => inner.value(p.type, p.name));
    this.rename.set(body.params, params);
    const inputs = new Map<Mark, { readonly outside: Value; readonly inside: Value }>();
    const mark = (name: Mark): Value => {
      const outside = this.mark(name);
      const known = inputs.get(name) ?? { outside, inside: inner.value({ ...outside.type, time: false }, name) };
      inputs.set(name, known);
      return known.inside;
    };
    const here: Here = { b: inner, inBody: true, mark };
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
