/** Random graphs whose sequences come in parts: the reference makes of the parts what it makes of the whole. */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import { count, extents } from "../../compiler/ir/tensor.ts";
import type { Graph, Leaf, Type } from "../../compiler/ir/types.ts";
import { verify } from "../../compiler/ir/verify.ts";
import { carry } from "../../compiler/passes/carry.ts";
import { delayLines } from "../../compiler/passes/delay-lines.ts";
import { ownClocks } from "../../compiler/passes/own-steps.ts";
import { recurrences } from "../../compiler/passes/recurrences.ts";
import { simplify } from "../../compiler/passes/simplify.ts";
import { only, refusalOfOutputs } from "../../compiler/passes/steps-so-far.ts";
import { type RandomGraph, randomGraphs } from "../ir/random-graph.ts";
import { tolerance } from "./meaning.ts";

/** The outputs of each part, and of the last one its states. */
function inParts({ dims, leaves }: RandomGraph, graph: Graph, parts: readonly number[]) {
  const carried = new Map<string, ArrayLike<number>>();
  let from = 0;
  return parts.map((time) => {
    const own = { ...dims, time };
    const leaf = (name: string, { kind }: Leaf, type: Type): ArrayLike<number> => {
      const n = count(extents(type, own));
      if (kind === "lengths") return new Float64Array(n).fill(from === 0 ? 1 : 0);
      if (kind === "carry") return carried.get(name) ?? new Float64Array(n).fill(0.3);
      if (!type.time) return leaves[name];
      const row = n / time;
      return Array.from(leaves[name]).slice(from * row, (from + time) * row);
    };
    const found = interpret(graph, { dims: own, leaf });
    for (const [key, { data }] of found)
      if (key.startsWith("carry:")) carried.set(key.slice("carry:".length), Float64Array.from(data));
    from += time;
    return found;
  });
}

it("a fair part of random graphs can go on from part to part, and then means the same", () => {
  let scans = 0;
  const claim = (random: RandomGraph, cut: number): void => {
    const all = [recurrences, delayLines, ownClocks, simplify].reduce((g, pass) => pass.run(g), random.graph);
    // Most random graphs have an output that waits for later steps.
    const results = all.results.filter(
      (r) => r.kind === "output" && refusalOfOutputs(simplify.run({ ...all, results: [r] })) === undefined,
    );
    const graph = simplify.run({ ...all, results });
    expect(refusalOfOutputs(only(graph, ["output"]))).toBeUndefined();
    const carrying = carry.run(graph);
    verify(carrying, { placed: true });
    if (carrying.results.length > results.length) scans++;
    const { dims, leaves } = random;
    const first = 1 + (cut % dims.time);
    const parts = inParts(random, carrying, first < dims.time ? [first, dims.time - first] : [first]);
    const whole = interpret(graph, { dims, leaf: (name) => leaves[name] });
    for (const { name, value } of results) {
      const key = `output:${name}`;
      const found = (value.type.time ? parts : parts.slice(-1)).flatMap((p) => Array.from(p.get(key)!.data));
      expect(relativeError(whole.get(key)!.data, Float64Array.from(found)), key).toBeLessThan(tolerance);
    }
  };
  fc.assert(fc.property(randomGraphs, fc.nat({ max: 99 }), claim), { seed: 23, numRuns: 150 });
  expect(scans).toBeGreaterThan(30);
});
