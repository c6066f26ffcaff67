/** Batches of a task: shuffled for training, in order for everything else. Each is prepared while the one before it is in use. */
import { permutation } from "../data/shuffle.ts";
import type { RandomStreams, Split, Task, TaskBatch } from "../data/task.ts";
import { exit, Failure } from "../failure.ts";

/** Whole batches in an epoch; the examples left over differ from epoch to epoch, since the order does. */
export function stepsPerEpoch(task: Pick<Task, "splits">, batch: number): number {
  return Math.floor(task.splits.train / batch);
}

/**
 * Batches whose examples are sorted by length together. Where length tells what kind of sequence it is, as in logs, a batch of one length
 * is a batch of one kind, and its gradient a poor estimate: on HDFS's sessions 600 steps reach a loss of 0.240 with pools of 1 batch,
 * 0.243 of 2, 0.255 of 4 and 0.282 of all. So the smallest pool is taken that wastes no more than `MOST_PADDED`.
 */
const POOLS = [1, 2, 4, 8, 16, 32];

/** Steps that a batch is computed for, divided by those that its sequences have. */
const MOST_PADDED = 1.5;

/** Batches by which the waste of a pool is told. */
const TRIED = 64;

/**
 * The examples of an epoch in their order, batch after batch. Where lengths differ much, examples of like length are in one batch;
 * which examples an epoch has is the same as without.
 */
export function epochOrder(
  task: Pick<Task, "splits" | "lengths">,
  batch: number,
  streams: RandomStreams,
  epoch: number,
): Uint32Array {
  const perEpoch = stepsPerEpoch(task, batch);
  const order = permutation(task.splits.train, streams(`order/${epoch}`)).subarray(0, perEpoch * batch);
  const lengths = task.lengths?.("train");
  if (lengths === undefined) return order;
  const tried = order.subarray(0, TRIED * batch);
  const pool = POOLS.find((pool) => padded(sortedIn(pool, tried, lengths, batch), lengths, batch) <= MOST_PADDED);
  const sorted = sortedIn(pool ?? POOLS[POOLS.length - 1], order, lengths, batch);
  const shuffled = permutation(perEpoch, streams(`batches/${epoch}`));
  const found = new Uint32Array(order.length);
  for (const [at, from] of shuffled.entries()) found.set(sorted.subarray(from * batch, (from + 1) * batch), at * batch);
  return found;
}

/** Examples of the same length stay in the order that chance gave them. */
function sortedIn(pool: number, order: Uint32Array, lengths: Uint32Array, batch: number): Uint32Array {
  if (pool === 1) return order;
  const sorted = order.slice();
  for (let from = 0; from < sorted.length; from += pool * batch)
    sorted.subarray(from, from + pool * batch).sort((a, b) => lengths[a] - lengths[b]);
  return sorted;
}

function padded(order: Uint32Array, lengths: Uint32Array, batch: number): number {
  let [computed, had] = [0, 0];
  for (let from = 0; from < order.length; from += batch) {
    const of = Array.from(order.subarray(from, from + batch), (index) => lengths[index]);
    computed += of.length * Math.max(...of);
    had += of.reduce((sum, length) => sum + length, 0);
  }
  return computed / had;
}

/** Throws C0406 if there is nothing in a part of a task that is to be measured, or estimated from. */
export function requireExamples({ name, splits, preparation }: Task, split: Split): void {
  if (splits[split] > 0) return;
  throw new Failure(
    "C0406",
    exit.input,
    `${name} has no examples in ${split}`,
    preparation === undefined
      ? "its `splits` say how many there are in each part; give it some, or choose another part"
      : "give it a share, such as --split 0.8,0.1,0.1; or choose another part",
  );
}

/**
 * Endless shuffled batches from step `first` on, with their epochs, counted from 0. Each epoch draws the order of the examples from
 * its own stream, so that a resumed run continues where it stopped.
 */
export async function* trainingBatches(
  task: Task,
  batch: number,
  streams: RandomStreams,
  first = 0,
): AsyncGenerator<{ readonly epoch: number; readonly batch: TaskBatch }, never> {
  const perEpoch = stepsPerEpoch(task, batch);
  let known = -1;
  let order: Uint32Array = new Uint32Array();
  const prepared = (step: number): { readonly epoch: number; readonly batch: Promise<TaskBatch> } => {
    const epoch = Math.floor(step / perEpoch);
    if (epoch !== known) order = epochOrder(task, batch, streams, epoch);
    known = epoch;
    const at = (step % perEpoch) * batch;
    return { epoch, batch: begun(task, "train", order.subarray(at, at + batch)) };
  };
  for (let step = first, next = prepared(step); ; step++) {
    const now = next;
    const ready = await now.batch;
    next = prepared(step + 1);
    yield { epoch: now.epoch, batch: ready };
  }
}

/** Begins to make a batch. An error is for whoever waits for it, and nobody may. */
function begun(task: Task, split: Split, indices: Uint32Array): Promise<TaskBatch> {
  const batch = (async () => task.batch(split, indices))();
  batch.catch(() => {});
  return batch;
}

/**
 * The whole batches in the first `examples` of a split, but at least one. A smaller last batch is left out, because its statistics
 * would need an executable of its size.
 */
export function wholeBatchesOf(task: Task, split: Split, batch: number, examples: number): AsyncGenerator<TaskBatch> {
  return batchesOf(task, split, batch, wholeBatches(task, split, batch, examples) * batch);
}

/** The number of batches that `wholeBatchesOf` returns. */
export function wholeBatches(task: Task, split: Split, batch: number, examples: number): number {
  return Math.max(1, Math.floor(Math.min(task.splits[split], examples) / batch));
}

/** The first `examples` of a split, or all of it, in order, or by length where lengths differ. */
export function orderOf(task: Pick<Task, "splits" | "lengths">, split: Split, examples: number): Uint32Array {
  const order = Uint32Array.from({ length: Math.min(task.splits[split], examples) }, (_, at) => at);
  const lengths = task.lengths?.(split);
  return lengths === undefined ? order : order.sort((a, b) => lengths[a] - lengths[b] || a - b);
}

/** The batches of `orderOf`, with the numbers of their examples; the last one may be smaller. */
export async function* numberedBatchesOf(
  task: Task,
  split: Split,
  batch: number,
  examples = Number.POSITIVE_INFINITY,
): AsyncGenerator<{ readonly batch: TaskBatch; readonly indices: Uint32Array }> {
  const order = orderOf(task, split, examples);
  const prepared = (first: number) => {
    const indices = order.subarray(first, first + batch);
    return { indices, made: begun(task, split, indices) };
  };
  let next = order.length > 0 ? prepared(0) : undefined;
  for (let first = batch; next !== undefined; first += batch) {
    const { indices, made } = next;
    const ready = await made;
    next = first < order.length ? prepared(first) : undefined;
    yield { batch: ready, indices };
  }
}

/** The same without the numbers. */
export async function* batchesOf(
  task: Task,
  split: Split,
  batch: number,
  examples = Number.POSITIVE_INFINITY,
): AsyncGenerator<TaskBatch> {
  for await (const next of numberedBatchesOf(task, split, batch, examples)) yield next.batch;
}
