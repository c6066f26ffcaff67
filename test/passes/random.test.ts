/** Passes on random graphs: they keep every rule, and change nothing that the reference can see. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { finiteDifferences, relativeError } from "../../compiler/ir/finite-differences.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import { printGraph } from "../../compiler/ir/text.ts";
import { TimeAxes } from "../../compiler/ir/time-axes.ts";
import type { Graph, Pass } from "../../compiler/ir/types.ts";
import { verify } from "../../compiler/ir/verify.ts";
import { lower, segmented } from "../../compiler/lower.ts";
import { deferWeightGradients } from "../../compiler/passes/defer-weight-gradients.ts";
import { derive } from "../../compiler/passes/derive.ts";
import { gates } from "../../compiler/passes/gates.ts";
import { hoist } from "../../compiler/passes/hoist.ts";
import { loopOrder } from "../../compiler/passes/loop-order.ts";
import { ownSteps } from "../../compiler/passes/own-steps.ts";
import { recurrences } from "../../compiler/passes/recurrences.ts";
import { cuts, retime } from "../../compiler/passes/retime.ts";
import { simplify } from "../../compiler/passes/simplify.ts";
import { type RandomGraph, randomGraphs } from "../ir/random-graph.ts";
import { expectSameMeaning, tolerance } from "./meaning.ts";
import { passes, through } from "./passes.ts";
import { runPieces } from "./run-pieces.ts";

const backward = derive({ inputs: true });
const check = (graph: Graph): void => verify(graph, { placed: true });

const forAll = (seed: number, numRuns: number, claim: (random: RandomGraph) => void): void =>
  fc.assert(fc.property(randomGraphs, claim), { seed, numRuns });

/** What a pass relies on. */
const before: Readonly<Record<string, readonly Pass[]>> = { ragged: [recurrences, loopOrder] };

/** No text makes a graph that combines a sequence with its own reverse, or takes the end of what all examples share. */
const isOfText = (graph: Graph): boolean =>
  new TimeAxes().addAll(graph) === undefined &&
  !graph.ops.some(({ op, operands }) => (op === "at" || op === "put") && !operands[0].type.batch);

/** Checks the graph after each of `sequence`, and what the last means against what `reference` makes of the first. */
function expectKept(random: RandomGraph, sequence: readonly Pass[], reference?: Pass): void {
  const { graph, dims, leaves } = random;
  const before = reference ? reference.run(graph) : graph;
  expectSameMeaning(before, through(graph, sequence, check), dims, leaves);
}

describe("a pass alone keeps what a random graph means", () => {
  // Two give each example a value of its own, and one takes the chance out.
  const other = ["own-steps", "own-clocks", "mean-noise"];
  const alone = Object.keys(passes).filter((name) => !other.includes(name));
  it.each(alone)("%s", (name) => {
    forAll(11, 70, (random) => {
      fc.pre(name !== "ragged" || isOfText(loopOrder.run(random.graph)));
      expectKept(random, [...(before[name] ?? []), passes[name]]);
    });
  });

  it("own-steps, whose values are the same for all examples", () => {
    forAll(11, 70, ({ graph, dims, leaves }) => {
      const leaf = (name: string): ArrayLike<number> => leaves[name];
      const after = ownSteps.run(graph);
      check(after);
      const found = interpret(after, { dims, leaf });
      for (const [name, { data, type }] of interpret(graph, { dims, leaf })) {
        const own = found.get(name)!;
        const more = own.type.batch && !type.batch ? dims.batch : 1;
        const width = data.length / (type.time ? dims.time : 1);
        expect(own.data.length).toBe(more * data.length);
        const wanted = own.data.map((_, i) => data[Math.floor(i / width / more) * width + (i % width)]);
        expect(relativeError(wanted, own.data), name).toBeLessThan(tolerance);
      }
    });
  });
});

describe("gradients of random graphs", () => {
  it("are those of finite differences", () => {
    fc.assert(
      fc.property(randomGraphs, fc.nat(), ({ graph, dims, leaves, differentiable }, n) => {
        const derived = through(graph, [backward], check);
        const named = derived.results.filter((r) => r.kind === "grad" && differentiable.includes(r.name));
        if (named.length === 0) return;
        const { name } = named[n % named.length];
        const found = interpret(derived, { dims, leaf: (leaf) => leaves[leaf] }).get(`grad:${name}`)!;
        expect(relativeError(found.data, finiteDifferences(graph, dims, leaves, name)), name).toBeLessThan(1e-6);
      }),
      { seed: 12, numRuns: 120 },
    );
  });

  it.each([
    ["simplify", [simplify]],
    ["defer-weight-gradients", [deferWeightGradients]],
    ["simplify, defer-weight-gradients", [simplify, deferWeightGradients]],
    ["simplify, retime", [simplify, retime]],
    ["simplify, gates", [simplify, gates()]],
  ])("are kept by %s", (_, sequence) => {
    forAll(13, 60, (random) => expectKept(random, [backward, ...sequence], backward));
  });

  it("are kept by the whole pipeline, up to what is partitioned", () => {
    const last = [retime, simplify, gates(), simplify, passes.materialise];
    const all = [hoist, simplify, backward, simplify, deferWeightGradients, simplify, ...last];
    forAll(14, 60, (random) => expectKept(random, all, backward));
  });

  it("are those of every entry that the compiler makes", () => {
    forAll(15, 40, ({ graph, dims, leaves }) => {
      const { train, estimate, infer } = lower(graph, { inputGradients: true }).entries;
      for (const entry of [train, estimate, infer]) check(entry);
      expectSameMeaning(backward.run(graph), train, dims, leaves);
      expectSameMeaning(graph, estimate, dims, leaves);
      expectSameMeaning(graph, infer, dims, leaves);
    });
  });
});

describe("in segments", () => {
  it("a fair part of random graphs can be cut, and means the same, gradients too", () => {
    let cut = 0;
    forAll(18, 120, ({ graph, dims, leaves }) => {
      const pieces = segmented(graph);
      if (Object.values(pieces).every((parts) => parts === undefined)) return;
      const whole = lower(graph).entries;
      for (const entry of ["train", "estimate", "infer"] as const) {
        const parts = pieces[entry];
        if (parts === undefined) continue;
        cut++;
        for (const piece of parts.pieces) check(piece.graph);
        for (const length of [1, 2, dims.time]) {
          const found = runPieces(parts, length, { dims, leaves });
          for (const [name, { data }] of interpret(whole[entry], { dims, leaf: (leaf) => leaves[leaf] })) {
            const other = found.get(name);
            expect(other, `${entry} has ${name}`).toBeDefined();
            expect(relativeError(data, other!), `${entry} ${name}, ${length} steps a segment`).toBeLessThan(tolerance);
          }
        }
      }
    });
    expect(cut).toBeGreaterThan(30);
  });
});

describe("retiming", () => {
  it("makes a step's cuts fewer, never more, in a fair part of the derivatives of random graphs", () => {
    let fewer = 0;
    const most = (graph: Graph): readonly number[] => graph.ops.flatMap((op) => (op.body ? [cuts(op.body)] : []));
    forAll(17, 150, ({ graph }) => {
      const before = through(graph, [backward, simplify, deferWeightGradients, simplify], check);
      const after = most(retime.run(before));
      most(before).forEach((n, i) => {
        expect(after[i]).toBeLessThanOrEqual(n);
        if (after[i] < n) fewer++;
      });
    });
    expect(fewer).toBeGreaterThan(10);
  });
});

describe("simplify", () => {
  it.each([
    ["random graphs", [simplify]],
    ["their derivatives", [backward, simplify]],
    ["what was deferred", [backward, simplify, deferWeightGradients, simplify]],
    ["what was said gate by gate", [backward, simplify, gates(), simplify]],
  ])("has nothing left to do on %s the second time", (_, sequence) => {
    forAll(16, 40, ({ graph }) => {
      const once = through(graph, sequence, check);
      expect(printGraph(simplify.run(once))).toBe(printGraph(once));
    });
  });
});
