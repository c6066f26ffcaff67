/** The time axes of a task: which input is over which, and how many steps examples have along each. */
import { mainAxis } from "../../runtime/batch.ts";
import type { Task, TaskBatch, TaskForm, TaskInput } from "./task.ts";

/** The time axis of an input; undefined for one that does not vary over time. */
export const axisOf = ({ time, axis = mainAxis }: Pick<TaskInput, "time" | "axis">): string | undefined =>
  time ? axis : undefined;

/** The time axes of a task's inputs. */
export const axesOf = ({ inputs }: Pick<TaskForm, "inputs">): readonly string[] => [
  ...new Set(Object.values(inputs).flatMap((input) => axisOf(input) ?? [])),
];

/** ` over time`, ` over time question`, or nothing: as a model declares it. */
export function overTime({ time, axis = mainAxis }: Pick<TaskInput, "time" | "axis">): string {
  if (!time) return "";
  return axis === mainAxis ? " over time" : ` over time ${axis}`;
}

/** The numbers of an example's step, or of an example. */
export const widthOf = (input: TaskInput): number =>
  input.kind === "index" ? 1 : input.shape.reduce((product, extent) => product * extent, 1);

/** The steps that each example of a batch has along a time axis; undefined if all have all of them. */
export function lengthsAlong(
  { lengths }: Pick<TaskBatch, "lengths">,
  axis: string = mainAxis,
): Uint32Array | undefined {
  if (lengths === undefined || lengths instanceof Uint32Array) return lengths;
  return Object.hasOwn(lengths, axis) ? lengths[axis] : undefined;
}

/** The steps that an input has in a batch; 1 if it does not vary over time. */
export const stepsOf = (batch: TaskBatch, name: string, input: TaskInput): number =>
  input.time ? batch.inputs[name].length / (batch.examples * widthOf(input)) : 1;

/** A batch as large as a task's can be, by which a plan says what it cannot do. */
export const largestBatch = (task: Task, examples: number) => ({
  examples,
  axes: Object.fromEntries([mainAxis, ...axesOf(task)].map((axis) => [axis, { steps: task.steps }])),
});
