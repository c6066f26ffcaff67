/**
 * Delays as states: makes each value of some steps before what a loop holds, so that it can be had in segments of a sequence and step
 * by step. All delays of one sequence share a loop, which holds as many steps as the longest.
 *
 * A whole sequence is in memory, where an earlier step can be read as it is. So only what does not see whole sequences needs this.
 */
import type { Graph, Op, OpOf, Pass, Value } from "../ir/types.ts";
import { Builder, idsAfter } from "./rewrite.ts";

export const delayLines: Pass = {
  name: "delay-lines",
  doc: "a value of some steps before is carried from step to step",
  run: (graph) => ({
    ...graph,
    ops: held(graph),
    norms: new Map([...graph.norms].map(([site, norm]) => [site, delayLines.run(norm)])),
  }),
};

function held(graph: Graph): readonly Op[] {
  const delays = new Map<Value, OpOf<"shift">[]>();
  for (const op of graph.ops) {
    // A state holds numbers, and later steps cannot be carried.
    if (op.op !== "shift" || op.attrs.by < 0 || op.operands[0].type.dtype === "index") continue;
    const [x] = op.operands;
    delays.set(x, [...(delays.get(x) ?? []), op]);
  }
  if (delays.size === 0) return graph.ops;
  const b = new Builder(idsAfter(graph));
  for (const op of graph.ops) {
    const [x] = op.operands;
    const ofOne = op.op === "shift" ? delays.get(x) : undefined;
    if (op.op !== "shift" || !ofOne?.includes(op)) b.ops.push(op);
    else if (op === ofOne[0]) line(b, x, ofOne);
  }
  return b.ops;
}

/** Adds the loop over `x`, which yields the results of all `delays`. */
function line(b: Builder, x: Value, delays: readonly OpOf<"shift">[]): void {
  const longest = Math.max(...delays.map(({ attrs }) => attrs.by));
  const inner = b.body();
  const type = { ...x.type, time: false };
  const step = inner.value(type, x.name);
  const held = Array.from({ length: longest }, (_, i) => inner.value(type, `${x.name || "x"}_${i + 1}`));
  const first = b.zeros(type);
  b.scan(
    held.map(() => first),
    [x],
    {
      params: [...held, step],
      ops: inner.ops,
      results: [step, ...held.slice(0, -1), ...delays.map(({ attrs }) => held[attrs.by - 1])],
    },
    { reverse: false },
  );
  const loop = b.ops[b.ops.length - 1];
  // Readers of the delays go on reading the same values.
  const results = [...loop.results.slice(0, longest), ...delays.flatMap((op) => op.results)];
  b.ops[b.ops.length - 1] = { ...loop, results };
}
