/**
 * Sequences that go on from batch to batch, for truncated back-propagation through time (Williams & Peng 1990): each loop begins with
 * the states that the run before ended with, and its last states are results, for the run after.
 *
 * A mark says whose sequence begins with this batch: these examples begin with the first states, as without this pass, and gradients
 * flow to the parameters of those. A state from the run before is an input, so no gradient flows further back.
 *
 * Runs once the loops are those that run: delays are loops too, and states are each example's own. What all examples share is a
 * statistic that `place` has a loop hold, and begins anew with each batch.
 */
import type { Graph, OpOf, Pass, Result, Value } from "../ir/types.ts";
import { markLeaf } from "./ragged.ts";
import { Builder, idsAfter } from "./rewrite.ts";
import { StateNames } from "./state-names.ts";

export const carry: Pass = {
  name: "carry",
  doc: "loops go on from the states that the run before ended with",
  run(graph: Graph): Graph {
    const b = new Builder(idsAfter(graph));
    const names = new StateNames();
    const carried: Result[] = [];
    let begins: Value | undefined;
    const from = (first: Value, name: string): Value => {
      begins ??= markLeaf(b, "begins", {});
      const before = b.one("leaf", [], { leaf: { kind: "carry", name }, type: first.type }, name.replaceAll("/", "_"));
      return b.select(begins, first, before);
    };
    for (const op of graph.ops) {
      if (op.op === "scan") b.ops.push(loop(op, from, names, carried));
      else b.ops.push(op);
    }
    return { ...graph, ops: b.ops, results: [...graph.results, ...carried] };
  },
};

/** The loop from its carried states on. Adds what they are at its end to `carried`. */
function loop(
  scan: OpOf<"scan">,
  from: (first: Value, name: string) => Value,
  names: StateNames,
  carried: Result[],
): OpOf<"scan"> {
  const { states } = scan.attrs;
  const operands = scan.operands.map((v, i) => {
    if (i >= states || !v.type.batch) return v;
    const name = names.of(scan.body!.params[i]);
    carried.push({ kind: "carry", name, value: scan.results[i] });
    return from(v, name);
  });
  return { ...scan, operands };
}
