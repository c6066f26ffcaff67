/** Cells, models and random programs as ONNX, in ONNX Runtime as in the reference. `library.ts` does so with the whole library. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fileHost } from "../../../cli/api/file-host.ts";
import { relativeError } from "../../../compiler/ir/finite-differences.ts";
import type { Graph } from "../../../compiler/ir/types.ts";
import { elaborate } from "../../../compiler/semantics/elaborate.ts";
import { randomPrograms } from "../../compile/random-cell.ts";
import type { StudyOptions } from "../../compile/study.ts";
import { floor, tolerance } from "../../compile/tolerances.ts";
import { compile } from "../../semantics/sources.ts";
import { computed, exportedFrom, inferenceStudy, STEPS } from "./exported.ts";
import { runOnnx } from "./runtime.ts";

/** The worst error of a model's outputs. */
async function worst(graph: Graph, options: StudyOptions): Promise<number> {
  const study = inferenceStudy(graph, options);
  const found = await computed(graph, study, options, exportedFrom(graph, study, options), runOnnx);
  const outputs = graph.results.filter(({ kind }) => kind === "output").map(({ name }) => `output:${name}`);
  expect([...found.keys()].sort()).toEqual(outputs.sort());
  const errors = [...found].map(([key, numbers]) =>
    relativeError(study.reference("infer").get(key)!, numbers, floor.tensor),
  );
  expect(errors.some(Number.isNaN)).toBe(false);
  return Math.max(...errors);
}

/** One for each way of writing a loop, and for what stands around loops. */
const some = [
  ["cells/lstm", "lstm"],
  ["cells/gru", "gru_before"],
  ["cells/gru", "gru_after"],
  ["cells/peephole", "peephole"],
  ["cells/bnlstm", "bnlstm"],
  ["cells/lnlstm", "lnlstm"],
  ["cells/lmu", "lmu"],
  ["cells/mamba", "mamba"],
  ["cells/deltanet", "deltanet"],
  ["models/seq2seq", "seq2seq"],
  ["models/tagger", "tagger"],
  ["models/residual", "residual"],
] as const;

describe("in ONNX Runtime as in the reference, below, at and above the steps with statistics of their own:", () => {
  it.each(some)("%s: %s", async (file, entry) => {
    const { graph, dims } = elaborate(`examples/${file}.cell`, fileHost, { entry });
    // Attention is compiled for so many steps.
    const times = graph.ops.some(({ op }) => op === "whole") ? [STEPS - 2, STEPS] : [STEPS - 2, STEPS, STEPS + 4];
    for (const time of times)
      for (const lengths of [undefined, [time, 1, time - 1], [0, time, 2]]) {
        const lengthsOver = { source: lengths ? [1, time, 2] : [time, time, time] };
        const options = { dims, batch: 3, time, nearInitial: 0.1, lengthsOver, ...(lengths && { lengths }) };
        expect(await worst(graph, options), `T = ${time}, lengths ${lengths}`).toBeLessThan(tolerance.forward);
      }
  });

  it("a model with attention refuses more steps than it has room for", async () => {
    const { graph, dims } = elaborate("examples/models/seq2seq.cell", fileHost);
    const longer = worst(graph, { dims, batch: 1, time: STEPS + 1 });
    await expect(longer).rejects.toThrow(`at_most_${STEPS}_steps`);
  });

  it("a sequence of one step, and a single example", async () => {
    const { graph, dims } = elaborate("examples/cells/bnlstm.cell", fileHost);
    expect(await worst(graph, { dims, batch: 1, time: 1, nearInitial: 0.1 })).toBeLessThan(tolerance.forward);
  });
});

describe("random programs", () => {
  const programs = randomPrograms({ lines: 5, states: 3 });
  it.each([1, 2])("run as in the reference, seed %i", async (seed) => {
    await fc.assert(
      fc.asyncProperty(programs, fc.boolean(), async ({ text, entry, D, H, batch, time }, ragged) => {
        const { graph, dims } = compile(text, { entry, dims: { D, H } });
        const lengths = Array.from({ length: batch }, (_, i) => 1 + ((i * 5) % time));
        const options = { dims, batch, time, seed: H, ...(ragged && { lengths }) };
        expect(await worst(graph, options)).toBeLessThan(tolerance.stacked.forward);
      }),
      { seed, numRuns: 25 },
    );
  });
});
