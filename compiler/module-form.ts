/**
 * The form in which a graph is printed as a program for people: one graph for training, evaluation and streams alike, whose norms are
 * still at their sites. What does not depend on the recurrence is outside of its loops, and missing steps count nowhere.
 */

import { TimeAxes } from "./ir/time-axes.ts";
import type { Graph, OpOf, Value } from "./ir/types.ts";
import { placed } from "./lower.ts";
import { delayLines } from "./passes/delay-lines.ts";
import { guardBranches } from "./passes/guard-branches.ts";
import { hoist } from "./passes/hoist.ts";
import { loopOrder } from "./passes/loop-order.ts";
import { ownSteps } from "./passes/own-steps.ts";
import { ragged } from "./passes/ragged.ts";
import { recurrences } from "./passes/recurrences.ts";
import { behind, copy, rebuildGraph, rebuildScan } from "./passes/rewrite.ts";
import { simplify } from "./passes/simplify.ts";
import { only, refusalOfOutputs } from "./passes/steps-so-far.ts";

export interface ModuleForm {
  readonly graph: Graph;
  /** Every parameter, constant and input, also one that nothing reads, or only the initial value of another. */
  readonly declared: readonly OpOf<"leaf">[];
  /** Why it cannot be computed step by step: some output needs steps that are yet to come. */
  readonly noStream?: string;
}

/** Brings an elaborated graph into that form. A model whose outputs need no later steps holds what it delays in states. */
export function moduleForm(graph: Graph): ModuleForm {
  const refused = refusalOfOutputs(simplify.run(delayLines.run(only(placed(graph, "infer"), ["output"]))));
  const passes = [guardBranches, recurrences, ...(refused ? [] : [delayLines]), ownSteps, loopOrder, hoist, ragged];
  const made = passes.reduce((g, pass) => pass.run(g), graph);
  const once = withoutRepeats(made);
  const needed = behind(
    once.ops,
    once.results.map((r) => r.value),
  );
  return {
    graph: { ...once, ops: once.ops.filter((op) => needed.has(op)) },
    declared: graph.ops.filter(
      (op): op is OpOf<"leaf"> => op.op === "leaf" && ["param", "input", "index"].includes(op.attrs.leaf.kind),
    ),
    ...(refused && { noStream: refused.refused }),
  };
}

/** Computes once what the outermost block computes several times. What is drawn is drawn each time. */
function withoutRepeats(graph: Graph): Graph {
  const axes = TimeAxes.of(graph);
  return rebuildGraph(graph, (b, rename) => {
    const known = new Map<string, readonly Value[]>();
    for (const op of graph.ops) {
      if (op.op === "scan") {
        rename.set(
          op.results,
          rebuildScan(b, op, op.operands.map(rename.of), (inner, params) => {
            rename.set(op.body!.params, params);
            for (const o of op.body!.ops) rename.set(o.results, copy(inner, o, rename.of));
            return op.body!.results.map(rename.of);
          }),
        );
        continue;
      }
      const isDrawn = op.op === "leaf" && op.attrs.leaf.kind === "noise";
      const key = isDrawn
        ? String(op.results[0].id)
        : JSON.stringify([
            ...[op.op, op.attrs, op.operands.map((v) => rename.of(v).id)],
            // What does not depend on an input has steps by what it is read with.
            op.results[0].type.time ? axes.steps(op.results[0]).axis : undefined,
          ]);
      const results = known.get(key) ?? copy(b, op, rename.of);
      known.set(key, results);
      rename.set(op.results, results);
    }
  });
}
