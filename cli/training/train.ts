/** Trains on a task by `fit`: epochs of shuffled batches, an evaluation with population statistics after each. */
import { paced } from "../../runtime/fit/breathe.ts";
import { type FitEnding, type FitEvaluation, type FitOptions, fit as fitSession } from "../../runtime/fit/fit.ts";
import type { ScheduleChoice } from "../../runtime/fit/schedules.ts";
import type { TrainingWarning } from "../../runtime/fit/watch.ts";
import type { SessionState } from "../../runtime/state.ts";
import type { RandomStreams, Split, Task, TaskBatch } from "../data/task.ts";
import type { EvaluationPoint, TrainPoint } from "../report/curve-log.ts";
import { batchesOf, trainingBatches, wholeBatchesOf } from "./batches.ts";
import { type Learner, type Measures, unlessDiverged } from "./learner.ts";
import { stepsPerEpoch } from "./order.ts";

/**
 * Where the population statistics for evaluation come from. `exact`: a pass over training examples at fixed parameters before
 * each evaluation. `ema`: the moving average of training.
 */
export type StatisticsSource = "exact" | "ema";

/** Where they come from for a single evaluation; `batch`: each batch has its own, and a smaller last one is left out. */
export type EvaluationStatistics = StatisticsSource | "batch";

/** As `fit` takes them, unless said otherwise. */
export interface TrainingOptions
  extends Pick<FitOptions, "best" | "patience" | "maxSeconds" | "history" | "averaged" | "average" | "accumulate"> {
  /** Total number of steps, including those before a resume. */
  readonly steps: number;
  readonly batch: number;
  readonly learningRate: number;
  readonly decay: ScheduleChoice;
  readonly warmup?: number;
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
  onStep(point: TrainPoint): void | Promise<void>;
  /** Called after an evaluation with finite results. Save checkpoints here: of `fitted`. */
  onEvaluation(point: EvaluationPoint, fitted: FitEvaluation): Promise<void>;
  onWarning?(warning: TrainingWarning): void;
}

export type Ending = FitEnding;

export interface Trained {
  readonly ending: Ending;
  /** The state to go on from. Not that of a training that diverged in an evaluation. */
  state(): Promise<SessionState>;
}

/**
 * Trains until `options.steps` steps are done, or until something ends it: then the present step is finished, and an evaluation given up
 * if `signal` is aborted. `streams` draws the order of the examples.
 */
export async function train(
  learner: Learner,
  task: Task,
  options: TrainingOptions,
  streams: RandomStreams,
  signal: AbortSignal | undefined,
  events: TrainingEvents,
): Promise<Trained> {
  const { batch, learningRate, decay, statistics, estimateExamples, evaluateOn, accumulate = 1 } = options;
  // A training that is done reads no batch.
  const batches = batchesFrom(task, batch, streams, learner.step * accumulate);
  return fitSession(learner, batches, {
    ...options,
    lr: learningRate,
    schedule: decay,
    signal,
    batchesPerEpoch: stepsPerEpoch(task, batch),
    validation: () => batchesOf(task, evaluateOn, batch),
    ...(statistics === "exact" && { estimate: () => wholeBatchesOf(task, "train", batch, estimateExamples) }),
    onStep: ({ step, epoch = 1, loss, metrics, gradientNorm, lr, seconds }) =>
      events.onStep({
        kind: "train",
        step,
        epoch,
        loss,
        ...(Object.keys(metrics).length > 0 && { metrics }),
        gradientNorm,
        lr,
        seconds,
      }),
    async onEvaluation(fitted) {
      const { step, epoch = 1, loss, metrics, seconds } = fitted;
      await events.onEvaluation({ kind: "evaluation", step, epoch, loss, metrics, seconds }, fitted);
    },
    ...(events.onWarning && { onWarning: (warning: TrainingWarning) => events.onWarning?.(warning) }),
  });
}

/** Endless batches for training, from number `first` on. */
async function* batchesFrom(
  task: Task,
  batch: number,
  streams: RandomStreams,
  first: number,
): AsyncGenerator<TaskBatch> {
  for await (const next of trainingBatches(task, batch, streams, first)) yield next.batch;
}

/**
 * Estimates population statistics if asked to, and measures the model, whose learner knows whether batches have their own. The loss is NaN if it or the statistics overflowed. Throws the
 * reason of `signal` once it is aborted. Statistics of an estimate that was not finished are as before.
 */
export async function evaluate(
  learner: Pick<Learner, "estimate" | "evaluate">,
  task: Task,
  {
    statistics,
    batch,
    estimateExamples,
    evaluateOn,
  }: Pick<TrainingOptions, "batch" | "estimateExamples" | "evaluateOn"> & { readonly statistics: EvaluationStatistics },
  signal?: AbortSignal,
): Promise<Measures> {
  const measure = async () => {
    if (statistics === "exact")
      await learner.estimate(paced(wholeBatchesOf(task, "train", batch, estimateExamples), signal));
    const batches =
      statistics === "batch"
        ? wholeBatchesOf(task, evaluateOn, batch, Number.POSITIVE_INFINITY)
        : batchesOf(task, evaluateOn, batch);
    return learner.evaluate(paced(batches, signal));
  };
  return (await unlessDiverged(measure())) ?? { loss: Number.NaN, metrics: {} };
}
