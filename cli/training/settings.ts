/** The command line's training options, which several commands share. */
import type { OptimizerChoice } from "../../compiler/optimizers.ts";
import type { NoiseMode } from "../../runtime/batch.ts";
import type { ScheduleChoice } from "../../runtime/fit/schedules.ts";
import type { StatisticsSource, TrainingOptions } from "./train.ts";

export interface TrainingSettings {
  readonly batch: number;
  readonly lr: number;
  readonly decay: ScheduleChoice;
  readonly warmup?: number;
  readonly optimizer: OptimizerChoice;
  readonly clip?: number;
  /** Batches of a step. Default: 1. */
  readonly accumulate?: number;
  /** The decay of averaged weights. Default: they are not averaged. */
  readonly ema?: number;
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
  run: Pick<
    TrainingOptions,
    "steps" | "evaluateEvery" | "evaluateOn" | "best" | "patience" | "maxSeconds" | "history" | "averaged"
  >,
): TrainingOptions {
  return {
    ...run,
    batch: settings.batch,
    learningRate: settings.lr,
    decay: settings.decay,
    warmup: settings.warmup,
    clip: settings.clip,
    accumulate: settings.accumulate,
    average: settings.ema,
    momentum: settings.momentum,
    statistics: settings.stats,
    estimateExamples: settings.estimate,
  };
}
