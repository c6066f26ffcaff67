/** The training loop: epochs of shuffled batches, an evaluation with population statistics after each, checkpoints. */
import { breathe, paced } from "../../runtime/fit/breathe.ts";
import type { RandomStreams, Split, Task } from "../data/task.ts";
import type { EvaluationPoint, TrainPoint } from "../report/curve-log.ts";
import { batchesOf, stepsPerEpoch, trainingBatches, wholeBatchesOf } from "./batches.ts";
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
  /** The step of the last evaluation before a resume. One that was given up after it is made up for. */
  readonly evaluated?: number;
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

/**
 * Trains until `options.steps` steps are done, or until `interrupt` is aborted: then the present step is finished, and an evaluation
 * given up. `streams` draws the order of the examples.
 */
export async function train(
  learner: Learner,
  task: Task,
  options: TrainingOptions,
  streams: RandomStreams,
  interrupt: AbortSignal | undefined,
  events: TrainingEvents,
): Promise<Ending> {
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const batches = trainingBatches(task, options.batch, streams, learner.step);
  const due = () => learner.step % options.evaluateEvery === 0 || learner.step === options.steps;

  /** How training ends at this evaluation, if it does. */
  const measure = async (epoch: number): Promise<Ending | undefined> => {
    const measures = await evaluate(learner, task, options, interrupt).catch((error: unknown) => {
      if (interrupt?.aborted) return undefined;
      throw error;
    });
    if (measures === undefined) return { kind: "interrupted" };
    const { loss, metrics } = measures;
    const { step } = learner;
    if (!Number.isFinite(loss)) return { kind: "diverged", step, during: "evaluation" };
    await events.onEvaluation({ kind: "evaluation", step, epoch, loss, metrics, seconds: seconds() });
    return undefined;
  };

  if (learner.step > 0 && due() && options.evaluated !== learner.step) {
    const ending = await measure(Math.ceil(learner.step / stepsPerEpoch(task, options.batch)));
    if (ending !== undefined) return ending;
  }
  while (learner.step < options.steps) {
    await breathe();
    if (interrupt?.aborted) return { kind: "interrupted" };
    const { epoch, batch } = batches.next().value;
    const { loss, gradientNorm, refused } = await learner.train(batch, {
      learningRate: options.learningRate * decayFactor(options.decay, learner.step / options.steps),
      clip: options.clip,
      momentum: options.momentum,
    });
    if (!Number.isFinite(loss))
      return { kind: "diverged", step: learner.step, during: "training", ...(refused !== undefined && { refused }) };
    events.onStep({ kind: "train", step: learner.step, epoch: epoch + 1, loss, gradientNorm, seconds: seconds() });

    const ending = due() ? await measure(epoch + 1) : undefined;
    if (ending !== undefined) return ending;
  }
  return { kind: "finished" };
}

/**
 * Estimates population statistics if asked to, and measures the model. The loss is NaN if it or the statistics overflowed. Throws the
 * reason of `interrupt` once it is aborted. Statistics of an estimate that was not finished are as before.
 */
export async function evaluate(
  learner: Learner,
  task: Task,
  options: Pick<TrainingOptions, "statistics" | "batch" | "estimateExamples" | "evaluateOn">,
  interrupt?: AbortSignal,
): Promise<Measures> {
  if (options.statistics === "exact") {
    const batches = wholeBatchesOf(task, "train", options.batch, options.estimateExamples);
    if (!(await learner.estimate(paced(batches, interrupt)))) return { loss: Number.NaN, metrics: {} };
  }
  return learner.evaluate(paced(batchesOf(task, options.evaluateOn, options.batch), interrupt));
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
