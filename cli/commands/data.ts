/** `cellc data [TASK]`: lists the tasks, or shows examples of one. */
import type { Context } from "../context.ts";
import { taskNames } from "../data/catalogue.ts";
import { examplesSvg, exampleText } from "../data/picture.ts";
import { type DataSettings, openTaskWith } from "../data/settings.ts";
import type { Split, Task } from "../data/task.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { writeAtomically } from "../report/files.ts";

export interface DataOptions extends DataSettings {
  readonly split: Split;
  readonly from: number;
  readonly count: number;
  /** Write a picture instead of printing text. */
  readonly svg?: string;
}

export async function data(context: Context, name: string | undefined, options: DataOptions): Promise<ExitCode> {
  const { output } = context;
  if (name === undefined) {
    for (const task of taskNames) output.say(task);
    output.result({ tasks: taskNames });
    return exit.ok;
  }
  const task = await openTaskWith(context, { ...options, task: name });
  const indices = chosen(task, options);
  output.say(output.colors.bold(task.summary));
  output.say(
    `${task.steps} steps; ${Object.entries(task.splits)
      .map(([split, count]) => `${split} ${count}`)
      .join(", ")}`,
  );
  if (options.svg !== undefined) {
    if (task.picture === undefined)
      throw new Failure("C0301", exit.usage, `${name} has no pictures`, "leave out --svg");
    await writeAtomically(options.svg, examplesSvg(task, options.split, indices));
    output.say(`${options.svg} written`);
  } else {
    for (const index of indices) output.say(`\n${await exampleText(task, options.split, index)}`);
  }
  const { summary, inputs, dims, steps, splits } = task;
  output.result({
    name,
    summary,
    inputs,
    dims,
    steps,
    splits,
    examples: output.json ? await documents(task, options.split, indices) : [],
  });
  return exit.ok;
}

function chosen(task: Task, { split, from, count }: DataOptions): readonly number[] {
  const size = task.splits[split];
  if (from >= size)
    throw new Failure("C0301", exit.usage, `${task.name} has ${size} examples in ${split}, no number ${from}`);
  return Array.from({ length: Math.min(count, size - from) }, (_, i) => from + i);
}

async function documents(task: Task, split: Split, indices: readonly number[]): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  for (const index of indices) {
    const { inputs } = await task.batch(split, Uint32Array.of(index));
    const numbers = Object.entries(inputs).map(([name, values]) => [name, Array.from(values)] as const);
    found.push({ index, inputs: Object.fromEntries(numbers) });
  }
  return found;
}
