/** `cellc reproduce STUDY`: trains the paper's models again, and sets its numbers beside ours. */
import { join, relative } from "node:path";
import type { Context } from "../context.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { formatSeconds } from "../output.ts";
import { packageRoot, packageVersion } from "../package.ts";
import { writeAtomically } from "../report/files.ts";
import { findings } from "../reproduce/claims.ts";
import { drawStudy, findingText, readingWords, type StudyReport, studyColumns } from "../reproduce/page.ts";
import { drawStudyPicture } from "../reproduce/picture.ts";
import { chosenReadings, type PlannedRun, plannedRuns } from "../reproduce/plan.ts";
import { readResults } from "../reproduce/results.ts";
import { type Settings, trainLine } from "../reproduce/settings.ts";
import { studies, studyNamed } from "../reproduce/studies.ts";
import { type DataFolders, type ScaleName, type Study, scaleNames } from "../reproduce/study.ts";
import { StudyFolder } from "../reproduce/study-folder.ts";
import { summarised } from "../reproduce/summary.ts";
import { cellFile, trainRun } from "../reproduce/train-run.ts";
import type { TargetName } from "../targets.ts";

export interface ReproduceOptions {
  readonly scale: ScaleName;
  readonly variants?: readonly string[];
  readonly seeds?: number;
  readonly reading: Readonly<Record<string, string>>;
  readonly steps?: number;
  /** Seconds. */
  readonly maxTime?: number;
  readonly data?: string;
  readonly target: TargetName;
  readonly threads?: number;
  readonly out?: string;
  readonly resume?: boolean;
  readonly report?: boolean;
}

const noSettings: Settings = {};

/** `given` names the options on the command line. */
export async function reproduce(
  context: Context,
  name: string | undefined,
  options: ReproduceOptions,
  given: ReadonlySet<string>,
): Promise<ExitCode> {
  if (name === undefined) return listStudies(context);
  const study = studyNamed(name);
  const scale = study.scales[options.scale];
  const readings = chosenReadings(study, options.reading);
  const out = options.out ?? join("runs", "reproduce", `${name}-${options.scale}`);
  const folder = new StudyFolder(out);
  const identity = { study: name, scale: options.scale, readings };
  const count = options.seeds ?? (given.has("seed") ? 1 : scale.seeds);
  const seeds = Array.from({ length: count }, (_, at) => context.seed + at);
  const choices = {
    ...{ scale: options.scale, variants: options.variants, seeds, readings },
    settings: options.steps === undefined ? noSettings : { steps: options.steps, epochs: false },
  };
  const { output } = context;
  output.say(`${study.title}, section ${study.section}: ${scale.cut}`);
  output.say(readingWords(study, readings));
  let isOver = true;
  const before = await folder.begin((options.resume || options.report) ?? false);
  if (before !== undefined) folder.checkIdentity(before, identity);
  if (!options.report) {
    const planned = plannedRuns(study, choices, foldersOf(context, options));
    if (before === undefined) await folder.write({ format: 1, ...identity });
    isOver = await trainAll(context, study, planned, out, options);
  }
  const runs = await readResults(study, out);
  if (runs.length === 0) {
    if (!isOver) return exit.interrupted;
    throw new Failure("C0401", exit.input, `${out} holds no run of ${name}`, "train some: leave --report out");
  }
  const report: StudyReport = {
    ...{ study, scale: options.scale, readings, runs },
    summaries: summarised(study, runs),
    findings: findings(study, options.scale, runs),
  };
  const document = {
    format: 1 as const,
    ...identity,
    title: study.title,
    section: study.section,
    cut: scale.cut,
    notes: study.notes,
    measure: study.measure,
    cellc: packageVersion(),
    summaries: report.summaries,
    findings: report.findings,
    runs,
  };
  const { files } = folder;
  await folder.write(document);
  await writeAtomically(files.page, drawStudy(report));
  await writeAtomically(files.picture, drawStudyPicture(report));
  const columns = studyColumns(report);
  output.say();
  output.table(
    columns.map(({ title }) => title),
    report.summaries.map((_, at) => columns.map(({ texts }) => texts[at])),
  );
  output.say();
  for (const finding of report.findings) {
    output.say(findingText(finding));
    output.say(`  ${finding.seen}`);
  }
  output.say(`\n${files.page}`);
  output.result({ ok: isOver, files, ...document });
  return isOver ? exit.ok : exit.interrupted;
}

const foldersOf = ({ environment }: Context, { data }: ReproduceOptions): DataFolders =>
  [data, environment.CELLC_DATA].filter((folder): folder is string => folder !== undefined && folder !== "");

/** Trains run after run. Returns false if it was stopped before all were over. */
async function trainAll(
  context: Context,
  study: Study,
  runs: readonly PlannedRun[],
  out: string,
  { maxTime, target, threads }: ReproduceOptions,
): Promise<boolean> {
  const { output } = context;
  const started = performance.now();
  const words = ["--target", target, ...(threads === undefined ? [] : ["--threads", String(threads)])];
  for (const [at, run] of runs.entries()) {
    const spent = (performance.now() - started) / 1000;
    if (maxTime !== undefined && spent >= maxTime) {
      output.say(`the time is over after ${formatSeconds(spent)}; go on with --resume`);
      return false;
    }
    const limit = maxTime === undefined ? [] : ["--max-time", `${Math.max(1, Math.ceil(maxTime - spent))}s`];
    output.say(`\nrun ${at + 1} of ${runs.length}, ${run.variant}, seed ${run.seed}:`);
    output.say(trainLine(shownFile(study.file), run.settings, ["--seed", String(run.seed)]));
    const end = await trainRun(context, run, {
      file: study.file,
      folder: join(out, run.name),
      words: [...words, ...limit],
    });
    if (end === "interrupted") return false;
    if (end === "diverged") output.say(`${run.name} diverged: its loss stopped being a number`);
  }
  return true;
}

/** From here, if it is near. */
function shownFile(file: string): string {
  const path = cellFile(file);
  const way = relative(process.cwd(), path);
  return way.startsWith("..") ? path : way;
}

function listStudies({ output }: Context): ExitCode {
  const listed = Object.entries(studies);
  output.table(
    ["study", "what", "section", "model"],
    listed.map(([name, { title, section, file }]) => [name, title, section, relative(packageRoot, cellFile(file))]),
  );
  for (const [name, { scales, variants, readings }] of listed) {
    output.say(`\n${name}`);
    for (const scale of scaleNames) output.say(`  --scale ${scale}: ${scales[scale].cut}`);
    output.say("  --variants");
    for (const [variant, { title }] of Object.entries(variants)) output.say(`    ${variant}: ${title}`);
    for (const [point, { about, choices }] of Object.entries(readings)) {
      output.say(`  --reading ${point}=…: ${about}`);
      for (const [choice, { words }] of Object.entries(choices)) output.say(`    ${choice}: ${words}`);
    }
  }
  output.result({
    ok: true,
    studies: Object.fromEntries(
      listed.map(([name, { title, section, file, scales, variants, readings }]) => [
        name,
        { title, section, file, scales, variants, readings },
      ]),
    ),
  });
  return exit.ok;
}
