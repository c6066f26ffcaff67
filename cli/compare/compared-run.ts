/** A run as a comparison sees it: what it measured, and what it did otherwise than the others. */
import { basename, resolve } from "node:path";
import { isBetter, type RankedBy } from "../explore/measure.ts";
import { exit, Failure } from "../failure.ts";
import { type CurvePoint, type EvaluationPoint, readCurve } from "../report/curve-log.ts";
import { RunFolder, type RunRecord, runPaths } from "../training/run-folder.ts";

export interface ComparedRun {
  readonly path: string;
  /** The shortest end of the path that no other run has. */
  readonly name: string;
  readonly record: RunRecord;
  readonly points: readonly CurvePoint[];
}

/**
 * Reads the folders of at least two runs. Throws C0301 for fewer, or for the same twice, C0401 for a folder without a run or without an
 * evaluation, and C0402 for damaged files.
 */
export async function readRuns(paths: readonly string[]): Promise<readonly ComparedRun[]> {
  const folders = paths.map((path) => resolve(path));
  const again = paths.find((_, at) => folders.indexOf(folders[at]) < at);
  if (again !== undefined) throw new Failure("C0301", exit.usage, `the run ${again} is given twice`);
  if (paths.length < 2)
    throw new Failure(
      "C0301",
      exit.usage,
      "there is one run, and nothing to compare it with",
      "give the folders of two",
    );
  const names = shortNames(folders);
  return Promise.all(
    paths.map(async (path, at) => {
      const record = await new RunFolder(path).read();
      if (record === undefined)
        throw new Failure(
          "C0401",
          exit.input,
          `${path} holds no run`,
          "give folders that cellc train wrote: its --out",
        );
      const points = await readCurve(runPaths(path).curve);
      if (!points.some(({ kind }) => kind === "evaluation"))
        throw new Failure(
          "C0401",
          exit.input,
          `the run in ${path} has no evaluation yet`,
          "leave it out, or let it go on",
        );
      return { path, name: names[at], record, points };
    }),
  );
}

function shortNames(folders: readonly string[]): readonly string[] {
  const tail = (folder: string, count: number): string => folder.split(/[\\/]/).slice(-count).join("/");
  return folders.map((folder) => {
    for (let count = 1; ; count++) {
      const name = count === 1 ? basename(folder) : tail(folder, count);
      if (name === folder || folders.filter((other) => tail(other, count) === name).length === 1) return name;
    }
  });
}

/** The names of all metrics that some run has. */
export const metricsOf = (runs: readonly ComparedRun[]): readonly string[] => [
  ...new Set(runs.flatMap(({ points }) => evaluations(points).flatMap(({ metrics }) => Object.keys(metrics)))),
];

/** The model's loss and metrics at an evaluation. */
const measuresOf = ({ loss, metrics }: EvaluationPoint): Readonly<Record<string, number>> => ({ ...metrics, loss });

const evaluations = (points: readonly CurvePoint[]): readonly EvaluationPoint[] =>
  points.filter((point) => point.kind === "evaluation");

export interface RunResult {
  readonly name: string;
  readonly path: string;
  readonly model: string;
  readonly task: string;
  readonly status: RunRecord["status"];
  readonly seed: number;
  readonly steps: number;
  /** Seconds of training. */
  readonly seconds: number;
  /** The last evaluation. */
  readonly last: Readonly<Record<string, number>>;
  /** The evaluation that was best by the measure, and its step; undefined if the run does not have the measure. */
  readonly best: { readonly step: number; readonly value: number } | undefined;
  /** The options that are not the same for all runs: `{ lr: 0.01 }`. */
  readonly differs: Readonly<Record<string, unknown>>;
}

/** Options that say where a run is or how it was watched, not what it computes. */
const ASIDE: ReadonlySet<string> = new Set(["out", "resume", "offline", "seed"]);

/** What was said of a run's own data counts option by option. `target` is a device's name already. */
function optionsOf({ options }: RunRecord): Readonly<Record<string, unknown>> {
  const { own, ...others } = options;
  const ofData = Object.entries((own ?? {}) as object).map(([key, value]): [string, unknown] => [
    key === "target" ? "columns" : key,
    value,
  ]);
  return { ...others, ...Object.fromEntries(ofData) };
}

/** The results of the runs, best last evaluation first; runs without the measure come last. */
export function resultsOf(runs: readonly ComparedRun[], by: RankedBy): readonly RunResult[] {
  const said = new Map(runs.map(({ path, record }) => [path, optionsOf(record)]));
  const options = [...new Set([...said.values()].flatMap((one) => Object.keys(one)))];
  const different = options.filter((option) => {
    const values = new Set([...said.values()].map((one) => JSON.stringify(one[option])));
    return values.size > 1 && !ASIDE.has(option);
  });
  const results = runs.map(({ name, path, record, points }): RunResult => {
    const { model, task, status, seed, step } = record;
    const all = evaluations(points);
    const measured = all.flatMap((point) => {
      const value = measuresOf(point)[by.measure];
      return Number.isFinite(value) ? [{ step: point.step, value }] : [];
    });
    const best = measured.reduce<RunResult["best"]>(
      (found, one) => (found === undefined || isBetter(by, one.value, found.value) ? one : found),
      undefined,
    );
    return {
      ...{ name, path, model, task, status, seed, steps: step, seconds: points[points.length - 1].seconds },
      last: measuresOf(all[all.length - 1]),
      best,
      differs: Object.fromEntries(different.map((option) => [option, said.get(path)?.[option] ?? null])),
    };
  });
  const rank = ({ last }: RunResult): number => (Number.isFinite(last[by.measure]) ? 0 : 1);
  return results.sort((a, b) => {
    if (rank(a) !== rank(b) || rank(a) === 1) return rank(a) - rank(b);
    const [first, second] = [a.last[by.measure], b.last[by.measure]];
    return isBetter(by, first, second) ? -1 : Number(isBetter(by, second, first));
  });
}

/** Options that say what is predicted, and in which numbers. */
const OF_THE_TARGET = ["data", "columns", "label", "horizon", "per", "change", "scale", "unit", "vocabulary"];

/** Which of the options that differ are about the target: then losses and metrics are of different numbers. */
export const targetsDiffer = (results: readonly RunResult[]): readonly string[] =>
  OF_THE_TARGET.filter((option) => results.some(({ differs }) => option in differs));

/** `lr=0.01, place=hh=batch` */
export const differsText = ({ differs }: RunResult): string =>
  Object.entries(differs)
    .map(([option, value]) => `${option}=${typeof value === "string" ? value : valueWords(value)}`)
    .join(", ");

function valueWords(value: unknown): string {
  if (value === null) return "–";
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return value.map(valueWords).join("+");
  if (Object.keys(value).length === 0) return "–";
  return Object.entries(value)
    .map(([key, one]) => `${key}=${valueWords(one)}`)
    .join(" ");
}
