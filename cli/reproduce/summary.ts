/** What the runs of a study say together: each variant over its seeds, beside the baseline and the paper. */
import type { RankedBy } from "../explore/measure.ts";
import { isBetter } from "../explore/measure.ts";
import { type MeanAndDeviation, meanAndDeviation } from "../explore/ranking.ts";
import type { RunResult } from "./results.ts";
import type { Study } from "./study.ts";

/** A mean over seeds, and which they are. */
export interface Spread extends MeanAndDeviation {
  readonly seeds: readonly number[];
}

export interface VariantSummary {
  readonly variant: string;
  readonly title: string;
  readonly published: number | undefined;
  /** The training steps that all its runs have done. */
  readonly steps: number;
  /** On validation examples at the last evaluation that all its runs have. */
  readonly validation: (Spread & { readonly step: number }) | undefined;
  /** Of the best checkpoints on test examples, of the runs that are finished. */
  readonly test: Spread | undefined;
  /** Seeds whose loss stopped being a number. */
  readonly diverged: readonly number[];
  readonly seconds: number;
}

export function summarised(study: Study, runs: readonly RunResult[]): readonly VariantSummary[] {
  return Object.entries(study.variants).flatMap(([variant, { title, published }]): VariantSummary[] => {
    const own = runs.filter((run) => run.variant === variant);
    if (own.length === 0) return [];
    const sound = own.filter(({ status }) => status !== "diverged");
    const step = lastCommonStep(sound);
    const tested = sound.filter(({ test }) => test?.[study.measure.measure] !== undefined);
    return [
      {
        ...{ variant, title, published },
        steps: Math.min(...own.map(({ steps }) => steps)),
        validation:
          step === undefined ? undefined : { ...spreadOf(sound, (run) => measureAt(study.measure, run, step)!), step },
        test: tested.length === 0 ? undefined : spreadOf(tested, ({ test }) => test![study.measure.measure]),
        diverged: own.filter(({ status }) => status === "diverged").map(({ seed }) => seed),
        seconds: meanAndDeviation(own.map(({ seconds }) => seconds)).mean,
      },
    ];
  });
}

/** The last step at which all the runs were evaluated. */
export function lastCommonStep(runs: readonly RunResult[]): number | undefined {
  const [first, ...others] = runs.map(({ evaluations }) => evaluations.map(({ step }) => step));
  return first?.findLast((step) => others.every((steps) => steps.includes(step)));
}

/** What a run measured at a step on validation examples. */
export const measureAt = ({ measure }: RankedBy, run: RunResult, step: number): number | undefined =>
  run.evaluations.find((evaluation) => evaluation.step === step)?.measures[measure];

/** The first evaluation at which a run is at least as good as `value`. */
export const stepsTo = (by: RankedBy, run: RunResult, value: number): number | undefined =>
  run.evaluations.find(({ measures }) => !isBetter(by, value, measures[by.measure]))?.step;

/** The best of a run's evaluations up to a step. */
export function bestUpTo(by: RankedBy, run: RunResult, last: number): number | undefined {
  const values = run.evaluations.filter(({ step }) => step <= last).map(({ measures }) => measures[by.measure]);
  return values.reduce<number | undefined>(
    (best, value) => (best === undefined || isBetter(by, value, best) ? value : best),
    undefined,
  );
}

const spreadOf = (runs: readonly RunResult[], of: (run: RunResult) => number): Spread => ({
  ...meanAndDeviation(runs.map(of)),
  seeds: runs.map(({ seed }) => seed),
});
