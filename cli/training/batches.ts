/** Batches of a task: shuffled for training, in order for everything else. */
import { permutation } from "../data/shuffle.ts";
import type { Split, Task, TaskBatch, Uniform } from "../data/task.ts";

/** Whole batches in an epoch; the examples left over differ from epoch to epoch, since the order does. */
export function stepsPerEpoch(task: Task, batch: number): number {
  return Math.floor(task.splits.train / batch);
}

/** The order of the training examples in an epoch, the same whenever it is asked for, so that a resumed run goes on where it stopped. */
export function epochOrder(task: Task, uniform: Uniform): Uint32Array {
  return permutation(task.splits.train, uniform);
}

/** Batch `at` of an epoch. */
export function trainingBatch(task: Task, order: Uint32Array, batch: number, at: number): TaskBatch {
  return task.batch("train", order.subarray(at * batch, (at + 1) * batch));
}

/** The first `examples` of a split, or all of it, in order; the last batch may be smaller. */
export function* batchesOf(
  task: Task,
  split: Split,
  batch: number,
  examples = Number.POSITIVE_INFINITY,
): Generator<TaskBatch> {
  const count = Math.min(task.splits[split], examples);
  for (let first = 0; first < count; first += batch) {
    const size = Math.min(batch, count - first);
    yield task.batch(
      split,
      Uint32Array.from({ length: size }, (_, i) => first + i),
    );
  }
}
