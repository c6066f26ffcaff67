/** What the training loop needs of a compiled model. `session-learner.ts` makes one from a runtime session. */
import { RuntimeError } from "../../runtime/error.ts";
import type { Trainee } from "../../runtime/fit/fit.ts";
import type { Averages } from "../../runtime/metric-averager.ts";
import type { TrainOptions, TrainReport } from "../../runtime/session-types.ts";
import type { TaskBatch } from "../data/task.ts";

/** Any sequence of a task's batches. */
export type TaskBatches = Iterable<TaskBatch> | AsyncIterable<TaskBatch>;

/** Means over examples. */
export type Measures = Averages;

/** A session that is trained on a task, and evaluates as the command line says. */
export interface Learner extends Trainee {
  train(batches: TaskBatch | readonly TaskBatch[], options: LearnerOptions): Promise<TrainReport>;
}

type LearnerOptions = TrainOptions & { readonly report?: true };

/** The result of `work`, or undefined if a loss, a gradient or a statistic in it is not finite. */
export async function unlessDiverged<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof RuntimeError && error.code === "C0502") return undefined;
    throw error;
  }
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
    weights: () => learner.weights(),
    gradients: () => learner.gradients(),
    state: () => learner.state(),
    restore: (state) => learner.restore(state),
  };
}
