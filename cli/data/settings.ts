/** The command line's options that choose the examples. */
import type { Context } from "../context.ts";
import { exit, Failure } from "../failure.ts";
import { targetNames } from "../targets.ts";
import { carryOf, goingOn } from "./carry.ts";
import { openTask, type TaskOptions, taskForm, taskNames } from "./catalogue.ts";
import { type DataOptions, dataOptionNames, dataOptions } from "./data-options.ts";
import type { Purpose } from "./own-data.ts";
import { type Preparation, preparationIn } from "./preparation.ts";
import { taskStreams } from "./streams.ts";
import type { Task, TaskForm } from "./task.ts";
import { readTaskFile } from "./task-file.ts";
import { isModule, openTaskModule } from "./task-module.ts";

export interface DataSettings {
  /** A file of one's own, or the folder of a built-in task's files. */
  readonly data?: string;
  readonly offline?: boolean;
  readonly time?: number;
  /** What is said about data of one's own. */
  readonly own?: DataOptions;
}

export interface TaskSettings extends DataSettings {
  /** A built-in task, a task file, or a module. Default: the task that `data` makes. */
  readonly task?: string;
  /** Sequences side by side, for commands whose states go on from window to window with `--carry`. */
  readonly streams?: number;
}

interface Where extends Pick<Context, "environment" | "output"> {
  readonly stdin?: Context["stdin"];
  /** Say nothing about the data: it has been said. */
  readonly quiet?: boolean;
}

/**
 * Opens the task that the settings choose. With a preparation, data of one's own is prepared by it. Throws as `openTask` and
 * `openOwnData` do, and C0301 if nothing is chosen, or options that only make sense for the other kind.
 */
export async function openTaskWith(
  where: Where,
  given: TaskSettings,
  preparation?: Preparation,
  purpose?: Purpose,
): Promise<Task> {
  const settings = await withTaskFile(given);
  const { task: name, data, own = {}, time, streams } = settings;
  const carry = carryOf(own, streams);
  if (name !== undefined) {
    // A module says itself which of its examples follow each other.
    const { carry: _, carryStatistics: __, ...ofFile } = own;
    if (Object.keys(ofFile).length > 0)
      throw new Failure(
        "C0301",
        exit.usage,
        `--task ${name} chooses its own examples, and ${flagsOf(ofFile)} about a file`,
        own.target === undefined
          ? "leave --task out, and name a file: --data FILE"
          : `--target names columns of a file, or where the model runs: ${targetNames.join(", ")}`,
      );
    const task = isModule(name)
      ? await openTaskModule(name, { data, steps: time, streams: taskStreams })
      : await openTask(name, optionsOf(where, settings));
    return carry === undefined ? task : goingOn(task, carry);
  }
  if (data === undefined)
    throw new Failure(
      "C0301",
      exit.usage,
      "nothing says what the examples are",
      `name a file: --data FILE; or one of the tasks: --task ${taskNames.join(", ")}`,
    );
  if (time !== undefined)
    throw new Failure(
      "C0301",
      exit.usage,
      "--time is for generated tasks; a file has the steps that it has",
      "for parts of them: --window",
    );
  const { openOwnData } = await import("./own-data.ts");
  const say = where.quiet ? () => {} : (line: string) => where.output.warn(line);
  return openOwnData({ stdin: stdinOf(where), say }, data, own, preparation, { ...purpose, streams, carry });
}

/** `--window is`, `--window and --group are`. */
function flagsOf(own: DataOptions): string {
  const flags = dataOptionNames.flatMap((key) => (own[key] === undefined ? [] : [dataOptions[key].flag.split(" ")[0]]));
  return flags.length === 1 ? `${flags[0]} is` : `${flags.slice(0, -1).join(", ")} and ${flags.at(-1)} are`;
}

/** The settings with what a task file says, where they name one; what they say themselves goes before. Throws as `readTaskFile` does. */
export async function withTaskFile<S extends TaskSettings>(settings: S): Promise<S> {
  if (settings.task?.endsWith(".json") !== true) return settings;
  const { data, own } = await readTaskFile(settings.task);
  return { ...settings, task: undefined, data: settings.data ?? data, own: { ...own, ...settings.own } };
}

async function* stdinOf({ stdin }: Where): AsyncGenerator<Uint8Array | string> {
  if (stdin === undefined)
    throw new Failure(
      "C0301",
      exit.usage,
      "several threads cannot read standard input",
      "write it to a file, and name that",
    );
  yield* stdin as AsyncIterable<Uint8Array | string>;
}

/**
 * Opens the task on which a checkpoint's model is measured, or which it is to predict: data of one's own is prepared as in training. Throws C0403 if the checkpoint
 * does not say how.
 */
export async function openTrainedTask(
  where: Where,
  settings: TaskSettings,
  checkpoint: string,
  state: Parameters<typeof preparationIn>[0],
  purpose?: Purpose,
): Promise<Task> {
  const preparation = preparationIn(state, checkpoint);
  const isOwn = settings.task === undefined ? settings.data !== undefined : settings.task.endsWith(".json");
  if (isOwn && preparation === undefined)
    throw new Failure(
      "C0403",
      exit.input,
      `${checkpoint} does not say how data is to be scaled: its model was not trained on a file`,
      "name the task that it was trained on: --task",
    );
  return openTaskWith(where, settings, preparation, purpose);
}

/** Whether `--task` names a task that is made or fetched here. */
export const isBuiltIn = (name: string): boolean => !name.endsWith(".json") && !isModule(name);

/** What a checkpoint's model must fit. Of a built-in task files are only read if its form depends on them. Throws as `taskForm` and `openTrainedTask` do. */
export async function formOf(
  where: Where,
  given: TaskSettings,
  checkpoint: string,
  state: Parameters<typeof preparationIn>[0],
): Promise<TaskForm> {
  const settings = await withTaskFile(given);
  if (settings.task !== undefined && isBuiltIn(settings.task))
    return taskForm(settings.task, optionsOf(where, settings));
  // A window is a window, whether or not states go on from it.
  const { carry: _, carryStatistics: __, ...own } = settings.own ?? {};
  return openTrainedTask(where, { ...settings, ...(settings.own && { own }) }, checkpoint, state);
}

const optionsOf = ({ environment, output }: Where, settings: DataSettings): TaskOptions => ({
  files: {
    directory: settings.data,
    offline: settings.offline ?? false,
    environment,
    say: (line) => output.warn(line),
  },
  streams: taskStreams,
  steps: settings.time,
});
