/** What a study's runs have measured so far, read from their folders or, where those are gone, from the record that was kept. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { exit, Failure } from "../failure.ts";
import { type CurvePoint, type EvaluationPoint, readCurve } from "../report/curve-log.ts";
import {
  anything,
  dictionary,
  list,
  measure,
  number,
  oneOf,
  optional,
  record as recordOf,
  type Schema,
  text,
  whole,
} from "../report/schema.ts";
import { RunFolder, type RunRecord, runPaths } from "../training/run-folder.ts";
import { runName } from "./plan.ts";
import type { Study } from "./study.ts";

/** Measures by name: `loss`, and the model's metrics. */
export type Measures = Readonly<Record<string, number>>;

/** A run as it is kept. */
export interface RunResult {
  readonly variant: string;
  readonly seed: number;
  readonly status: RunRecord["status"];
  /** What it was trained on and by, options of `cellc train`. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly machine: Readonly<Record<string, unknown>>;
  readonly started: string;
  readonly ended?: string;
  readonly steps: number;
  /** Seconds of training and of evaluations. */
  readonly seconds: number;
  readonly evaluations: readonly { readonly step: number; readonly measures: Measures }[];
  /** The best evaluation, and its step. */
  readonly best?: Measures;
  /** What the checkpoint of that has on test examples. */
  readonly test?: Measures;
  /** Means over stretches of steps, of which each ends at `step`. */
  readonly training: readonly { readonly step: number; readonly loss: number; readonly gradientNorm?: number }[];
}

const measures: Schema<Measures> = dictionary(measure);

/** A run in the record of a study. */
export const runResult: Schema<RunResult> = recordOf({
  variant: text,
  seed: whole(),
  status: oneOf("running", "finished", "interrupted", "diverged"),
  options: dictionary(anything),
  machine: dictionary(anything),
  started: text,
  ended: optional(text),
  steps: whole(),
  seconds: number,
  evaluations: list(recordOf({ step: whole(), measures })),
  best: optional(measures),
  test: optional(measures),
  training: list(recordOf({ step: whole(), loss: measure, gradientNorm: optional(number) })),
});

/** As many stretches of a training are kept. */
const STRETCHES = 100;

/**
 * The runs of a study, of its variants in their order, seed by seed: those in the folder, and of those that are recorded the others. Throws
 * C0401, and C0402 for damaged files.
 */
export async function readResults(
  study: Study,
  folder: string,
  recorded: readonly RunResult[] = [],
): Promise<readonly RunResult[]> {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const found: RunResult[] = [];
  for (const variant of Object.keys(study.variants)) {
    const there = names.flatMap((name) => {
      const [, digits] = /-(\d+)$/.exec(name) ?? [];
      return digits !== undefined && name === runName(variant, Number(digits)) ? [Number(digits)] : [];
    });
    const own: RunResult[] = [];
    for (const seed of there) {
      const result = await readRun(variant, seed, join(folder, runName(variant, seed)));
      if (result !== undefined) own.push(result);
    }
    const before = recorded.filter((run) => run.variant === variant && own.every(({ seed }) => seed !== run.seed));
    found.push(...[...own, ...before].sort((a, b) => a.seed - b.seed));
  }
  return found;
}

async function readRun(variant: string, seed: number, folder: string): Promise<RunResult | undefined> {
  const record = await new RunFolder(folder).read();
  if (record === undefined) return undefined;
  if (record.seed !== seed)
    throw new Failure("C0402", exit.input, `${folder} holds a run with seed ${record.seed}`, "move it elsewhere");
  const points = await readCurve(runPaths(folder).curve);
  const { file: _, out: __, data: ___, resume: ____, ...options } = record.options;
  const { status, stopped, machine, started, ended, step: steps, best, test } = record;
  return {
    // A run that ended because its time was over goes on, and is no result yet.
    status: stopped === undefined ? status : "interrupted",
    ...{ variant, seed, options, machine, started, ended, steps },
    seconds: points.at(-1)?.seconds ?? 0,
    evaluations: points
      .filter((point) => point.kind === "evaluation")
      .map(({ step, loss, metrics }) => ({ step, measures: { ...metrics, loss } })),
    ...(best && { best }),
    ...(test && status === "finished" && stopped === undefined && { test }),
    training: stretches(points),
  };
}

/** A curve has a line for each step: too many to keep. */
function stretches(points: readonly CurvePoint[]): RunResult["training"] {
  const train = points.filter((point): point is Exclude<CurvePoint, EvaluationPoint> => point.kind === "train");
  const size = Math.max(1, Math.ceil(train.length / STRETCHES));
  const found: { step: number; loss: number; gradientNorm?: number }[] = [];
  for (let from = 0; from < train.length; from += size) {
    const part = train.slice(from, from + size);
    const norms = part.flatMap(({ gradientNorm }) => (Number.isFinite(gradientNorm) ? [gradientNorm!] : []));
    found.push({
      step: part[part.length - 1].step,
      loss: short(meanOf(part.map(({ loss }) => loss))),
      ...(norms.length > 0 && { gradientNorm: short(meanOf(norms)) }),
    });
  }
  return found;
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Six digits are finer than any figure. */
const short = (value: number): number => Number(value.toPrecision(6));
