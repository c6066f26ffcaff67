import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type RandomGraph, randomGraphs } from "../ir/random-graph.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { asReference } from "./expect-as-reference.ts";
import { type RandomProgram, randomPrograms } from "./random-cell.ts";
import { type Computes, computations, Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

/** Cells of a few lines, which are quick to compile, and of some more. */
const small = randomPrograms({ lines: 3, states: 2 });
const large = randomPrograms({ lines: 7, states: 3 });
/** Cells whose products are as large as those of real ones: a head of half the features has 16 columns, too. */
const wide = randomPrograms({ lines: 3, states: 2, wide: true });

/** Who owns the loops; nobody says, or what may own any. */
const loops = [undefined, "column", "whole"] as const;

function ofProgram(program: RandomProgram, entries: readonly Computes[], owner?: (typeof loops)[number]): Study {
  const { text, entry, D, H, batch, time } = program;
  const { graph, dims } = compile(text, { entry, dims: { D, H } });
  const chosen = owner && { loops: { forward: owner, backward: owner } };
  return new Study(graph, { dims, batch, time, seed: H, entries, ...chosen });
}

function ofGraph({ graph, dims: { batch, time, ...dims }, leaves }: RandomGraph): Study {
  const numbers = Object.fromEntries(Object.entries(leaves).map(([name, data]) => [name, data.map(Math.fround)]));
  return new Study(graph, { dims: { ...dims, S: time }, batch, time, numbers });
}

/** What is run of every `few`th program, and of the others. Kernels of `estimate` and `infer` are forward ones of `train`, mostly. */
const entriesOf = (n: number, few: number): readonly Computes[] => (n % few === 0 ? computations : ["train"]);

/** Several runs, by their seeds: no test takes long, and each can be repeated by itself. */
const seeds = (first: number, runs: number): readonly number[] => Array.from({ length: runs }, (_, k) => first + k);

/**
 * Over 500 random programs in all, here and on the reference alone. A failure names seed and path, with which fast-check repeats it,
 * and the smallest program that fails.
 */
describe.each([
  { place: places.wasm, first: 100, programs: 35, runs: 2, larger: 10, wider: 6, graphs: 30, few: 3 },
  { place: places.relaxed, first: 120, programs: 25, runs: 1, larger: 4, wider: 3, graphs: 20, few: 3 },
  // A shader compiler takes its time; the kernels of `estimate` run on WebGPU in batch-norm.test.ts and split-batch.test.ts.
  {
    place: places.wgsl,
    first: 140,
    programs: 16,
    runs: 1,
    larger: 0,
    wider: 1,
    graphs: 6,
    few: Number.POSITIVE_INFINITY,
  },
])("on $place.name", ({ place, first, programs, runs, larger, wider, graphs, few }) => {
  const backend = opened(place);
  const expectAsReference = asReference(0);

  it.each([
    ...seeds(first, runs).map((seed) => ({ size: "small", of: small, seed, numRuns: programs })),
    ...seeds(first - 1, larger > 0 ? 1 : 0).map((seed) => ({ size: "larger", of: large, seed, numRuns: larger })),
    { size: "wide", of: wide, seed: first - 2, numRuns: wider },
  ])(
    "$numRuns $size random programs, seed $seed, compute what the reference does, their gradients what differences show",
    async ({ of, seed, numRuns }) => {
      await fc.assert(
        fc.asyncProperty(of, fc.nat(997), async (program, n) => {
          const entries = entriesOf(n, few);
          const study = ofProgram(program, entries, loops[n % loops.length]);
          expect(study.directionError()).toBeLessThan(tolerance.stacked.differences);
          await expectAsReference(study, place, backend(), entries);
        }),
        { seed, numRuns },
      );
    },
  );

  it("random graphs compute what the reference does", async () => {
    await fc.assert(
      fc.asyncProperty(randomGraphs, async (graph) => {
        const errors = await ofGraph(graph).targetErrors(place.target, backend(), ["train"]);
        expect(errors.forward).toBeLessThan(tolerance.forward);
        expect(errors.gradient).toBeLessThan(tolerance.gradient);
      }),
      { seed: 12, numRuns: graphs },
    );
  });
});

it.each([
  ...seeds(200, 3).map((seed) => ({ size: "small", of: small, seed, numRuns: 120 })),
  { size: "larger", of: large, seed: 13, numRuns: 40 },
])(
  "the derived gradients of $numRuns $size random programs, seed $seed, are what differences show",
  ({ of, seed, numRuns }) => {
    fc.assert(
      fc.property(of, (program) => {
        expect(ofProgram(program, ["train"]).directionError()).toBeLessThan(tolerance.stacked.differences);
      }),
      { seed, numRuns },
    );
  },
);
