/** The command line's options that choose the examples. */
import type { Context } from "../context.ts";
import { openTask } from "./catalogue.ts";
import { taskStreams } from "./streams.ts";
import type { Task } from "./task.ts";

export interface DataSettings {
  readonly data?: string;
  readonly offline?: boolean;
  readonly validation?: boolean;
  readonly time?: number;
}

/** Opens the task of that name. Throws as `openTask` does. */
export function openTaskWith(
  { environment, output }: Pick<Context, "environment" | "output">,
  name: string,
  settings: DataSettings,
): Promise<Task> {
  return openTask(name, {
    mnist: {
      directory: settings.data,
      offline: settings.offline ?? false,
      environment,
      say: (line) => output.warn(line),
    },
    streams: taskStreams,
    validation: settings.validation ?? false,
    steps: settings.time,
  });
}
