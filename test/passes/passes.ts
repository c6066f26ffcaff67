/** Every pass by the name of its folder of golden texts. */
import type { Pass } from "../../compiler/ir/types.ts";
import { afterLoop } from "../../compiler/passes/after-loop.ts";
import { carry } from "../../compiler/passes/carry.ts";
import { cheapInputs } from "../../compiler/passes/cheap-inputs.ts";
import { deferWeightGradients } from "../../compiler/passes/defer-weight-gradients.ts";
import { delayLines } from "../../compiler/passes/delay-lines.ts";
import { derive } from "../../compiler/passes/derive.ts";
import { elementwiseLoops } from "../../compiler/passes/elementwise-loops.ts";
import { foldWeights } from "../../compiler/passes/fold-weights.ts";
import { fuseReductions } from "../../compiler/passes/fuse-reductions.ts";
import { gates } from "../../compiler/passes/gates.ts";
import { groups } from "../../compiler/passes/groups.ts";
import { hoist, hoistNumbers } from "../../compiler/passes/hoist.ts";
import { intoLoop } from "../../compiler/passes/into-loop.ts";
import { loopOrder } from "../../compiler/passes/loop-order.ts";
import { materialise } from "../../compiler/passes/materialise.ts";
import { meanNoise } from "../../compiler/passes/mean-noise.ts";
import { ownClocks, ownSteps } from "../../compiler/passes/own-steps.ts";
import { place } from "../../compiler/passes/place.ts";
import { ragged } from "../../compiler/passes/ragged.ts";
import { recompute } from "../../compiler/passes/recompute.ts";
import { recurrences } from "../../compiler/passes/recurrences.ts";
import { retime } from "../../compiler/passes/retime.ts";
import { sharedStatistics } from "../../compiler/passes/shared-statistics.ts";
import { shiftMeans } from "../../compiler/passes/shift-means.ts";
import { simplify } from "../../compiler/passes/simplify.ts";
import { sink } from "../../compiler/passes/sink.ts";
import { splitBatch } from "../../compiler/passes/split-batch.ts";
import { glsl } from "../../targets/glsl/target.ts";
import { wgsl } from "../../targets/wgsl/target.ts";

export const passes: Readonly<Record<string, Pass>> = {
  recurrences,
  "own-steps": ownSteps,
  "own-clocks": ownClocks,
  "loop-order": loopOrder,
  hoist,
  "place-train": place("train"),
  "place-estimate": place("estimate"),
  "place-infer": place("infer"),
  ragged,
  "mean-noise": meanNoise,
  "shared-statistics": sharedStatistics,
  simplify,
  "delay-lines": delayLines,
  carry,
  "fold-weights": foldWeights,
  "after-loop": afterLoop,
  derive: derive(),
  derivative: {
    name: "derivative",
    doc: "derive, between two of simplify",
    run: (graph) => [simplify, derive({ inputs: true }), simplify].reduce((g, pass) => pass.run(g), graph),
  },
  "defer-weight-gradients": deferWeightGradients,
  "fuse-reductions": fuseReductions,
  "hoist-numbers": hoistNumbers,
  "elementwise-loops": elementwiseLoops,
  retime,
  sink,
  gates: gates(),
  "shift-means": shiftMeans(),
  groups: groups(3),
  "split-batch": splitBatch(2),
  "into-loop": intoLoop(wgsl.machine),
  "cheap-inputs": cheapInputs(wgsl.machine),
  materialise: materialise(),
  recompute: recompute(glsl.machine),
};

/** `graph` through `of`, one after another, each result checked. */
export function through(
  graph: Parameters<Pass["run"]>[0],
  of: readonly Pass[],
  check: (g: typeof graph) => void,
): typeof graph {
  return of.reduce((g, pass) => {
    const after = pass.run(g);
    check(after);
    return after;
  }, graph);
}
