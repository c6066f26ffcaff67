/**
 * Expands ops that scan time, such as a running sum, into loops, as their rows say. Later passes know how to handle a loop if
 * sequences are reversed, differ in length, are cut in segments, or come step by step.
 */
import { rowOf } from "../ir/ops.ts";
import type { Graph, Op, Pass } from "../ir/types.ts";
import { Builder, idsAfter } from "./rewrite.ts";

export const recurrences: Pass = {
  name: "recurrences",
  doc: "ops that scan time become loops",
  run: (graph) => ({
    ...graph,
    ops: looped(graph),
    norms: new Map([...graph.norms].map(([site, norm]) => [site, recurrences.run(norm)])),
  }),
};

function looped(graph: Graph): readonly Op[] {
  const b = new Builder(idsAfter(graph));
  for (const op of graph.ops) {
    const { asLoop } = rowOf(op.op);
    if (asLoop === undefined) {
      b.ops.push(op);
      continue;
    }
    const from = b.ops.length;
    const made = asLoop(b, op.operands, op.attrs as never);
    // Readers of the op's results go on reading the same values.
    const loop = b.ops.splice(from);
    for (const o of loop) b.ops.push({ ...o, results: o.results.map((r) => op.results[made.indexOf(r)] ?? r) } as Op);
  }
  return b.ops;
}
