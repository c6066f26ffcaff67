/**
 * Sequences of each example's own: what a loop computes for all examples alike becomes a value for each.
 *
 * A state that depends on no example, such as a counter, is the same for all of them while all take the same steps. Where examples
 * have steps of their own, such a state changes at each one's own steps. The first of the passes for sequences that may differ.
 *
 * Where sequences go on from batch to batch, each of them has begun at a batch of its own. The number of a step is then each example's
 * own, too.
 */
import type { Graph, Op, OpOf, Pass, Value } from "../ir/types.ts";
import { type Builder, copy, type Renaming, rebuildGraph, rebuildScan, retyped } from "./rewrite.ts";

export const ownSteps: Pass = {
  name: "own-steps",
  doc: "the states of a loop are each example's own, even if they are alike",
  run: (graph) => (graph.ops.some(isShared) ? separated(graph) : graph),
};

/** The same, and steps are counted for each example: they may have begun at different batches. */
export const ownClocks: Pass = {
  name: "own-clocks",
  doc: "states and numbers of steps are each example's own, even if they are alike",
  run: (graph) => (graph.ops.some((op) => isShared(op) || isClock(op)) ? separated(graph, true) : graph),
};

const isClock = (op: Op): boolean => op.op === "leaf" && op.attrs.leaf.kind === "step";

const isShared = (op: Op): boolean => op.op === "scan" && op.results.some((v) => !v.type.batch);

const separated = (graph: Graph, clocks = false): Graph =>
  rebuildGraph(graph, (b, rename) => {
    const own = (op: Op): Op => (clocks && isClock(op) ? eachOwn(op) : op);
    for (const op of graph.ops)
      rename.set(op.results, op.op === "scan" ? scan(b, op, rename) : anew(b, own(op), rename.of));
    for (const { kind, value } of graph.results) {
      const own = rename.of(value);
      // A number of the whole batch stays one.
      const isMeasure = kind === "loss" || kind === "loss_term" || kind === "metric";
      if (isMeasure && own.type.batch) rename.set([value], [b.div(b.sum(own, { batch: true }), b.extent(["batch"]))]);
    }
  });

/** A copy of `op`, whose operands may now differ between examples. */
function anew(b: Builder, op: Op, rename: (v: Value) => Value): readonly Value[] {
  const batch = op.operands.some((v) => rename(v).type.batch);
  return copy(b, batch ? eachOwn(alike(op)) : op, rename);
}

const eachOwn = (op: Op): Op => retyped(op, (type) => ({ ...type, batch: true }));

/** What is reduced over examples, but did not differ between them, is not reduced over them now. */
function alike(op: Op): Op {
  if (op.operands.some((v) => v.type.batch)) return op;
  const { attrs } = op;
  if ("axes" in attrs) return { ...op, attrs: { ...attrs, axes: { ...attrs.axes, batch: false } } } as Op;
  return "batch" in attrs ? ({ ...op, attrs: { ...attrs, batch: false } } as Op) : op;
}

function scan(b: Builder, op: OpOf<"scan">, rename: Renaming): readonly Value[] {
  const { states } = op.attrs;
  const each = (to: Builder, v: Value): Value => to.broadcast(v, { ...v.type, batch: true });
  const operands = op.operands.map((v, i) => (i < states ? each(b, rename.of(v)) : rename.of(v)));
  const body = op.body!;
  const params = body.params.map((p, i) => ({ ...p, type: { ...operands[i].type, time: false } }));
  const results = rebuildScan(b, { ...op, body: { ...body, params } }, operands, (inner, made) => {
    rename.set(body.params, made);
    for (const o of body.ops) rename.set(o.results, anew(inner, o, rename.of));
    return body.results.map((v, i) => (i < states ? each(inner, rename.of(v)) : rename.of(v)));
  });
  return results.map((v) => each(b, v));
}
