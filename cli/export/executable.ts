/** Writes a trained model as a folder that the runtime opens: its kernels, its parameters and its statistics. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CompileError } from "../../compiler/diagnostics/diagnostic.ts";
import { encodeCheckpoint } from "../../runtime/checkpoint.ts";
import { manifestName } from "../../runtime/manifest.ts";
import type { Executable } from "../../runtime/plan.ts";
import type { Context } from "../context.ts";
import { preparationIn } from "../data/preparation.ts";
import { type Compiled, executableFiles, weightsName, writeExecutable } from "../executable-files.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { bytesText } from "../output.ts";
import { type CompileRequest, compileFile } from "../toolchain.ts";
import { runPaths } from "../training/run-folder.ts";
import { modelAround } from "../training/task-model.ts";
import type { ModelToExport } from "./formats.ts";
import { stateForInference } from "./state.ts";

/** The folder gets a manifest, and for each target a plan and its code. */
export async function exportExecutable(context: Context, model: ModelToExport): Promise<ExitCode> {
  const { output } = context;
  const { checkpoint, settings, state, task } = model;
  const { out, target: targets } = settings;
  checkFolder(out);
  const full = { ...settings, file: model.file };
  const request = { ...full, ...modelAround(full, task), suggested: task.dims, time: task.steps };
  const compiled: Compiled[] = [];
  for (const target of targets) {
    const executable = await compileForInference({ ...request, target, quiet: compiled.length > 0 }, context);
    compiled.push({ target, executable });
  }
  const [{ executable }] = compiled;
  const { plan } = executable;
  const weights = encodeCheckpoint(stateForInference(plan, model, output));
  const files = await writeExecutable(out, executableFiles(compiled, weights, preparationIn(state, checkpoint)));
  output.say(
    `${out}: ${plan.name} after ${state.counters.step} steps, for ${targets.join(", ")}: ${files.length} files, ${bytesText(weights.length)} of weights`,
  );
  output.result({ ok: true, folder: out, model: plan.name, step: state.counters.step, targets, files });
  return exit.ok;
}

/** Throws C0408 if the weights would replace the checkpoint of a run, or one that no export wrote: its optimiser's state would be lost. */
function checkFolder(out: string): void {
  const isRun = existsSync(runPaths(out).record);
  if (!isRun && (existsSync(join(out, manifestName)) || !existsSync(join(out, weightsName)))) return;
  const what = isRun ? "holds a run, whose checkpoint" : `holds a ${weightsName}, which no export wrote, and which`;
  throw new Failure("C0408", exit.usage, `${out} ${what} would be replaced`, "choose another --out");
}

async function compileForInference(
  request: CompileRequest,
  context: Pick<Context, "environment" | "output">,
): Promise<Executable> {
  if (request.entries !== undefined) return (await compileFile(request, context)).executable;
  try {
    return (await compileFile({ ...request, entries: ["infer", "step"] }, context)).executable;
  } catch (error) {
    const isNoStream = error instanceof CompileError && error.diagnostics.every(({ code }) => code === "C0308");
    if (!isNoStream) throw error;
    if (!request.quiet) context.output.warn(`without a stream: ${error.diagnostics[0].message}`);
    return (await compileFile({ ...request, entries: ["infer"] }, context)).executable;
  }
}
