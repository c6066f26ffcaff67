/** The training loop: epochs of shuffled batches, an evaluation with population statistics after each, checkpoints. */
import type { RandomStreams, Split, Task } from "../data/task.ts";
import type { EvaluationPoint, TrainPoint } from "../report/curve-log.ts";
import { batchesOf, trainingBatches, wholeBatchesOf } from "./batches.ts";
import type { Interrupt } from "./interrupt.ts";
import type { Learner, Measures } from "./learner.ts";

export type Decay = "none" | "linear" | "cosine";

/**
 * Where the population statistics for evaluation come from. `exact`: a pass over training examples at fixed parameters before
 * each evaluation. `ema`: the moving average of training.
 */
export type StatisticsSource = "exact" | "ema";

export interface TrainingOptions {
  /** Total number of steps, including those before a resume. */
  readonly steps: number;
  readonly batch: number;
  readonly learningRate: number;
  readonly decay: Decay;
  readonly clip: number | undefined;
  readonly momentum: number;
  readonly statistics: StatisticsSource;
  /** Training examples that the exact pass reads. */
  readonly estimateExamples: number;
  readonly evaluateOn: Split;
  /** Steps between evaluations. */
  readonly evaluateEvery: number;
}

export interface TrainingEvents {
  onStep(point: TrainPoint): void;
  /** Called after an evaluation with finite results. Save checkpoints here. */
  onEvaluation(point: EvaluationPoint): Promise<void>;
}

export type Ending =
  | { readonly kind: "finished" }
  /** The current step was finished. The learner holds what was learnt since the last evaluation. */
  | { readonly kind: "interrupted" }
  /**
   * After `step` steps the loss is no longer finite, or, as `refused` says, a step was refused. The learner may hold bad values: do
   * not save it.
   */
  | {
      readonly kind: "diverged";
      readonly step: number;
      readonly during: "training" | "evaluation";
      readonly refused?: string;
    };

/** Trains until `options.steps` steps are done. `streams` draws the order of the examples. */
export async function train(
  learner: Learner,
  task: Task,
  options: TrainingOptions,
  streams: RandomStreams,
  interrupt: Interrupt,
  events: TrainingEvents,
): Promise<Ending> {
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const batches = trainingBatches(task, options.batch, streams, learner.step);

  while (learner.step < options.steps) {
    if (interrupt.requested) return { kind: "interrupted" };
    const { epoch, batch } = (await batches.next()).value;
    const { loss, gradientNorm, refused } = await learner.train(batch, {
      learningRate: options.learningRate * decayFactor(options.decay, learner.step / options.steps),
      clip: options.clip,
      momentum: options.momentum,
    });
    if (!Number.isFinite(loss))
      return { kind: "diverged", step: learner.step, during: "training", ...(refused !== undefined && { refused }) };
    events.onStep({ kind: "train", step: learner.step, epoch: epoch + 1, loss, gradientNorm, seconds: seconds() });

    if (learner.step % options.evaluateEvery === 0 || learner.step === options.steps) {
      if (interrupt.requested) return { kind: "interrupted" };
      const { loss, metrics } = await evaluate(learner, task, options);
      if (!Number.isFinite(loss)) return { kind: "diverged", step: learner.step, during: "evaluation" };
      await events.onEvaluation({
        kind: "evaluation",
        step: learner.step,
        epoch: epoch + 1,
        loss,
        metrics,
        seconds: seconds(),
      });
    }
  }
  return { kind: "finished" };
}

/** Estimates population statistics if asked to, and measures the model. The loss is NaN if it or the statistics overflowed. */
export async function evaluate(
  learner: Learner,
  task: Task,
  options: Pick<TrainingOptions, "statistics" | "batch" | "estimateExamples" | "evaluateOn">,
): Promise<Measures> {
  if (options.statistics === "exact") {
    const batches = wholeBatchesOf(task, "train", options.batch, options.estimateExamples);
    if (!(await learner.estimate(batches))) return { loss: Number.NaN, metrics: {} };
  }
  return learner.evaluate(batchesOf(task, options.evaluateOn, options.batch));
}

/** `progress` in [0, 1) → the factor on the learning rate. */
function decayFactor(decay: Decay, progress: number): number {
  switch (decay) {
    case "none":
      return 1;
    case "linear":
      return 1 - progress;
    case "cosine":
      return (1 + Math.cos(Math.PI * progress)) / 2;
    default:
      return decay satisfies never;
  }
}
