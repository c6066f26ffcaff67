/** The options of training that commands share, as the command line gives them. */
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
  /** What stands for noise where the model is evaluated; its mean by default. */
  readonly noise?: NoiseMode;
  readonly evaluateEvery?: number;
  /** Bytes that all memory may take. */
  readonly memory?: number;
}

/** The settings as the training loop takes them, with an evaluation after `evaluateEvery` steps. */
export function trainingOptions(
  settings: TrainingSettings,
  { steps, evaluateEvery, evaluateOn }: Pick<TrainingOptions, "steps" | "evaluateEvery" | "evaluateOn">,
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
  };
}
