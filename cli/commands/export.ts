/** `cellc export`: writes a trained model for inference, without what only training needs. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CompileError } from "../../compiler/diagnostics/diagnostic.ts";
import { ownTensors } from "../../runtime/check-state.ts";
import { encodeCheckpoint } from "../../runtime/checkpoint.ts";
import { keptTensors } from "../../runtime/layout.ts";
import { manifestName } from "../../runtime/manifest.ts";
import type { EntryName, Executable, Plan } from "../../runtime/plan.ts";
import { compareState, type SessionState } from "../../runtime/state.ts";
import type { Context } from "../context.ts";
import { preparationIn } from "../data/preparation.ts";
import { formOf } from "../data/settings.ts";
import { type Compiled, executableFiles, weightsName, writeExecutable } from "../executable-files.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { requireCountedOn, requireStatistics } from "../inference/trained-session.ts";
import { bytesText } from "../output.ts";
import { provenanceOf, provenanceWarning } from "../statistics/provenance.ts";
import { type ModelSettings, trainedModel } from "../statistics/trained-model.ts";
import type { TargetName } from "../targets.ts";
import { type CompileRequest, compileFile } from "../toolchain.ts";
import { allowed, type CheckpointOptions, loadCheckpoint, sayOtherEquations } from "../training/checkpoint.ts";
import { runPaths } from "../training/run-folder.ts";
import { modelAround } from "../training/task-model.ts";

export interface ExportOptions extends ModelSettings, CheckpointOptions {
  /** At least one, each once. */
  readonly target: readonly TargetName[];
  /** Default: `infer`, and `step` if the model can be a stream. */
  readonly entries?: readonly EntryName[];
  readonly out: string;
}

/** What a run records that only matters to its training. */
const OF_TRAINING = ["batch", "storage", "memory", "schedule", "parts", "noise"] as const;

/** `given` names the options on the command line. */
export async function exportCommand(
  context: Context,
  path: string,
  file: string | undefined,
  options: ExportOptions,
  given: ReadonlySet<string>,
): Promise<ExitCode> {
  const { output } = context;
  const { out } = options;
  checkFolder(out);
  const model = await trainedModel(output, path, file, options, new Set([...given, ...OF_TRAINING]));
  const { checkpoint } = model;
  const state = await loadCheckpoint(checkpoint);
  const task = model.form ?? (await formOf(context, model.settings, model.checkpoint, state));
  const full = { ...model.settings, file: model.file };
  const request = { ...full, ...modelAround(full, task), suggested: task.dims, time: task.steps };
  const compiled: Compiled[] = [];
  for (const target of options.target) {
    const executable = await compileForInference({ ...request, target, quiet: compiled.length > 0 }, context);
    compiled.push({ target, executable });
  }
  const [{ executable }] = compiled;
  const { plan } = executable;
  requireCountedOn(plan, model.settings.own);
  const differences = compareState(state, plan, keptTensors(plan), allowed(options));
  sayOtherEquations(checkpoint, differences, output);
  const weights = encodeCheckpoint(weightsOf(state, plan, checkpoint));
  const warning = provenanceWarning(provenanceOf(plan, state.counters), checkpoint);
  if (warning !== undefined) output.warn(warning);
  const files = await writeExecutable(out, executableFiles(compiled, weights, preparationIn(state, checkpoint)));
  output.say(
    `${out}: ${plan.name} after ${state.counters.step} steps, for ${options.target.join(", ")}: ${files.length} files, ${bytesText(weights.length)} of weights`,
  );
  output.result({ ok: true, folder: out, model: plan.name, step: state.counters.step, targets: options.target, files });
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

/**
 * The state without the optimiser's slots, as of the plan's model. Throws C0404 for numbers that are not finite, and C0501 if the
 * statistics that inference needs were never collected.
 */
function weightsOf(state: SessionState, plan: Plan, checkpoint: string): SessionState {
  requireStatistics(plan, state, checkpoint);
  const kept = keptTensors(plan);
  const numbers = ownTensors(state);
  const { name, fingerprint, measures, equations, dims } = plan;
  const tensors = new Map(
    kept.map((tensor) => [tensor.name, { shape: tensor.shape, data: numbers.get(tensor.name)! }]),
  );
  // Its batches have nothing to go on from.
  const { carried: _, ...rest } = state;
  return { ...rest, name, fingerprint, measures, equations, dims, tensors };
}
