/** The cell, model or run that weights are imported for. */
import { statSync } from "node:fs";
import { dirname } from "node:path";
import type { OptimizerChoice } from "../../compiler/optimizers.ts";
import { type Elaborated, elaborate } from "../../compiler/semantics/elaborate.ts";
import type { Kept } from "../../runtime/layout.ts";
import { keptTensors } from "../../runtime/layout.ts";
import type { Plan } from "../../runtime/plan.ts";
import type { SessionState } from "../../runtime/state.ts";
import { fileHost } from "../api/file-host.ts";
import type { Context } from "../context.ts";
import { formOf, isBuiltIn } from "../data/settings.ts";
import type { TaskForm } from "../data/task.ts";
import { exit, Failure } from "../failure.ts";
import { optimizerOf } from "../optimizer.ts";
import { type ModelSettings, trainedModel } from "../statistics/trained-model.ts";
import { type CompileRequest, chosenDims, compileFile, elaborateOptions, trainingEntries } from "../toolchain.ts";
import { loadCheckpoint } from "../training/checkpoint.ts";
import { RunFolder, type RunRecord } from "../training/run-folder.ts";
import { modelAround } from "../training/task-model.ts";

export interface TargetOptions extends Omit<ModelSettings, "optimizer"> {
  /** A `.cell` file, the folder of a run, or a checkpoint in it. */
  readonly to: string;
  readonly optimizer: OptimizerChoice;
}

export interface ImportTarget {
  readonly plan: Plan;
  readonly kept: readonly Kept[];
  readonly elaborated: Elaborated;
  /** How many steps a sequence has, if that is known. */
  readonly steps?: number;
  /** The run that it is of. */
  readonly run?: { readonly folder: string; readonly record: RunRecord; readonly state: SessionState };
}

/** Dimensions that a file of weights has numbers for, given what they are without. */
export type SuggestDims = (elaborated: Elaborated) => Promise<Readonly<Record<string, number>>>;

/**
 * Compiles what `to` names. A cell alone is compiled as it is, or in the model around it that `task` needs. `given` names the options on
 * the command line; `suggest`: dimensions to take unless they are given. Throws as compiling does, C0408 and C0401 for a folder that is
 * no run, and C0301 for options that go with the other kind of target.
 */
export async function openTarget(
  context: Context,
  options: TargetOptions,
  given: ReadonlySet<string>,
  suggest?: SuggestDims,
): Promise<ImportTarget> {
  const { to } = options;
  return isRun(to) ? ofRun(context, to, options, given) : ofCell(context, to, options, suggest);
}

/** Whether a path is the folder of a run, or a checkpoint, and no `.cell` file. */
const isRun = (path: string): boolean =>
  path.endsWith(".safetensors") || (statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false);

async function ofRun(
  context: Context,
  path: string,
  options: TargetOptions,
  given: ReadonlySet<string>,
): Promise<ImportTarget> {
  const own = ["optimizer", "dims", "place", "cell", "entry", "task", "time"].find((name) => given.has(name));
  if (own !== undefined)
    throw new Failure(
      "C0301",
      exit.usage,
      `--${own} is what the run says: ${path}`,
      "leave it out, or name a .cell file after --to",
    );
  const { optimizer: _, ...rest } = options;
  const model = await trainedModel(context.output, path, undefined, rest, given);
  const state = await loadCheckpoint(model.checkpoint);
  const form = model.form ?? (await formOf(context, model.settings, model.checkpoint, state));
  const folder = statSync(path).isDirectory() ? path : dirname(path);
  const record = await new RunFolder(folder).read();
  const request = { ...model.settings, file: model.file, optimizer: optimizerOf(state) };
  return { ...(await compiled(context, request, form)), run: { folder, record: record!, state } };
}

async function ofCell(
  context: Context,
  file: string,
  options: TargetOptions,
  suggest: SuggestDims | undefined,
): Promise<ImportTarget> {
  const { task } = options;
  if (task !== undefined && !isBuiltIn(task))
    throw new Failure(
      "C0301",
      exit.usage,
      `--task ${task} has scales and symbols of its own data, which only a run knows`,
      "train on it for a step, and import to that run: --to runs/a",
    );
  const form = task === undefined ? undefined : await formOf(context, options, file, {});
  const request = { ...options, file };
  const first = elaboratedWith(request, form);
  const suggested = (await suggest?.(first)) ?? {};
  const known = new Set(Object.keys({ ...form?.dims, ...options.dims }));
  const dims = {
    ...Object.fromEntries(Object.entries(suggested).filter(([name]) => !known.has(name))),
    ...options.dims,
  };
  return compiled(context, { ...request, dims }, form);
}

type Request = Omit<CompileRequest, "target"> & { readonly file: string };

function elaboratedWith(request: Request, form: TaskForm | undefined): Elaborated {
  const full = { ...request, ...(form && modelAround(request, form)), suggested: form?.dims };
  return elaborate(full.file, full.host ?? fileHost, elaborateOptions({ ...full, dims: chosenDims(full) }));
}

async function compiled(
  context: Context,
  request: Request,
  form: TaskForm | undefined,
): Promise<Pick<ImportTarget, "plan" | "kept" | "elaborated" | "steps">> {
  const around = form && modelAround(request, form);
  const full = { ...request, ...around, suggested: form?.dims, time: form?.steps ?? request.time };
  const { executable } = await compileFile(
    // A cell alone has no loss to be trained by.
    { ...full, target: "wasm", quiet: true, entries: form === undefined ? undefined : trainingEntries },
    context,
  );
  const { plan } = executable;
  return { plan, kept: keptTensors(plan), elaborated: elaboratedWith(request, form), steps: full.time };
}
