import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type RandomGraph, randomGraphs } from "../ir/random-graph.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { type RandomProgram, randomPrograms } from "./random-cell.ts";
import { computations, Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

function ofProgram({ text, entry, D, H, batch, time }: RandomProgram): Study {
  const { graph, dims } = compile(text, { entry, dims: { D, H } });
  return new Study(graph, { dims, batch, time, seed: H });
}

function ofGraph({ graph, dims: { batch, time, ...dims }, leaves }: RandomGraph): Study {
  const numbers = Object.fromEntries(Object.entries(leaves).map(([name, data]) => [name, data.map(Math.fround)]));
  return new Study(graph, { dims: { ...dims, S: time }, batch, time, numbers });
}

describe.each([
  { place: places.wasm, programs: 60, graphs: 80, entries: computations },
  { place: places.relaxed, programs: 20, graphs: 30, entries: computations },
  // A shader compiler takes its time, and the kernels of `estimate` are the forward ones of `train`, without what is saved:
  // they run on WebGPU in batch-norm.test.ts and split-batch.test.ts.
  { place: places.wgsl, programs: 10, graphs: 6, entries: ["train", "infer"] as const },
])("on $place.name", ({ place, programs, graphs, entries }) => {
  const backend = opened(place);

  it("random programs compute what the reference does", async () => {
    await fc.assert(
      fc.asyncProperty(randomPrograms, async (program) => {
        const errors = await ofProgram(program).targetErrors(place.target, backend(), entries);
        expect(errors.forward).toBeLessThan(tolerance.stacked.forward);
        expect(errors.gradient).toBeLessThan(tolerance.stacked.gradient);
      }),
      { seed: 11, numRuns: programs },
    );
  });

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

it("the derived gradients of random programs are what differences show", () => {
  fc.assert(
    fc.property(randomPrograms, fc.nat(), (program, n) => {
      const study = ofProgram(program);
      const names = study.differentiable;
      const some = [0, 1, 2].map((k) => names[(n + k) % names.length]);
      expect(study.differenceError([...new Set(some)])).toBeLessThan(tolerance.stacked.differences);
    }),
    { seed: 13, numRuns: 60 },
  );
});
