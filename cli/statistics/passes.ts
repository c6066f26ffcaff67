/** Passes over data that estimate a model's statistics or measure the model. */
import type { Batch } from "../../runtime/batch.ts";
import { paced } from "../../runtime/fit/breathe.ts";
import type { Split, Task } from "../data/task.ts";
import { exit, Failure } from "../failure.ts";
import type { Output } from "../output.ts";
import { requireExamples, wholeBatches, wholeBatchesOf } from "../training/batches.ts";
import { unitCount } from "../training/order.ts";

/** The whole batches at the start of a split. */
export interface Pass {
  readonly split: Split;
  readonly count: number;
  /** Each call starts over. */
  batches(): AsyncIterable<Batch>;
}

/** Throws C0406 if the split has no whole batch. */
export function requireBatch(task: Task, split: Split, batch: number): void {
  requireExamples(task, split);
  const there = unitCount(task, split);
  if (there < batch)
    throw new Failure(
      "C0406",
      exit.input,
      `${task.name} has ${there} ${task.carry ? "sequences" : "examples"} in ${split}, fewer than a batch of ${batch}`,
      `--batch ${there} at most`,
    );
}

/** Throws C0406 if the split has no whole batch. */
export function passOver(task: Task, split: Split, batch: number, examples: number): Pass {
  requireBatch(task, split, batch);
  return {
    split,
    count: wholeBatches(task, split, batch, examples),
    batches: () => wholeBatchesOf(task, split, batch, examples),
  };
}

/** Runs `work` on the batches of a pass and shows its progress. Throws the reason of `interrupt` once it is aborted. */
export async function withProgress<T>(
  { count, batches }: Pass,
  facts: string,
  output: Output,
  interrupt: AbortSignal,
  work: (batches: AsyncIterable<Batch>) => Promise<T>,
): Promise<T> {
  const progress = output.progress(count, "batches");
  async function* counted(): AsyncGenerator<Batch> {
    let done = 0;
    for await (const batch of paced(batches(), interrupt)) {
      yield batch;
      progress.update(++done, facts);
    }
  }
  return work(counted()).finally(() => progress.stop());
}
