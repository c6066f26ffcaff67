/** What a task must look like that cellc did not make: in the record of a run, and from a module. */
import { mainAxis } from "../../runtime/batch.ts";
import { exit, Failure } from "../failure.ts";
import {
  dictionary,
  either,
  list,
  Mismatch,
  oneOf,
  optional,
  record,
  type Schema,
  text,
  truth,
  whole,
} from "../report/schema.ts";
import type { Split, Task, TaskBatch, TaskForm, TaskInput, Uniform } from "./task.ts";
import { axesOf, axisOf, lengthsAlong, stepsOf, widthOf } from "./time-axes.ts";

const taskInput: Schema<TaskInput> = either("kind", {
  value: record({ kind: oneOf("value"), shape: list(whole(1)), time: truth, axis: optional(text) }),
  index: record({ kind: oneOf("index"), size: whole(1), time: truth, axis: optional(text) }),
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
  checkAxes(task, where);
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

function checkAxes(task: Task, where: string): void {
  const axes = axesOf(task);
  const still = Object.entries(task.inputs).find(([, { time, axis }]) => !time && axis !== undefined);
  if (still !== undefined) throw wrong(where, `task.inputs.${still[0]} has an axis, and does not vary over time`);
  if (axes.length === 1 && axes[0] !== mainAxis)
    throw wrong(where, `task.inputs has the only time axis ${axes[0]}: an only axis is the main one, and is not named`);
  if (axes.length > 1 && task.sequences !== undefined)
    throw wrong(where, `task.sequences cuts sequences into parts, and there are several time axes: ${axes.join(", ")}`);
}

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
  const axes = axesOf(task);
  checkBatchLengths(task, batch, axes, where);
  /** Steps along each axis: those of the main one, and of the first input over any other. */
  const steps = new Map([[mainAxis, batch.steps]]);
  for (const [name, input] of Object.entries(task.inputs)) {
    const values = batch.inputs?.[name];
    const axis = axisOf(input);
    if (axis !== undefined && !steps.has(axis) && values instanceof Float32Array)
      steps.set(axis, stepsOf(batch, name, input));
    const along = axis === undefined ? 1 : (steps.get(axis) ?? batch.steps);
    if (!Number.isInteger(along) || along < 1 || along > task.steps)
      throw wrong(where, `${name} of a batch has ${along} steps along ${axis}, and task.steps is ${task.steps}`);
    const wanted = along * examples * widthOf(input);
    if (!(values instanceof Float32Array) || values.length !== wanted)
      throw wrong(where, `${name} of a batch is no Float32Array of ${wanted} numbers`);
  }
  const longest = Math.max(...axes.map((axis) => steps.get(axis) ?? 1));
  if (axes.length > 1 && !axes.includes(mainAxis) && batch.steps !== longest)
    throw wrong(where, `a batch has ${batch.steps} steps, and the longest of its axes ${longest}`);
  for (const axis of axes) {
    const long = lengthsAlong(batch, axis)?.find((length) => length > steps.get(axis)!);
    if (long !== undefined)
      throw wrong(where, `a batch has an example of ${long} steps, and ${steps.get(axis)} steps along ${axis}`);
  }
  return batch;
}

/** In a task of several axes lengths are said for each by its name, for a list alone would not say of which. */
function checkBatchLengths(task: Task, batch: TaskBatch, axes: readonly string[], where: string): void {
  const { examples, lengths } = batch;
  if (lengths === undefined) {
    if (task.lengths === undefined) return;
    throw wrong(where, `a batch has no lengths of its ${examples} examples, and task.lengths tells of such`);
  }
  const several = axes.length > 1;
  if (several === lengths instanceof Uint32Array)
    throw wrong(
      where,
      several
        ? `a batch has lengths, and does not say along which of the time axes ${axes.join(", ")}`
        : "a batch has lengths along several time axes, and the task has one",
    );
  const stranger = lengths instanceof Uint32Array ? undefined : Object.keys(lengths).find((one) => !axes.includes(one));
  if (stranger !== undefined) throw wrong(where, `a batch has lengths along ${stranger}, which is no axis of the task`);
  for (const own of lengths instanceof Uint32Array ? [lengths] : Object.values(lengths))
    if (!(own instanceof Uint32Array) || own.length !== examples)
      throw wrong(where, `lengths of a batch are no Uint32Array of its ${examples} examples`);
}
