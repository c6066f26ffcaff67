/**
 * Noise is its mean, as it is at inference unless somebody asks for it. Our own programs take it from the runtime, which can do either;
 * other programs have nothing to draw it with. Runs after `place`, which has done so with masks.
 */
import type { Noise } from "../../runtime/plan.ts";
import type { Graph, Op, Pass } from "../ir/types.ts";
import { Builder, idsAfter } from "./rewrite.ts";

export const meanNoise: Pass = {
  name: "mean-noise",
  doc: "noise is its mean",
  run: (graph) => (graph.ops.some(isNoise) ? replaced(graph) : graph),
};

const isNoise = (op: Op): boolean => op.op === "leaf" && op.attrs.leaf.kind === "noise";

function replaced(graph: Graph): Graph {
  const b = new Builder(idsAfter(graph));
  for (const op of graph.ops) {
    if (op.op !== "leaf" || op.attrs.leaf.kind !== "noise") {
      b.ops.push(op);
      continue;
    }
    const mean = b.scalar(meanOf(op.attrs.leaf));
    // What reads the noise goes on reading the same value.
    b.ops.push({ op: "broadcast", operands: [mean], attrs: { type: op.attrs.type }, results: op.results });
  }
  return { ...graph, ops: b.ops };
}

function meanOf(noise: Noise): number {
  switch (noise.distribution) {
    case "normal":
      return 0;
    case "uniform":
      return noise.scale / 2;
    case "bernoulli":
      return noise.keep;
    default:
      return noise satisfies never;
  }
}
