/**
 * Groups of examples: a sum over an example's group becomes sums over the parts of the batch, spread over the examples of each.
 * Runs where the size of the batch is known. A batch smaller than a group is one.
 */
import type { Graph, Op, Pass, Value } from "../ir/types.ts";
import { type Builder, copy, type Renaming, rebuildGraph, rebuildScan } from "./rewrite.ts";

/** @param batch the number of examples, whole groups of them */
export function groups(batch: number): Pass {
  return {
    name: "groups",
    doc: "sums over groups of examples become sums over parts of the batch",
    run(graph: Graph): Graph {
      if (!graph.ops.some(isGrouped)) return graph;
      return rebuildGraph(graph, (b, rename) => block(b, graph.ops, rename));
    },
  };

  function block(b: Builder, ops: readonly Op[], rename: Renaming): void {
    for (const op of ops) rename.set(op.results, expanded(b, op, rename));
  }

  function expanded(b: Builder, op: Op, rename: Renaming): readonly Value[] {
    if (op.op === "scan") {
      return rebuildScan(b, op, op.operands.map(rename.of), (inner, params) => {
        rename.set(op.body!.params, params);
        block(inner, op.body!.ops, rename);
        return op.body!.results.map(rename.of);
      });
    }
    if (op.op !== "group_sum") return copy(b, op, rename.of);
    const x = rename.of(op.operands[0]);
    const parts = Math.ceil(batch / op.attrs.group);
    if (parts === 1) return [b.broadcast(b.sum(x, { batch: true }), x.type)];
    return [b.one("spread", [b.one("partial", [x], { parts })], {}, op.results[0].name)];
  }
}

/** Whether an op sums over groups of examples, or has such an op in its body. */
export const isGrouped = (op: Op): boolean => op.op === "group_sum" || (op.body?.ops.some(isGrouped) ?? false);
