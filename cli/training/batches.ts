/** Batches of a task: shuffled for training, in order for everything else. */
import { permutation } from "../data/shuffle.ts";
import type { RandomStreams, Split, Task, TaskBatch } from "../data/task.ts";

/** Whole batches in an epoch; the examples left over differ from epoch to epoch, since the order does. */
export function stepsPerEpoch(task: Task, batch: number): number {
  return Math.floor(task.splits.train / batch);
}

/**
 * Endless shuffled batches from step `first` on, with their epochs, counted from 0. Each epoch draws the order of the examples from
 * its own stream, so that a resumed run continues where it stopped.
 */
export function* trainingBatches(
  task: Task,
  batch: number,
  streams: RandomStreams,
  first = 0,
): Generator<{ readonly epoch: number; readonly batch: TaskBatch }, never> {
  const perEpoch = stepsPerEpoch(task, batch);
  for (let step = first, epoch = -1, order: Uint32Array = new Uint32Array(); ; step++) {
    if (Math.floor(step / perEpoch) !== epoch) {
      epoch = Math.floor(step / perEpoch);
      order = permutation(task.splits.train, streams(`order/${epoch}`));
    }
    const at = (step % perEpoch) * batch;
    yield { epoch, batch: task.batch("train", order.subarray(at, at + batch)) };
  }
}

/**
 * The whole batches in the first `examples` of a split, but at least one. A smaller last batch is left out, because its statistics
 * would need an executable of its size.
 */
export function wholeBatchesOf(task: Task, split: Split, batch: number, examples: number): Generator<TaskBatch> {
  return batchesOf(task, split, batch, wholeBatches(task, split, batch, examples) * batch);
}

/** The number of batches that `wholeBatchesOf` returns. */
export function wholeBatches(task: Task, split: Split, batch: number, examples: number): number {
  return Math.max(1, Math.floor(Math.min(task.splits[split], examples) / batch));
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
