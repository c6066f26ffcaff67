/**
 * Recomputation, for machines whose kernels own nothing but their results: what a reduction reads is then in another kernel's space,
 * and would be stored by a pass of its own. A cheap elementwise value is computed where a reduction reads it instead, so that the
 * centred squares of a variance cost no pass. Others still read the value itself, which may be stored as late as they need it: ops are
 * put in that order.
 */

import type { Ids } from "../ir/builder.ts";
import * as dim from "../ir/dim.ts";
import { elementwise, isElementwise } from "../ir/ops/elementwise.ts";
import { isView, rowOf } from "../ir/ops.ts";
import { sameShape } from "../ir/type.ts";
import type { Block, Graph, Op, OpOf, Pass, Type, Value } from "../ir/types.ts";
import { type Machine, ownsResultsOnly } from "../machine.ts";
import { captured, definitions, idsAfter } from "./rewrite.ts";

/** Flops of a value that is computed where it is read: far less than loading its operands takes. */
const MOST_FLOPS = 8;
/** Values that it loads, of the few that a kernel can bind. */
const MOST_LOADS = 6;
/** The same of a value that is stored anyway, and could be loaded. */
const MOST_LOADS_OF_STORED = 2;

/** Runs last: other passes do not know of it. */
export const recompute = (machine: Machine): Pass => ({
  name: "recompute",
  doc: "a cheap value is computed by each reduction that reads it, where a kernel has no loops but those of its results",
  run: (graph) => (ownsResultsOnly(machine) ? new Recomputation(graph).run() : graph),
});

class Recomputation {
  private readonly graph: Graph;
  private readonly ids: Ids;

  constructor(graph: Graph) {
    this.graph = graph;
    this.ids = idsAfter(graph);
  }

  run(): Graph {
    const { ops, results } = this.graph;
    const block: Block = { params: [], ops, results: results.map(({ value }) => value) };
    return { ...this.graph, ops: this.inBlock(block, definitions(ops)).ops };
  }

  private inBlock(block: Block, defs: ReadonlyMap<Value, Op>): Block {
    /** What is computed in place of a value, where a reduction reads it. */
    const copies = new Map<Value, Value>();
    const made = new Map<Value, Op>();
    const flops = (v: Value): number => {
      const op = made.get(v) ?? defs.get(v);
      if (op === undefined || !isView(op)) return 0;
      return (isElementwise(op.op) ? elementwise[op.op].flops : 0) + op.operands.reduce((n, o) => n + flops(o), 0);
    };
    const loads = (v: Value): readonly Value[] => {
      const op = made.get(v) ?? defs.get(v);
      if (op?.op === "const") return [];
      return op && op.op !== "leaf" && isView(op) ? op.operands.flatMap(loads) : [v];
    };
    const own = new Set(block.ops);
    const stored = new Set(block.results.flatMap((v) => [v, ...partsOf(v, defs)]));
    /** The value to read instead of `v`: computed in place if that is cheap, itself otherwise. */
    const inPlace = (v: Value, isApart: (t: Type) => boolean): Value => {
      const known = copies.get(v);
      if (known !== undefined) return known;
      const op = defs.get(v);
      if (op === undefined || !own.has(op) || !isApart(v.type)) return v;
      if (isPart(op)) {
        const [from] = op.operands.map((o) => inPlace(o, isApart));
        if (from === op.operands[0]) return v;
        const results = op.results.map((r) => ({ ...r, id: this.ids.next() }));
        const copy = { ...op, operands: [from], results } as Op;
        for (const [k, r] of op.results.entries()) {
          copies.set(r, results[k]);
          made.set(results[k], copy);
        }
        return copies.get(v)!;
      }
      if (!isElementwise(op.op)) return v;
      const operands = op.operands.map((o) => inPlace(o, isApart));
      const cost = elementwise[op.op].flops + operands.reduce((n, o) => n + flops(o), 0);
      const most = stored.has(v) ? MOST_LOADS_OF_STORED : MOST_LOADS;
      if (cost > MOST_FLOPS || new Set(operands.flatMap(loads)).size > most) return v;
      const found = { ...v, id: this.ids.next() };
      made.set(found, { ...op, operands, results: [found], inPlace: true } as Op);
      copies.set(v, found);
      return found;
    };
    const ops = block.ops.flatMap((op): readonly Op[] => {
      if (op.op === "scan")
        return [{ ...op, body: this.inBlock(op.body!, new Map([...defs, ...definitions(op.body!.ops)])) }];
      if (isView(op)) return [op];
      const before = new Set(made.values());
      const operands = op.operands.map((v) => {
        if (op.op === "sum" || op.op === "maximum") return inPlace(v, (t) => isReduced(op, t));
        const view = defs.get(v);
        return isElementwise(op.op) && view && isPart(view) ? inPlace(v, () => true) : v;
      });
      const added = [...new Set(made.values())].filter((o) => !before.has(o));
      return [...added, { ...op, operands } as Op];
    });
    return { ...block, ops: latest(ops, block.results) };
  }
}

/** What a value is joined from. */
function partsOf(v: Value, defs: ReadonlyMap<Value, Op>): readonly Value[] {
  const op = defs.get(v);
  if (op === undefined || !(isView(op) || op.op === "copy")) return [];
  return op.operands.flatMap((o) => [o, ...partsOf(o, defs)]);
}

/** Views of a part of a value: its elements are others' own. */
const isPart = (op: Op): boolean => op.op === "split" || op.op === "slice" || op.op === "cut";

/** Whether a value has one of the axes that `op` reduces, so that it is not its result's own. */
function isReduced(op: OpOf<"sum"> | OpOf<"maximum">, t: Type): boolean {
  const { batch, time, features } = op.attrs.axes;
  const lead = op.operands[0].type.shape.length - t.shape.length;
  return (batch && t.batch) || (time && t.time) || features.some((i) => i >= lead && !dim.isOne(t.shape[i - lead]));
}

/** The ops that are needed, each as late as what reads it allows. */
function latest(ops: readonly Op[], results: readonly Value[]): readonly Op[] {
  const readers = new Map<Value, Op[]>();
  const reads = (op: Op): readonly Value[] => [...op.operands, ...(op.body ? captured(op.body) : [])];
  for (const op of ops) for (const v of reads(op)) readers.set(v, [...(readers.get(v) ?? []), op]);
  const yielded = new Set(results);
  /** How many kernels at least come after an op. */
  const after = new Map<Op, number>();
  const needed = new Set<Op>();
  for (const op of ops.toReversed()) {
    const by = op.results.flatMap((v) => readers.get(v) ?? []).filter((reader) => needed.has(reader));
    const isNeeded = by.length > 0 || op.op === "leaf" || op.results.some((v) => yielded.has(v));
    if (!isNeeded) continue;
    needed.add(op);
    after.set(op, Math.max(0, ...by.map((reader) => after.get(reader)! + (startsKernel(op, reader) ? 1 : 0))));
  }
  return ops
    .filter((op) => needed.has(op))
    .map((op, i) => ({ op, i }))
    .sort((a, b) => after.get(b.op)! - after.get(a.op)! || a.i - b.i)
    .map(({ op }) => op);
}

/** Whether a kernel must have stored what `op` makes before another computes `reader`: they have different elements. */
function startsKernel(op: Op, reader: Op): boolean {
  if (isView(reader) || isView(op)) return false;
  const [from, to] = [op.results[0].type, reader.results[0].type];
  const isAlike = from.batch === to.batch && from.time === to.time && sameShape(from.shape, to.shape);
  return !isAlike || rowOf(reader.op).form !== "point";
}
