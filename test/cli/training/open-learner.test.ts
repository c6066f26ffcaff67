import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { digitsTask } from "../../../cli/data/tasks/digits.ts";
import { createOutput } from "../../../cli/output.ts";
import { compileFile } from "../../../cli/toolchain.ts";
import { openLearner } from "../../../cli/training/open-learner.ts";
import { regionSizes } from "../../../runtime/layout.ts";
import type { EntryName, Plan } from "../../../runtime/plan.ts";
import { wasmBackend } from "../../../runtime/wasm/wasm.ts";
import { testStreams } from "../../data/draws.ts";

test("a model that is measured on longer sequences than it was made for needs no memory to train on them", async () => {
  const task = digitsTask("pixels", testStreams);
  const sink = new PassThrough();
  const output = createOutput({ json: false, color: false, stdout: sink, stderr: sink, environment: {} });
  const compiled: (readonly EntryName[] | undefined)[] = [];
  const planFor = async (steps: number): Promise<Plan> => {
    const backend = wasmBackend();
    const model = {
      file: "examples/smnist.cell",
      cell: { rnn: "bnlstm" },
      dims: { H: 16 },
      target: "wasm",
      batch: 32,
    } as const;
    const { plan } = await openLearner(
      { ...model, quiet: true },
      task,
      undefined,
      backend,
      { output, environment: {}, seed: 1 },
      {
        ...{ form: { ...task, steps }, measuring: true },
        compile(request, context) {
          compiled.push(request.entries);
          return compileFile(request, context);
        },
      },
    );
    backend.close();
    return plan;
  };
  const [same, longer] = [await planFor(task.steps), await planFor(9)];
  expect(compiled).toEqual([
    ["train", "estimate", "infer", "update"],
    ["estimate", "infer", "update"],
  ]);
  expect(regionSizes(longer, task.steps).work).toBeLessThan(0.5 * regionSizes(same, task.steps).work);
});
