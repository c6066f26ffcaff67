/** Every task by name, as `--task` and `cellc data` take it. */
import { exit, Failure } from "../failure.ts";
import { loadMnist } from "./mnist.ts";
import type { RandomStreams, Task, TaskForm } from "./task.ts";
import type { FileOptions } from "./task-folders.ts";
import { addingTask } from "./tasks/adding.ts";
import { ANSWERED_IN_STORY, babiTask } from "./tasks/babi.ts";
import { clozeTask } from "./tasks/cloze.ts";
import { cnnTask } from "./tasks/cnn.ts";
import { digitsTask } from "./tasks/digits.ts";
import { type MnistReading, mnistForm, mnistTask } from "./tasks/mnist.ts";

export interface TaskOptions {
  readonly files: FileOptions;
  /** Random streams for generated data and orders. They do not depend on `--seed`: a task has the same examples in every run. */
  readonly streams: RandomStreams;
  /** Sequence length, for tasks that leave it open. */
  readonly steps?: number;
}

type Opener = (options: TaskOptions) => Promise<Task>;

/** Default sequence length of `adding`: Hochreiter & Schmidhuber's shortest. */
const ADDING_STEPS = 100;

const mnist =
  (reading: MnistReading): Opener =>
  async ({ files, streams }) =>
    mnistTask(reading, await loadMnist(files), streams);

const babi =
  (number?: number): Opener =>
  ({ files }) =>
    babiTask(number, files);

const OPENERS: Readonly<Record<string, Opener>> = {
  "mnist-rows": mnist("rows"),
  "mnist-pixels": mnist("pixels"),
  "mnist-permuted": mnist("permuted"),
  "mnist-permuted-released": mnist("permuted-released"),
  digits: async ({ streams }) => digitsTask("pixels", streams),
  "digits-rows": async ({ streams }) => digitsTask("rows", streams),
  adding: async ({ streams, steps }) => addingTask(steps ?? ADDING_STEPS, streams),
  cloze: async ({ streams }) => clozeTask(streams),
  babi: babi(),
  ...Object.fromEntries(ANSWERED_IN_STORY.map((number) => [`babi-${number}`, babi(number)])),
  cnn: ({ files, streams }) => cnnTask(files, streams),
};

export const taskNames: readonly string[] = Object.keys(OPENERS);

/** The forms of tasks whose files can be known without being read. */
const FORMS: Readonly<Record<string, () => TaskForm>> = {
  "mnist-rows": () => mnistForm("rows"),
  "mnist-pixels": () => mnistForm("pixels"),
  "mnist-permuted": () => mnistForm("permuted"),
  "mnist-permuted-released": () => mnistForm("permuted-released"),
};

/** Opens a task. Throws C0301 for an unknown name, and any error from reading its data. */
export async function openTask(name: string, options: TaskOptions): Promise<Task> {
  checkName(name);
  return withSteps(await OPENERS[name](options), options);
}

/** The form of a task, for which no file is read if it is known without. Throws as `openTask` does. */
export async function taskForm(name: string, options: TaskOptions): Promise<TaskForm> {
  checkName(name);
  return withSteps(Object.hasOwn(FORMS, name) ? FORMS[name]() : await OPENERS[name](options), options);
}

function checkName(name: string): void {
  if (!Object.hasOwn(OPENERS, name))
    throw new Failure("C0301", exit.usage, `there is no task ${name}`, `the tasks are ${taskNames.join(", ")}`);
}

function withSteps<T extends TaskForm>(task: T, { steps }: TaskOptions): T {
  if (steps === undefined || steps === task.steps) return task;
  throw new Failure("C0301", exit.usage, `${task.name} has ${task.steps} steps; its length cannot be chosen`);
}
