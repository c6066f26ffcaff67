/** The command line's options that choose the examples. */
import type { Context } from "../context.ts";
import { openTask, type TaskOptions, taskForm } from "./catalogue.ts";
import { taskStreams } from "./streams.ts";
import type { Task, TaskForm } from "./task.ts";

export interface DataSettings {
  readonly data?: string;
  readonly offline?: boolean;
  readonly time?: number;
}

type Where = Pick<Context, "environment" | "output">;

/** Opens the task of that name. Throws as `openTask` does. */
export const openTaskWith = (where: Where, name: string, settings: DataSettings): Promise<Task> =>
  openTask(name, optionsOf(where, settings));

/** The form of the task of that name, without its data. Throws as `taskForm` does. */
export const taskFormWith = (where: Where, name: string, settings: DataSettings): Promise<TaskForm> =>
  taskForm(name, optionsOf(where, settings));

const optionsOf = ({ environment, output }: Where, settings: DataSettings): TaskOptions => ({
  mnist: {
    directory: settings.data,
    offline: settings.offline ?? false,
    environment,
    say: (line) => output.warn(line),
  },
  streams: taskStreams,
  steps: settings.time,
});
