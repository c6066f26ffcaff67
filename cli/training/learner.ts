/** What the training loop needs of a compiled model. `session-learner.ts` makes one from a runtime session. */
import type { TaskBatch } from "../data/task.ts";

/** Any sequence of a task's batches. */
export type TaskBatches = Iterable<TaskBatch> | AsyncIterable<TaskBatch>;

/** Means over examples. */
export interface Measures {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** The measures of a training step's batch, before the update. */
export interface StepMeasures extends Measures {
  /** Global L2 norm of the gradient, before clipping. */
  readonly gradientNorm?: number;
  /** Why the step was refused, if a value in it is not finite. The loss is then NaN. */
  readonly refused?: string;
}

export interface StepSettings {
  readonly learningRate: number;
  /** Largest global L2 norm of the gradients. Undefined: no clipping. */
  readonly clip: number | undefined;
  /** Weight of the newest batch in the population statistics' moving average. */
  readonly momentum: number;
}

export interface Learner {
  /** Optimiser steps done, including those before a resume. */
  readonly step: number;
  /** Does one optimiser step. */
  train(batch: TaskBatch, settings: StepSettings): Promise<StepMeasures>;
  /** Replaces the population statistics by those of the batches, at fixed parameters. Returns false if one is not finite. */
  estimate(batches: TaskBatches): Promise<boolean>;
  /** Measures with population statistics. */
  evaluate(batches: TaskBatches): Promise<Measures>;
  /** Writes parameters, optimiser state, statistics and the step to a file, atomically. */
  save(path: string): Promise<void>;
}

/** A copy of the learner with another training step, which may call the original one. */
export function withTrain(learner: Learner, train: Learner["train"]): Learner {
  return {
    get step() {
      return learner.step;
    },
    train,
    estimate: (batches) => learner.estimate(batches),
    evaluate: (batches) => learner.evaluate(batches),
    save: (path) => learner.save(path),
  };
}
