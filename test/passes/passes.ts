/** Every pass by the name of its folder of golden texts. `settle` is the scheduler's own first step, and a pass like them. */
import type { Pass } from "../../compiler/ir/types.ts";
import { about } from "../../compiler/passes/about.ts";
import { absorb } from "../../compiler/passes/absorb.ts";
import { defer } from "../../compiler/passes/defer.ts";
import { derive } from "../../compiler/passes/derive.ts";
import { fold } from "../../compiler/passes/fold.ts";
import { gates } from "../../compiler/passes/gates.ts";
import { hoist, hoistNumbers } from "../../compiler/passes/hoist.ts";
import { loopOrder } from "../../compiler/passes/loop-order.ts";
import { place } from "../../compiler/passes/place.ts";
import { ragged } from "../../compiler/passes/ragged.ts";
import { rotate } from "../../compiler/passes/rotate.ts";
import { simplify } from "../../compiler/passes/simplify.ts";
import { sink } from "../../compiler/passes/sink.ts";
import { splitBatch } from "../../compiler/passes/split-batch.ts";
import { settle } from "../../compiler/schedule/settle.ts";

export const passes: Readonly<Record<string, Pass>> = {
  "loop-order": loopOrder,
  hoist,
  "place-train": place("train"),
  "place-estimate": place("estimate"),
  "place-infer": place("infer"),
  ragged,
  simplify,
  fold,
  derive: derive(),
  derivative: {
    name: "derivative",
    doc: "derive, between two of simplify",
    run: (graph) => [simplify, derive({ inputs: true }), simplify].reduce((g, pass) => pass.run(g), graph),
  },
  defer,
  absorb,
  "hoist-numbers": hoistNumbers,
  rotate,
  sink,
  gates,
  about: about(),
  "split-batch": splitBatch(2),
  settle: { name: "settle", doc: "what must stand in a place of its own gets an op of its own", run: settle },
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
