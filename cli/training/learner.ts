/** What the training loop needs of a compiled model on a machine; `cli/toolchain.ts` makes one from a runtime session. */
import type { TaskBatch } from "../data/task.ts";

/** Means over examples. */
export interface Measures {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** What a training step tells: the measures of its batch, before the step. */
export interface StepMeasures extends Measures {
  /** Global L2 norm of the gradient, before clipping. */
  readonly gradientNorm?: number;
  /** Where the step was refused, as nothing in it is finite that must be: what it was. The loss is then no number. */
  readonly refused?: string;
}

export interface StepSettings {
  readonly learningRate: number;
  /** Largest global L2 norm of the gradients; undefined does not clip. */
  readonly clip: number | undefined;
  /** Weight of the newest batch in the population statistics' moving average. */
  readonly momentum: number;
}

export interface Learner {
  /** Optimiser steps done, those before a resume included. */
  readonly step: number;
  /** One optimiser step. */
  train(batch: TaskBatch, settings: StepSettings): Promise<StepMeasures>;
  /** Replaces the population statistics by those of the batches, at fixed parameters. False where one is no number. */
  estimate(batches: Iterable<TaskBatch>): Promise<boolean>;
  /** Measures with population statistics. */
  evaluate(batches: Iterable<TaskBatch>): Promise<Measures>;
  /** Writes parameters, optimiser state, statistics and the step to a file, atomically. */
  save(path: string): Promise<void>;
}

/** A learner whose training step is another, in which the one it had may be used. */
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
