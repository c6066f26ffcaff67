/** The values of a target, and what is predicted of them that learns nothing: the mean of the training part. */

import { paced } from "../../runtime/fit/breathe.ts";
import type { Baseline, Split, Task, TaskBatch, TaskInput } from "../data/task.ts";
import { axesOf, axisOf, lengthsAlong, stepsOf, widthOf } from "../data/time-axes.ts";
import { numberedBatches } from "./batches.ts";
import { drawnInOrder } from "./order.ts";

/** Training examples that the constants are taken from: their shares and means change by a hundredth of themselves after that. */
const EXAMPLES = 10_000;
/** And the most values of long sequences, which are kept in memory. */
const VALUES = 1_000_000;
const BATCH = 500;

export interface TargetValues {
  /** The target's values in a batch, without steps that an example does not have. */
  readonly values: Float32Array;
  /** Where each of them stands in the batch's target. */
  readonly rows: Uint32Array;
  readonly indices: Uint32Array;
}

/** A target's values in a split, or in as many training examples as constants take, batch by batch. Throws the reason of an aborted signal. */
export async function* targetValues(
  task: Task,
  target: string,
  split: Split,
  signal?: AbortSignal,
): AsyncGenerator<TargetValues> {
  const examples = split === "train" ? EXAMPLES : Number.POSITIVE_INFINITY;
  // What learns nothing does not go on from anything, either.
  const alone = { ...task, carry: undefined };
  const drawing = drawnInOrder(alone, split, BATCH, examples);
  for await (const { batch, indices } of paced(numberedBatches(alone, split, drawing), signal)) {
    const rows = present(batch, target, task.inputs[target]);
    yield { values: Float32Array.from(rows, (at) => batch.inputs[target][at]), rows, indices };
  }
}

/** The places of a target's values that belong to steps which their examples have. */
function present(batch: TaskBatch, target: string, input: TaskInput): Uint32Array {
  const { examples } = batch;
  const axis = axisOf(input);
  const lengths = axis === undefined ? undefined : lengthsAlong(batch, axis);
  const all = Uint32Array.from({ length: batch.inputs[target].length }, (_, at) => at);
  if (lengths === undefined) return all;
  const size = widthOf(input);
  return all.filter((at) => Math.floor(at / (size * examples)) < lengths[Math.floor(at / size) % examples]);
}

/** A constant for each number of a target: `of` all its values in the training part, those that are missing left out. */
export async function constantsOf(
  task: Task,
  target: string,
  of: (values: readonly number[]) => number,
  signal?: AbortSignal,
): Promise<readonly number[]> {
  const size = widthOf(task.inputs[target]);
  const seen: number[][] = Array.from({ length: size }, () => []);
  for await (const { values } of targetValues(task, target, "train", signal)) {
    for (const [at, value] of values.entries()) if (!Number.isNaN(value)) seen[at % size].push(value);
    if (seen[0].length >= VALUES) break;
  }
  return seen.map(of);
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The steps that a target has in a batch of these examples. */
async function stepsIn(task: Task, target: string, split: Split, indices: Uint32Array): Promise<number> {
  const input = task.inputs[target];
  if (!input.time) return 1;
  // How long examples are along one axis of several, only a batch says.
  if (axesOf(task).length > 1) return stepsOf(await task.batch(split, indices), target, input);
  const lengths = task.lengths?.(split);
  return lengths === undefined ? task.steps : Math.max(...Array.from(indices, (at) => lengths[at]));
}

/** For a task without a baseline: the mean of the training part, of targets that are numbers. */
export function meanBaseline(task: Task, signal?: AbortSignal): Baseline {
  const known = new Map<string, Promise<readonly number[]>>();
  return {
    name: "mean",
    async predict(target, split, indices) {
      const constants = known.get(target) ?? constantsOf(task, target, mean, signal);
      known.set(target, constants);
      const means = await constants;
      const steps = await stepsIn(task, target, split, indices);
      return Float32Array.from({ length: steps * indices.length * means.length }, (_, i) => means[i % means.length]);
    },
  };
}
