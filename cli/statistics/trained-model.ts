/** Finds out how a run or checkpoint was trained, so that its model can be compiled again. */
import { existsSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { OptimizerName } from "../../compiler/optimizers.ts";
import type { NoiseMode } from "../../runtime/batch.ts";
import type { DataOptions } from "../data/data-options.ts";
import type { TaskSettings } from "../data/settings.ts";
import type { TaskForm } from "../data/task.ts";
import { exit, Failure } from "../failure.ts";
import type { Output } from "../output.ts";
import type { ModelOptions } from "../toolchain.ts";
import { RunFolder, type RunRecord, runPaths } from "../training/run-folder.ts";

/** Options that decide a checkpoint's model and training examples. */
export interface ModelSettings extends ModelOptions, TaskSettings {
  /** Refuse a checkpoint of another optimiser. */
  readonly optimizer?: OptimizerName;
  readonly batch: number;
  readonly noise?: NoiseMode;
}

export interface TrainedModel<Settings> {
  /** `.cell` file. */
  readonly file: string;
  readonly checkpoint: string;
  /** What a model of the run's own data must fit, as the run recorded it. */
  readonly form?: TaskForm;
  /** The run's settings, unless the command line sets others. */
  readonly settings: Settings;
}

/** The recorded options that describe a run's model and data. */
const RECORDED = [
  ...["entry", "dims", "place", "cell", "storage", "ragged", "memory", "schedule", "parts"],
  ...["task", "batch", "data", "offline", "time", "noise", "own", "momentum"],
] as const;

/**
 * How the model at `path`, a run's folder or a checkpoint, was trained. A checkpoint in a run's folder belongs to that run; for any
 * other, the command line must say everything. Of a run, that is what its best evaluation measured, which `output` hears unless it was the
 * last one. `given` names the options on the command line, which override the run's. Throws C0408
 * for a folder without a run, C0401 for a run without a checkpoint, and C0301 if the model is unknown.
 */
export async function trainedModel<Settings extends ModelSettings>(
  output: Pick<Output, "warn">,
  path: string,
  file: string | undefined,
  options: Settings,
  given: ReadonlySet<string>,
): Promise<TrainedModel<Settings>> {
  const folder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ? path : undefined;
  const checkpoint = folder === undefined ? path : checkpointIn(folder);
  const record = await recordOf(folder, checkpoint);
  if (folder !== undefined && record === undefined)
    throw new Failure("C0408", exit.usage, `${folder} holds no run`, "name a folder that cellc train wrote");
  if (folder !== undefined && !existsSync(checkpoint))
    throw new Failure(
      "C0401",
      exit.input,
      `the run in ${folder} has no checkpoint yet`,
      "one is written at each evaluation",
    );
  const recorded = RECORDED.filter((name) => !given.has(name) && record?.options[name] !== undefined);
  const own = record?.options.own && options.own ? cutAnew(record.options.own, options.own) : undefined;
  const settings = {
    ...options,
    ...Object.fromEntries(recorded.map((name) => [name, record?.options[name]])),
    ...(own && { own }),
  };
  const cell = file ?? record?.options.file;
  if (cell === undefined || (settings.task === undefined && settings.data === undefined)) {
    if (!existsSync(path))
      throw new Failure(
        "C0401",
        exit.input,
        `there is no ${path}`,
        "name the folder of a run, which cellc train wrote",
      );
    throw new Failure(
      "C0301",
      exit.usage,
      `${path} stands in no folder of a run, so nothing says which model it is of`,
      "name the run's folder; or say all that training was told, such as: cellc stats a.safetensors a.cell --task digits --dims H=48",
    );
  }
  const form = given.has("data") || given.has("task") ? undefined : record?.form;
  const best = record?.best?.step;
  if (folder !== undefined && best !== undefined && best !== record?.step)
    output.warn(`${folder}: the best model, of step ${best}; the last one is ${runPaths(folder).model}`);
  return { file: cell, checkpoint, ...(form && { form }), settings };
}

/** What a run said of its data, and what is `given` now. Windows of another length lie side by side if the run's did, as far apart. */
function cutAnew(run: DataOptions, given: DataOptions): DataOptions {
  const { window = 0, stride = 0 } = run;
  const isCut = given.window !== undefined && given.stride === undefined && window > 0 && stride >= window;
  return { ...run, ...given, ...(isCut && { stride: given.window + stride - window }) };
}

/** The checkpoint of a run that is to be used: what its best evaluation measured, or the last one where none was the best. */
function checkpointIn(folder: string): string {
  const { model, best, averaged } = runPaths(folder);
  return [best, averaged].find((path) => existsSync(path)) ?? model;
}

async function recordOf(folder: string | undefined, checkpoint: string): Promise<RunRecord | undefined> {
  if (folder !== undefined) return new RunFolder(folder).read();
  return isOfRun(checkpoint) ? new RunFolder(dirname(checkpoint)).read() : undefined;
}

/** Whether a checkpoint is one in a run's folder. */
export function isOfRun(checkpoint: string): boolean {
  const { model, best, averaged, record } = runPaths(dirname(checkpoint));
  return [model, best, averaged].some((path) => basename(checkpoint) === basename(path)) && existsSync(record);
}
