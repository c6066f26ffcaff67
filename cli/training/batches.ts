/** Batches of a task: shuffled for training, in order for everything else. Each is prepared while the one before it is in use. */
import type { RandomStreams, Split, Task, TaskBatch } from "../data/task.ts";
import { lengthsAlong } from "../data/time-axes.ts";
import { exit, Failure } from "../failure.ts";
import { type Drawing, type Drawn, drawnForTraining, drawnInOrder, drawnWhole } from "./order.ts";

/** A batch, and the examples that are in it. */
export interface NumberedBatch {
  readonly indices: Uint32Array;
  readonly batch: TaskBatch;
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

/** Endless shuffled batches from number `first` on, with their epochs, counted from 0. */
export async function* trainingBatches(
  task: Task,
  batch: number,
  streams: RandomStreams,
  first = 0,
): AsyncGenerator<{ readonly epoch: number; readonly batch: TaskBatch }, never> {
  const order = drawnForTraining(task, batch, streams, first);
  // What an epoch draws is its own, so that a resumed run continues where it stopped.
  const source = (epoch: number): Pick<Task, "batch"> => task.inEpoch?.(streams(`examples/${epoch}`)) ?? task;
  const prepared = (): { readonly epoch: number; readonly batch: Promise<TaskBatch> } => {
    const { epoch, drawn } = order.next().value;
    return { epoch, batch: begun(source(epoch), "train", drawn) };
  };
  for (let next = prepared(); ; ) {
    const now = next;
    const ready = await now.batch;
    next = prepared();
    yield { epoch: now.epoch, batch: ready };
  }
}

/** Begins to make a batch. An error is for whoever waits for it, and nobody may. */
function begun(task: Pick<Task, "batch">, split: Split, drawn: Drawn): Promise<TaskBatch> {
  const batch = made(task, split, drawn);
  batch.catch(() => {});
  return batch;
}

async function made(task: Pick<Task, "batch">, split: Split, { indices, begins, over }: Drawn): Promise<TaskBatch> {
  const batch = await task.batch(split, indices);
  // Sequences that go on have one time axis.
  const lengths = lengthsAlong(batch) ?? new Uint32Array(indices.length).fill(batch.steps);
  return {
    ...batch,
    ...(over && { lengths: lengths.map((own, place) => (over.includes(place) ? 0 : own)) }),
    ...(begins && { reset: "all" }),
  };
}

/** As `drawnWhole` has them. */
export function wholeBatchesOf(task: Task, split: Split, batch: number, examples: number): AsyncGenerator<TaskBatch> {
  return batchesAlone(task, split, drawnWhole(task, split, batch, examples));
}

/** The number of batches that `wholeBatchesOf` returns. */
export function wholeBatches(task: Task, split: Split, batch: number, examples: number): number {
  return drawnWhole(task, split, batch, examples).count;
}

/** The first `examples` of a split, or all of it, in order, or by length where lengths differ; the last batch may be smaller. */
export function batchesOf(task: Task, split: Split, batch: number, examples?: number): AsyncGenerator<TaskBatch> {
  return batchesAlone(task, split, drawnInOrder(task, split, batch, examples));
}

async function* batchesAlone(task: Task, split: Split, drawing: Drawing): AsyncGenerator<TaskBatch> {
  for await (const { batch } of numberedBatches(task, split, drawing)) yield batch;
}

/** The batches of a drawing, with the numbers of their examples. */
export async function* numberedBatches(task: Task, split: Split, drawing: Drawing): AsyncGenerator<NumberedBatch> {
  const prepared = (number: number) => {
    const drawn = drawing.at(number);
    return { indices: drawn.indices, batch: begun(task, split, drawn) };
  };
  let next = drawing.count > 0 ? prepared(0) : undefined;
  for (let number = 1; next !== undefined; number++) {
    const { indices, batch } = next;
    const ready = await batch;
    next = number < drawing.count ? prepared(number) : undefined;
    yield { indices, batch: ready };
  }
}
