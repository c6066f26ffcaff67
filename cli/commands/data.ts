/** `cellc data [WHAT]`: lists the tasks, shows examples of one, or describes a file. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Context } from "../context.ts";
import { taskNames } from "../data/catalogue.ts";
import { examplesSvg, exampleText } from "../data/picture.ts";
import { type DataSettings, openTaskWith } from "../data/settings.ts";
import type { Split, Task } from "../data/task.ts";
import { isModule } from "../data/task-module.ts";
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
  const path = await dataPath(name, options);
  if (path !== undefined) return (await import("./describe.ts")).describe(context, path, options);
  if (name === undefined) {
    for (const task of taskNames) output.say(task);
    output.result({ tasks: taskNames });
    return exit.ok;
  }
  const task = await openTaskWith(context, { ...options, task: name, streams: 1 });
  const indices = chosen(task, options);
  // Of one's own data, it has been said what was understood.
  if (task.preparation === undefined) output.say(output.colors.bold(task.summary));
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

/** The file or folder that is to be described; undefined if a task is meant. */
async function dataPath(name: string | undefined, { data }: DataOptions): Promise<string | undefined> {
  if (name === undefined) return data;
  if (taskNames.includes(name) || name.endsWith(".json") || data !== undefined) return undefined;
  if (name === "-") return name;
  if (!existsSync(name)) return /[./\\]/.test(name) && !isModule(name) ? name : undefined;
  // TypeScript and time series have the same ending.
  return isModule(name) && !(name.endsWith(".ts") && isSeries(await readFile(name, "utf8"))) ? undefined : name;
}

/** Whether the first lines that are no comments are those of a file of time series. */
const isSeries = (text: string): boolean =>
  /^(?:\s*(?:#.*)?\n)*\s*@(?:problemname|timestamps|missing|univariate|data)\b/i.test(text);

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
