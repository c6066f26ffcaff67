/** Checks that a task has the inputs of a model. */
import type { Plan, Tensor } from "../../runtime/plan.ts";
import type { Task, TaskInput } from "../data/task.ts";
import { exit, Failure } from "../failure.ts";

/** Throws C0406, with every difference, unless the task has each input of the plan with its shape and kind. */
export function checkInputs(plan: Plan, task: Task): void {
  const wanted = inputsOf(plan);
  const differences = wanted.flatMap((tensor) => {
    const given = Object.hasOwn(task.inputs, tensor.name) ? task.inputs[tensor.name] : undefined;
    const want = wordsOf(tensor);
    if (given === undefined) return [`${tensor.name}: the model wants ${want}, the task has none of that name`];
    const have = taskWords(given);
    return want === have ? [] : [`${tensor.name}: the model wants ${want}, the task gives ${have}`];
  });
  if (differences.length === 0) return;
  const dims = Object.entries(task.dims).map(([name, value]) => `${name}=${value}`);
  throw new Failure(
    "C0406",
    exit.input,
    `${task.name} does not fit ${plan.name}:\n${differences.map((line) => `  ${line}`).join("\n")}`,
    `${task.name} is meant for --dims ${dims.join(",")}; its inputs are ${Object.keys(task.inputs).join(", ")}`,
  );
}

/** The tensors of all entries that are filled from data. */
function inputsOf(plan: Plan): readonly Tensor[] {
  const tensors = Object.values(plan.entries).flatMap((entry) => entry.tensors);
  const inputs = tensors.filter(({ role }) => role.kind === "input" || role.kind === "index");
  return [...new Map(inputs.map((tensor) => [tensor.name, tensor])).values()];
}

function wordsOf({ role, shape, batch, time }: Tensor): string {
  const over = time ? " over time" : "";
  if (role.kind === "index") return `whole numbers below ${role.size}${over}`;
  return `[${shape.slice(batch ? 1 : 0).join(", ")}]${over}`;
}

function taskWords(input: TaskInput): string {
  const over = input.time ? " over time" : "";
  return input.kind === "index" ? `whole numbers below ${input.size}${over}` : `[${input.shape.join(", ")}]${over}`;
}
