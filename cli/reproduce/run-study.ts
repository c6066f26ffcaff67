/** Trains the runs of a study, and reports on those that are there. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { formatSeconds } from "../output.ts";
import { packageVersion } from "../package.ts";
import { writeAtomically } from "../report/files.ts";
import type { TargetName } from "../targets.ts";
import { findings } from "./claims.ts";
import type { LineContext } from "./command-line.ts";
import { drawStudy, readingWords, type StudyReport, studyColumns } from "./page.ts";
import { drawStudyPicture } from "./picture.ts";
import { chosenReadings, type PlannedRun, plannedRuns } from "./plan.ts";
import { type RunResult, readResults } from "./results.ts";
import { sayResults } from "./said.ts";
import { type Settings, trainLine } from "./settings.ts";
import type { ScaleName, Study } from "./study.ts";
import { StudyFolder } from "./study-folder.ts";
import { summarised } from "./summary.ts";
import { type RunEnd, shownFile, trainRun } from "./train-run.ts";

/** What the command line says. */
export interface ReproduceOptions {
  readonly scale: ScaleName;
  readonly variants?: readonly string[];
  readonly seeds?: number;
  readonly reading: Readonly<Record<string, string>>;
  readonly steps?: number;
  /** Seconds. */
  readonly maxTime?: number;
  readonly data?: string;
  /** The folder of the study whose models an analysis measures. */
  readonly of?: string;
  readonly target: TargetName;
  readonly threads?: number;
  readonly out?: string;
  readonly resume?: boolean;
  readonly report?: boolean;
}

/**
 * Trains what the options ask for, and reports on all runs in the folder. `given` names the options on the command line. Throws C0301 for
 * one that only analyses have, C0401 if there is no run to report on, and what training throws.
 */
export async function runStudy(
  context: LineContext,
  name: string,
  study: Study,
  options: ReproduceOptions,
  given: ReadonlySet<string>,
): Promise<ExitCode> {
  const { output, seed } = context;
  if (options.of !== undefined)
    throw new Failure("C0301", exit.usage, `${name} is a study, and --of is for analyses`, "leave it out");
  const scale = study.scales[options.scale];
  const readings = chosenReadings(study, options.reading);
  const folder = new StudyFolder(options.out ?? usualFolder(name, options.scale));
  const identity = { study: name, scale: options.scale, readings };
  output.say(`${study.title}, section ${study.section}: ${scale.cut}`);
  for (const words of readingWords(study, readings)) output.say(words);
  let end: StudyEnd = "finished";
  const before = await folder.begin((options.resume || options.report) ?? false);
  if (before !== undefined) folder.checkIdentity(before, identity);
  if (!options.report) {
    const count = options.seeds ?? (given.has("seed") ? 1 : scale.seeds);
    const choices = {
      ...{ scale: options.scale, variants: options.variants, readings },
      seeds: Array.from({ length: count }, (_, at) => seed + at),
      settings: lengthOf(options),
    };
    const planned = plannedRuns(study, choices, { directory: options.data, environment: context.environment });
    if (before === undefined) await folder.write({ format: 1, ...identity });
    const left = planned.filter((run) => !isRecorded(run, folder.path, before?.runs ?? []));
    end = await trainAll(context, study, left, folder.path, options);
  }
  // Another process may have recorded runs meanwhile.
  const recorded = (await folder.read())?.runs;
  const runs = await readResults(study, folder.path, recorded);
  if (runs.length === 0) {
    if (end === "interrupted") return exit.interrupted;
    throw new Failure("C0401", exit.input, `${folder.path} holds no run of ${name}`, "train some: leave --report out");
  }
  const report: StudyReport = {
    ...{ study, scale: options.scale, readings, runs },
    summaries: summarised(study, runs),
    findings: findings(study, options.scale, runs),
  };
  const { title, section, notes, measure } = study;
  const { summaries } = report;
  const document = {
    ...{ format: 1 as const, ...identity, title, section, cut: scale.cut, notes, measure },
    ...{ cellc: packageVersion(), summaries, findings: report.findings, runs },
  };
  const { files } = folder;
  await folder.write(document);
  await writeAtomically(files.page, drawStudy(report));
  await writeAtomically(files.picture, drawStudyPicture(report));
  sayResults(output, studyColumns(report), report.findings);
  output.say(`\n${files.page}`);
  output.result({ ok: end !== "interrupted", end, files, ...document });
  return end === "interrupted" ? exit.interrupted : exit.ok;
}

/** Whether a run is over, of which only the record is left. */
function isRecorded(
  { variant, seed, name, settings }: PlannedRun,
  path: string,
  recorded: readonly RunResult[],
): boolean {
  const run = recorded.find((one) => one.variant === variant && one.seed === seed);
  if (run === undefined || existsSync(join(path, name))) return false;
  const isWhole = typeof settings.steps !== "number" || run.steps >= settings.steps;
  const isTested = settings.test !== true || run.test !== undefined;
  return run.status === "diverged" || (run.status === "finished" && isWhole && isTested);
}

export const usualFolder = (name: string, scale: ScaleName): string => join("runs", "reproduce", `${name}-${scale}`);

/** Steps of the command line replace the scale's steps or epochs. */
const lengthOf = ({ steps }: ReproduceOptions): Settings => (steps === undefined ? {} : { steps, epochs: false });

/** How the training of all runs ended. */
type StudyEnd = Exclude<RunEnd, "diverged">;

/** Trains run after run. */
async function trainAll(
  context: LineContext,
  study: Study,
  runs: readonly PlannedRun[],
  out: string,
  { maxTime, target, threads }: ReproduceOptions,
): Promise<StudyEnd> {
  const { output } = context;
  const started = performance.now();
  const spent = (): number => (performance.now() - started) / 1000;
  const words = ["--target", target, ...(threads === undefined ? [] : ["--threads", String(threads)])];
  const timeIsOver = (): StudyEnd => {
    output.say(`the time is over after ${formatSeconds(spent())}; go on with --resume`);
    return "time";
  };
  for (const [at, run] of runs.entries()) {
    if (maxTime !== undefined && spent() >= maxTime) return timeIsOver();
    const limit = maxTime === undefined ? [] : ["--max-time", `${Math.max(1, Math.ceil(maxTime - spent()))}s`];
    output.say(`\nrun ${at + 1} of ${runs.length}, ${run.variant}, seed ${run.seed}:`);
    output.say(trainLine(shownFile(study.file), run.settings, ["--seed", String(run.seed)]));
    const end = await trainRun(context, run, {
      file: study.file,
      folder: join(out, run.name),
      words: [...words, ...limit],
    });
    if (end === "interrupted") return end;
    if (end === "time") return timeIsOver();
    if (end === "diverged") output.say(`${run.name} diverged: its loss stopped being a number`);
  }
  return "finished";
}
