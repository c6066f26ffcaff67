/** The command line's training options, which several commands share. */
import type { OptimizerChoice } from "../../compiler/optimizers.ts";
import type { NoiseMode } from "../../runtime/batch.ts";
import type { Decay, StatisticsSource, TrainingOptions } from "./train.ts";

export interface TrainingSettings {
  readonly batch: number;
  readonly lr: number;
  readonly decay: Decay;
  readonly optimizer: OptimizerChoice;
  readonly clip?: number;
  readonly momentum: number;
  readonly stats: StatisticsSource;
  readonly estimate: number;
  /** The noise during evaluation. Default: its mean. */
  readonly noise?: NoiseMode;
  readonly evaluateEvery?: number;
  /** Limit on all memory, in bytes. */
  readonly memory?: number;
}

/** The settings in the training loop's form, with an evaluation after every `evaluateEvery` steps. */
export function trainingOptions(
  settings: TrainingSettings,
  {
    steps,
    evaluateEvery,
    evaluateOn,
    evaluated,
  }: Pick<TrainingOptions, "steps" | "evaluateEvery" | "evaluateOn" | "evaluated">,
): TrainingOptions {
  return {
    steps,
    batch: settings.batch,
    learningRate: settings.lr,
    decay: settings.decay,
    clip: settings.clip,
    momentum: settings.momentum,
    statistics: settings.stats,
    estimateExamples: settings.estimate,
    evaluateOn,
    evaluateEvery,
    evaluated,
  };
}
