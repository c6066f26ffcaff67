/** A run that is continued: what it was told, its folder knows, and it goes on from its checkpoint. */

import { existsSync } from "node:fs";
import type { Evaluated } from "../../runtime/fit/progress.ts";
import type { SavedTensor } from "../../runtime/state.ts";
import { type DataOptions, dataOptionNames } from "../data/data-options.ts";
import { type Preparation, preparationIn } from "../data/preparation.ts";
import type { Task } from "../data/task.ts";
import { exit, Failure } from "../failure.ts";
import type { Output } from "../output.ts";
import { evaluationsOf } from "../report/curve-log.ts";
import { allowed, type CheckpointOptions, loadCheckpoint, sayOtherEquations } from "./checkpoint.ts";
import type { OpenLearner } from "./open-learner.ts";
import { RunFolder, type RunRecord } from "./run-folder.ts";
import { dropLaterCheckpoints } from "./run-log.ts";

export interface ResumedRun<Options> {
  readonly file: string | undefined;
  readonly seed: number;
  /** The run's options, unless the command line sets others. */
  readonly options: Options;
}

/** What the command line alone decides. */
const OF_THE_COMMAND: ReadonlySet<string> = new Set(["file", "seed", "out", "resume", "allowOtherEquations"]);

/** Throws C0408 for a folder without a run, and C0301 for another `out`. `given` names the options on the command line. */
export async function resumedRun<Options extends { readonly out?: string; readonly own?: object }>(
  folder: string,
  options: Options,
  given: ReadonlySet<string>,
): Promise<ResumedRun<Options>> {
  const record: RunRecord | undefined = await new RunFolder(folder).read();
  if (record === undefined)
    throw new Failure("C0408", exit.usage, `${folder} holds no run to resume`, "name a folder that cellc train wrote");
  if (options.out !== undefined && options.out !== folder)
    throw new Failure(
      "C0301",
      exit.usage,
      `the run in ${folder} goes on there, not in ${options.out}`,
      "leave --out out; or give --resume alone, and --out the folder of the run",
    );
  const recorded = Object.entries(record.options).filter(
    ([name]) => !OF_THE_COMMAND.has(name) && !given.has(name) && !(name === "steps" && given.has("epochs")),
  );
  const own = record.options.own && options.own ? { own: { ...record.options.own, ...options.own } } : {};
  return {
    file: record.options.file,
    seed: record.seed,
    options: { ...options, ...Object.fromEntries(recorded), ...own, out: folder },
  };
}

/** Throws C0408 if other examples are made of the data than the run was trained on so far. */
export function checkSameExamples(before: DataOptions = {}, now: DataOptions = {}, folder: string): void {
  const differs = dataOptionNames.find((key) => JSON.stringify(before[key]) !== JSON.stringify(now[key]));
  if (differs === undefined) return;
  const shown = (value: unknown): string => (value === undefined ? "none" : JSON.stringify(value));
  throw new Failure(
    "C0408",
    exit.usage,
    `${folder} holds a run with ${differs} ${shown(before[differs])}, not ${shown(now[differs])}`,
    "go on with it as it is: cellc train --resume and the folder; or choose another --out",
  );
}

/** Throws C0403 if data of one's own is not what the run was trained on so far: its training part has other scales or symbols. */
function checkSameData({ preparation, name }: Task, before: Preparation | undefined, folder: string): void {
  if (JSON.stringify(preparation) === JSON.stringify(before)) return;
  throw new Failure(
    "C0403",
    exit.input,
    `the run in ${folder} was trained on other data than ${name} is now: the training part has other values`,
    "put the file back as it was, or begin anew in another --out",
  );
}

/** What a run goes on from. */
export interface Start {
  /** Seconds of training before. */
  readonly seconds: number;
  readonly history: readonly Evaluated[];
  readonly averaged?: ReadonlyMap<string, SavedTensor>;
}

/** Restores a run's checkpoint and cuts its curve back to that. Throws C0403 for other data, and as `Session.restore` does. */
export async function goOn(
  folder: RunFolder,
  { session }: OpenLearner,
  task: Task,
  options: CheckpointOptions & { readonly ema?: number },
  output: Output,
): Promise<Start> {
  const { model, curve: curveFile } = folder.files;
  const state = existsSync(model) ? await loadCheckpoint(model) : undefined;
  if (state !== undefined) {
    checkSameData(task, preparationIn(state, model), folder.path);
    sayOtherEquations(model, await session.restore(state, allowed(options)), output);
  }
  if (state?.average !== undefined && options.ema === undefined)
    output.warn("the averaged weights of the checkpoint are left out: there is no --ema");
  const { points, cut } = await folder.rewindCurve(session.step);
  if (cut > 0) output.warn(`${curveFile}: the last line was cut short, and is left out`);
  for (const path of await dropLaterCheckpoints(folder, session.step))
    output.warn(`${path} is of a step after the checkpoint, which is done anew; it is removed`);
  output.say(`going on after step ${session.step}`);
  return {
    seconds: points.at(-1)?.seconds ?? 0,
    history: evaluationsOf(points),
    ...(options.ema !== undefined && { averaged: state?.average }),
  };
}
