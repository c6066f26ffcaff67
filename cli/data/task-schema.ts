/** What a task must look like that cellc did not make: in the record of a run, and from a module. */
import { exit, Failure } from "../failure.ts";
import {
  dictionary,
  either,
  list,
  Mismatch,
  oneOf,
  record,
  type Schema,
  text,
  truth,
  whole,
} from "../report/schema.ts";
import type { Split, Task, TaskBatch, TaskForm, TaskInput, Uniform } from "./task.ts";

const taskInput: Schema<TaskInput> = either("kind", {
  value: record({ kind: oneOf("value"), shape: list(whole(1)), time: truth }),
  index: record({ kind: oneOf("index"), size: whole(1), time: truth }),
});

const form = { name: text, inputs: dictionary(taskInput), dims: dictionary(whole(1)), steps: whole(1) };

export const taskFormSchema: Schema<TaskForm> = record(form);

const taskSchema = record(
  { ...form, summary: text, splits: record({ train: whole(), validation: whole(), test: whole() }) },
  "allowed",
);

/** A task of somebody else's, whose batches are checked. Throws C0406 with what is wrong. */
export function checkedTask(value: unknown, where: string): Task {
  try {
    taskSchema(value, []);
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    throw wrong(where, `${["task", ...error.at].join(".")} ${error.message}`);
  }
  const task = value as Task;
  if (typeof task.batch !== "function") throw wrong(where, "task.batch is no function");
  if (Object.keys(task.inputs).length === 0) throw wrong(where, "task.inputs names no input");
  return {
    ...task,
    carry: undefined,
    ...(task.sequences && { sequences: (split: Split) => checkedSequences(task, split, where) }),
    ...(task.lengths && { lengths: (split: Split) => checkedLengths(task, split, where) }),
    ...(task.inEpoch && {
      inEpoch: (uniform: Uniform) => checkedBatches(task, checkedEpoch(task, uniform, where), where),
    }),
    ...checkedBatches(task, task, where),
  };
}

const checkedBatches = (task: Task, source: Pick<Task, "batch">, where: string): Pick<Task, "batch"> => ({
  batch: async (split, indices) => checkedBatch(task, await source.batch(split, indices), indices.length, where),
});

function checkedEpoch(task: Task, uniform: Uniform, where: string): Pick<Task, "batch"> {
  const epoch = task.inEpoch?.(uniform);
  if (typeof epoch?.batch !== "function")
    throw wrong(where, "task.inEpoch returns nothing that has a function `batch`");
  return epoch;
}

const wrong = (where: string, why: string): Failure =>
  new Failure("C0406", exit.input, `${where}: ${why}`, "docs/data.md has the interface, and cellc/task its types");

function checkedLengths(task: Task, split: Split, where: string): Uint32Array {
  const lengths = task.lengths?.(split);
  if (!(lengths instanceof Uint32Array) || lengths.length !== task.splits[split])
    throw wrong(where, `task.lengths("${split}") is no Uint32Array of ${task.splits[split]} lengths`);
  const bad = lengths.find((length) => length > task.steps);
  if (bad !== undefined) throw wrong(where, `task.lengths("${split}") has ${bad}, and task.steps is ${task.steps}`);
  return lengths;
}

function checkedSequences(task: Task, split: Split, where: string): Uint32Array {
  const parts = task.sequences?.(split);
  const count = task.splits[split];
  if (!(parts instanceof Uint32Array) || parts.includes(0) || parts.reduce((sum, own) => sum + own, 0) !== count)
    throw wrong(where, `task.sequences("${split}") is no Uint32Array of counts above 0 that add up to ${count}`);
  return parts;
}

function checkedBatch(task: Task, batch: TaskBatch, examples: number, where: string): TaskBatch {
  if (batch?.examples !== examples)
    throw wrong(where, `a batch of ${examples} examples says it has ${batch?.examples}`);
  if (!Number.isInteger(batch.steps) || batch.steps < 1 || batch.steps > task.steps)
    throw wrong(where, `a batch has ${batch.steps} steps, and task.steps is ${task.steps}`);
  if (task.lengths !== undefined && batch.lengths?.length !== examples)
    throw wrong(where, `a batch has no lengths of its ${examples} examples, and task.lengths tells of such`);
  for (const [name, input] of Object.entries(task.inputs)) {
    const values = batch.inputs?.[name];
    const each = input.kind === "index" ? 1 : input.shape.reduce((product, extent) => product * extent, 1);
    const wanted = (input.time ? batch.steps : 1) * examples * each;
    if (!(values instanceof Float32Array) || values.length !== wanted)
      throw wrong(where, `${name} of a batch is no Float32Array of ${wanted} numbers`);
  }
  return batch;
}
