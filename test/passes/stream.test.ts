/** A stream's graphs, run step by step by the reference, make of a random graph's leaves what the graph makes of all steps. */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import type { Graph } from "../../compiler/ir/types.ts";
import { verify } from "../../compiler/ir/verify.ts";
import { delayLines } from "../../compiler/passes/delay-lines.ts";
import { simplify } from "../../compiler/passes/simplify.ts";
import { stream } from "../../compiler/passes/stream.ts";
import { type RandomGraph, randomGraphs } from "../ir/random-graph.ts";
import { tolerance } from "./meaning.ts";

const timed = ({ ops }: Graph): ReadonlySet<string> =>
  new Set(ops.flatMap((op) => (op.op === "leaf" && op.attrs.type.time ? [op.attrs.leaf.name] : [])));

const hasTime = (graph: Graph): boolean =>
  graph.ops.some((op) => op.body !== undefined || op.results.some((v) => v.type.time));

/** The outputs of each step. */
function stepped(random: RandomGraph, graphs: { readonly start: Graph; readonly step: Graph }) {
  const { dims, leaves } = random;
  const each = timed(random.graph);
  const carried = new Map<string, ArrayLike<number>>();
  const take = (found: ReturnType<typeof interpret>): void => {
    for (const [key, { data }] of found) if (key.startsWith("carry:")) carried.set(key.slice("carry:".length), data);
  };
  take(interpret(graphs.start, { dims, leaf: (name) => leaves[name] }));
  return Array.from({ length: dims.time }, (_, t) => {
    const leaf = (name: string): ArrayLike<number> => {
      const whole = carried.get(name) ?? leaves[name];
      if (!each.has(name)) return whole;
      const n = whole.length / dims.time;
      return Array.from(whole).slice(t * n, (t + 1) * n);
    };
    const found = interpret(graphs.step, { dims, leaf });
    take(found);
    return found;
  });
}

it("a fair part of random graphs can be run step by step, and then means the same", () => {
  let scans = 0;
  const claim = (random: RandomGraph): void => {
    const all = delayLines.run(simplify.run(random.graph));
    // Most random graphs have an output that waits for later steps.
    const results = all.results.filter((r) => r.kind === "output" && "step" in stream({ ...all, results: [r] }));
    const graph = { ...all, results };
    const graphs = stream(graph);
    if ("refused" in graphs) throw new Error(`together ${graphs.refused}`);
    for (const g of [graphs.start, graphs.step]) {
      verify(g, { placed: true });
      expect(hasTime(g)).toBe(false);
    }
    if (graphs.start.results.length > 0) scans++;
    const steps = stepped(random, graphs);
    const whole = interpret(graph, { dims: random.dims, leaf: (name) => random.leaves[name] });
    for (const { name, value } of graph.results) {
      const key = `output:${name}`;
      const found = (value.type.time ? steps : steps.slice(-1)).flatMap((s) => Array.from(s.get(key)!.data));
      expect(relativeError(whole.get(key)!.data, Float64Array.from(found)), key).toBeLessThan(tolerance);
    }
  };
  fc.assert(fc.property(randomGraphs, claim), { seed: 19, numRuns: 120 });
  expect(scans).toBeGreaterThan(30);
});
