/** Exports a run for training in PyTorch, without a command line. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Writable } from "node:stream";
import type { ExportOptions } from "../../../cli/commands/export.ts";
import { DEFAULT_LIMIT, type TrainingExport, trainingFiles } from "../../../cli/export/pytorch-training.ts";
import { createOutput } from "../../../cli/output.ts";
import { trainedModel } from "../../../cli/statistics/trained-model.ts";
import { loadCheckpoint } from "../../../cli/training/checkpoint.ts";
import { elaborateModel } from "../../../cli/training/task-model.ts";
import { moduleForm } from "../../../compiler/module-form.ts";
import { pytorchModule } from "../../../targets/pytorch/module.ts";

/** Writes the module and what is beside it to `out`. Returns the names of the latter, and what was said. */
export async function exportTraining(
  run: string,
  out: string,
  how: Partial<TrainingExport> = {},
): Promise<{ readonly files: readonly string[]; readonly said: string }> {
  let said = "";
  const stderr = new Writable({
    write(chunk: Buffer, _, done) {
      said += chunk.toString();
      done();
    },
  });
  const output = createOutput({ json: false, color: false, stdout: stderr, stderr, environment: {} });
  const context = { output, environment: { HOME: "/nonexistent" } };
  const options: ExportOptions = { to: "pytorch", target: ["wasm"], dims: {}, cell: {}, batch: 1, out };
  const { file, checkpoint, settings, form } = await trainedModel(output, run, undefined, options, new Set(["batch"]));
  const task = form!;
  const { graph, dims } = elaborateModel({ ...settings, file }, task).elaborated;
  const about = { about: [], source: "", dims, steps: task.steps, momentum: 0.1, isCell: false, distributed: true };
  const printed = pytorchModule(moduleForm(graph), about);
  await mkdir(out, { recursive: true });
  await writeFile(join(out, "small.py"), printed.text);
  const model = { file, checkpoint, settings, state: await loadCheckpoint(checkpoint), task };
  const files = await trainingFiles(context, model, printed, {
    module: "small",
    examples: true,
    limit: DEFAULT_LIMIT,
    ...how,
  });
  return { files, said };
}

/** The losses of a learning curve: of each step, and of each evaluation. */
export async function lossesOf(
  path: string,
): Promise<Readonly<Record<"train" | "evaluation", ReadonlyMap<number, number>>>> {
  const points = (await readFile(path, "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { kind: string; step: number; loss: number });
  const of = (wanted: string) =>
    new Map(points.flatMap(({ kind, step, loss }) => (kind === wanted ? [[step, loss] as const] : [])));
  return { train: of("train"), evaluation: of("evaluation") };
}
