/** Checks that a task has the inputs of a model. */
import type { Plan, Tensor } from "../../runtime/plan.ts";
import { WEIGHT } from "../data/roles.ts";
import type { Task, TaskInput } from "../data/task.ts";
import { overTime } from "../data/time-axes.ts";
import { exit, Failure } from "../failure.ts";

/** An input of the model that the task does not have so. */
interface Wrong {
  readonly tensor: Tensor;
  readonly given: TaskInput | undefined;
  readonly words: string;
}

/** Throws C0406, with every difference and what would mend it, unless the task has each input of the plan with its shape and kind. */
export async function checkInputs(plan: Plan, task: Task): Promise<void> {
  const wrong = inputsOf(plan).flatMap((tensor): readonly Wrong[] => {
    const given = Object.hasOwn(task.inputs, tensor.name) ? task.inputs[tensor.name] : undefined;
    const want = wordsOf(tensor);
    const have = given === undefined ? "the task has none of that name" : `the task gives ${taskWords(given)}`;
    const isRight = given !== undefined && want === taskWords(given);
    return isRight ? [] : [{ tensor, given, words: `${tensor.name}: the model wants ${want}, ${have}` }];
  });
  if (wrong.length === 0) return;
  const mends: string[] = [];
  for (const { tensor, given } of wrong) mends.push(...(await kindMends(tensor, given, task)));
  const dims = Object.entries(task.dims).map(([name, value]) => `${name}=${value}`);
  throw new Failure(
    "C0406",
    exit.input,
    `${task.name} does not fit ${plan.name}:\n${wrong.map(({ words }) => `  ${words}`).join("\n")}`,
    [
      ...new Set(mends),
      `${task.name} is meant for --dims ${dims.join(",")}; its inputs are ${Object.keys(task.inputs).join(", ")}`,
    ].join("; "),
  );
}

/** Throws C0406 if the data has weights, and the model reads none: it would be trained as if there were none. */
export function checkWeights(plan: Plan, { name, inputs, preparation }: Task): void {
  if (preparation?.weight === undefined || inputsOf(plan).some((tensor) => tensor.name === WEIGHT)) return;
  const form = taskWords(inputs[WEIGHT]);
  throw new Failure(
    "C0406",
    exit.input,
    `${name} has weights, and ${plan.name} does not read them`,
    `declare target weight : ${form}, and weigh the loss: loss sum(weight * …, over batch) / sum(weight, over batch)`,
  );
}

/** Examples that are looked at to see whether their numbers are whole. */
const LOOKED_AT = 100;

/** What to say on the command line of data of one's own, where the model wants classes or symbols and numbers are given, or the other way. */
async function kindMends({ name, role }: Tensor, given: TaskInput | undefined, task: Task): Promise<readonly string[]> {
  const { preparation } = task;
  if (preparation === undefined) return [];
  const target = Object.hasOwn(preparation.targets, name) ? preparation.targets[name] : undefined;
  if (target !== undefined && given !== undefined && (role.kind === "index") !== (given.kind === "index")) {
    const [field] = target.fields;
    if (target.kind === "symbols") {
      if (target.names.some((one) => one.trim() === "" || Number.isNaN(Number(one))))
        return [`the values of ${field} are classes, for a model with target ${name} : index(K)`];
      return [`to take ${field} as numbers: ${said("target", name, field)}, and no ${said("label", name, field)}`];
    }
    if (target.fields.length > 1) return [`classes are those of a single column: ${said("label", name, field)}`];
    const values = await shownNumbers(task, name);
    const broken = values.find((value) => !Number.isNaN(value) && !Number.isInteger(value));
    return broken === undefined
      ? [`to take the numbers of ${field} as classes: ${said("label", name, field)}`]
      : [`${field} has numbers such as ${broken}, for a model with target ${name} : [${target.fields.length}]`];
  }
  if (role.kind !== "index" || given?.kind === "index") return [];
  const [only, ...others] = Object.entries(preparation.inputs).filter(([, { kind }]) => kind === "numbers");
  if (only === undefined || others.length > 0 || only[1].fields.length > 1) return [];
  const [field] = only[1].fields;
  return [`to take the values of ${field} as symbols: --symbols ${field}`];
}

/** How a command line says it for `y`, and a task file for any other name. */
const said = (key: "target" | "label", name: string, field: string): string =>
  name === "y"
    ? `--${key} ${field}`
    : `"${key}": {"${name}": ${key === "target" ? `["${field}"]` : `"${field}"`}} in a task file`;

/** The numbers of a target in some examples, in the data's own units. */
async function shownNumbers(task: Task, target: string): Promise<readonly number[]> {
  const split = (["train", "validation", "test"] as const).find((one) => task.splits[one] > 0);
  if (split === undefined) return [];
  const indices = Uint32Array.from({ length: Math.min(LOOKED_AT, task.splits[split]) }, (_, at) => at);
  return Array.from((await task.truth?.(target, split, indices)) ?? []);
}

/** The tensors of all entries that are filled from data. */
function inputsOf(plan: Plan): readonly Tensor[] {
  const tensors = Object.values(plan.entries).flatMap((entry) => entry.tensors);
  const inputs = tensors.filter(({ role }) => role.kind === "input" || role.kind === "index");
  return [...new Map(inputs.map((tensor) => [tensor.name, tensor])).values()];
}

function wordsOf({ role, shape, batch, time, axis }: Tensor): string {
  const over = overTime({ time, axis });
  if (role.kind === "index") return `whole numbers below ${role.size}${over}`;
  return `[${shape.slice(batch ? 1 : 0).join(", ")}]${over}`;
}

function taskWords(input: TaskInput): string {
  const over = overTime(input);
  return input.kind === "index" ? `whole numbers below ${input.size}${over}` : `[${input.shape.join(", ")}]${over}`;
}
