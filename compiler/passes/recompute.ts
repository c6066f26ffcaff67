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
    const prices = pricesIn(block, defs);
    /** What is computed in place of a value, where a reduction reads it. */
    const copies = new Map<Value, Value>();
    const made = new Map<Value, Op>();
    /** The value to read instead of `v`: computed in place if that is cheap, itself otherwise. */
    const inPlace = (v: Value, isApart: (t: Type) => boolean): Value => {
      const known = copies.get(v);
      if (known !== undefined) return known;
      const op = defs.get(v);
      if (op === undefined || !prices.has(v) || !isApart(v.type)) return v;
      const operands = op.operands.map((o) => (isOfSame(o, op) ? inPlace(o, isApart) : o));
      if (isPart(op) && operands[0] === op.operands[0]) return v;
      const results = op.results.map((r) => ({ ...r, id: this.ids.next() }));
      const copy = { ...op, operands, results, ...(!isPart(op) && { inPlace: true }) } as Op;
      for (const [k, r] of op.results.entries()) {
        copies.set(r, results[k]);
        made.set(results[k], copy);
      }
      return copies.get(v)!;
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

interface Price {
  readonly flops: number;
  readonly loads: ReadonlySet<Value>;
}

/** The values of a block that are cheap to compute where they are read, and parts of such, with what that takes. */
function pricesIn({ ops, results }: Block, defs: ReadonlyMap<Value, Op>): ReadonlyMap<Value, Price> {
  const prices = new Map<Value, Price>();
  const stored = new Set(results.flatMap((v) => [v, ...partsOf(v, defs)]));
  const loaded = (v: Value): Price => ({ flops: 0, loads: new Set(defs.get(v)?.op === "const" ? [] : [v]) });
  const priceOf = (v: Value): Price => prices.get(v) ?? loaded(v);
  // Operands come first.
  for (const op of ops) {
    if (!isElementwise(op.op) && !isPart(op)) continue;
    const parts = op.operands.map((v) => (isOfSame(v, op) ? priceOf(v) : loaded(v)));
    const flops = parts.reduce((n, part) => n + part.flops, isElementwise(op.op) ? elementwise[op.op].flops : 0);
    const loads = new Set(parts.flatMap((part) => [...part.loads]));
    for (const v of op.results) {
      const most = stored.has(v) ? MOST_LOADS_OF_STORED : MOST_LOADS;
      if (flops <= MOST_FLOPS && loads.size <= most) prices.set(v, { flops, loads });
    }
  }
  return prices;
}

/** Whether an operand has as many elements as what is made of it: one that is broadcast is better loaded. */
const isOfSame = ({ type }: Value, op: Op): boolean => isPart(op) || isAlike(type, op.results[0].type);

const isAlike = (a: Type, b: Type): boolean => a.batch === b.batch && a.time === b.time && sameShape(a.shape, b.shape);

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
  return !isAlike(op.results[0].type, reader.results[0].type) || rowOf(reader.op).form !== "point";
}
