import * as fc from "fast-check";
import { expect, it } from "vitest";
import { finiteDifferences, relativeError } from "../../compiler/ir/finite-differences.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import { elementwise } from "../../compiler/ir/ops/elementwise.ts";
import { special } from "../../compiler/ir/ops/special.ts";
import { structural } from "../../compiler/ir/ops/structural.ts";
import type { Op } from "../../compiler/ir/types.ts";
import { verify } from "../../compiler/ir/verify.ts";
import { randomGraphs } from "./random-graph.ts";

it("random graphs obey the rules", () => {
  fc.assert(
    fc.property(randomGraphs, ({ graph }) => {
      expect(() => verify(graph, { placed: true })).not.toThrow();
    }),
    { seed: 1, numRuns: 300 },
  );
});

it("random graphs have small, finite values", () => {
  fc.assert(
    fc.property(randomGraphs, ({ graph, dims, leaves }) => {
      for (const [name, { data }] of interpret(graph, { dims, leaf: (leaf) => leaves[leaf] })) {
        const n = name === "loss:loss" ? 8 * graph.results.length : 8;
        expect(
          data.every((v) => Math.abs(v) <= n + 1e-9),
          name,
        ).toBe(true);
      }
    }),
    { seed: 2, numRuns: 200 },
  );
});

it("random graphs stay away from kinks: differences with two steps agree", () => {
  fc.assert(
    fc.property(randomGraphs, fc.nat(), ({ graph, dims, leaves, differentiable }, n) => {
      if (differentiable.length === 0) return;
      const of = differentiable[n % differentiable.length];
      const near = finiteDifferences(graph, dims, leaves, of);
      const far = finiteDifferences(graph, dims, leaves, of, { step: 1e-4 });
      expect(relativeError(near, far)).toBeLessThan(1e-5);
    }),
    { seed: 3, numRuns: 60 },
  );
});

it("random graphs use every op but sites, statistics, stops, copies, pivots and what optimisers alone ask", () => {
  const seen = new Set<string>();
  const see = (op: Op): void => {
    seen.add(op.op);
    op.body?.ops.forEach(see);
  };
  for (const { graph } of fc.sample(randomGraphs, { seed: 4, numRuns: 500 })) graph.ops.forEach(see);
  const every = [...Object.keys(elementwise), ...Object.keys(structural), ...Object.keys(special)];
  expect(every.filter((op) => !seen.has(op)).sort()).toEqual([
    "copy",
    "finite",
    "group_sum",
    "pivot",
    "pivots",
    "population",
    "ramp",
    "site",
    "stat",
    "stop",
    "training",
  ]);
});
