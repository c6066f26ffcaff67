/** A task that a module makes: `--task ./mine.mjs`. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { exit, Failure } from "../failure.ts";
import type { Task, TaskRequest } from "./task.ts";
import { checkedTask } from "./task-schema.ts";

/** Whether `--task` names a module rather than a built-in task. */
export const isModule = (name: string): boolean => /\.(?:mjs|js|cjs|mts|ts)$/.test(name);

/** The `task` that the module at a path exports, or that its function `task` returns. Throws C0401 and C0406. */
export async function openTaskModule(path: string, request: TaskRequest): Promise<Task> {
  let module: Readonly<Record<string, unknown>>;
  try {
    module = (await import(pathToFileURL(resolve(path)).href)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw new Failure(
      "C0401",
      exit.input,
      `cannot load ${path}: ${error instanceof Error ? error.message : String(error)}`,
      "a module of a task is JavaScript, or TypeScript where Node reads that",
    );
  }
  const { task } = module;
  if (task === undefined)
    throw new Failure("C0406", exit.input, `${path} exports no task`, "export const task = { name, inputs, …, batch }");
  return checkedTask(typeof task === "function" ? await task(request) : task, path);
}
