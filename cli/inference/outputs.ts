/** Which output of a model predicts which target of a task. */
import type { Graph, Op } from "../../compiler/ir/types.ts";
import { dependsOn } from "../../compiler/semantics/dependence.ts";
import type { Plan, Tensor } from "../../runtime/plan.ts";
import { WEIGHT } from "../data/roles.ts";
import type { Task, TaskBatch, TaskForm, TaskInput } from "../data/task.ts";
import { axisOf, lengthsAlong, overTime } from "../data/time-axes.ts";
import { exit, Failure } from "../failure.ts";

/** An output of a model, as it is written. */
export interface ChosenOutput {
  readonly name: string;
  /** Of an example, or of a step of it. */
  readonly shape: readonly number[];
  /** Whether there is one for each step. */
  readonly time: boolean;
  /** Of an output over time, in a model of several time axes: its axis. Default: the main one. */
  readonly axis?: string;
  /** What it predicts; undefined for an output that no target has the form of. */
  readonly target?: string;
}

/** A task, as far as outputs are chosen by it. */
type PredictedTask = TaskForm & Pick<Task, "outputs" | "preparation">;

/** What is not known when a model predicts: targets, and their weights. */
export const unknownTo = (task: PredictedTask): readonly string[] => [
  ...targetsOf(task),
  ...(task.preparation?.weight ? [WEIGHT] : []),
];

/** The targets of a task: what it says, or else `y`. */
const targetsOf = (task: PredictedTask): readonly string[] =>
  task.outputs === undefined ? Object.keys(task.inputs).filter((name) => name === "y") : Object.keys(task.outputs);

interface Request {
  readonly plan: Plan;
  /** The model's graph. */
  readonly graph: Graph;
  readonly task: PredictedTask;
  /** `z`, or `y=z` where a model has several outputs of one form: the output to write. */
  readonly output?: string;
}

/**
 * The outputs to write: the one that is asked for, or the one for each target. Throws C0406 where an output is missing, or reads what it is
 * to predict, and C0301 where several could be meant.
 */
export function chosenOutputs({ plan, graph, task, output }: Request): readonly ChosenOutput[] {
  const targets = targetsOf(task);
  const readers = readersOf(graph, unknownTo(task));
  const all = outputsOf(plan);
  const names = all.map(({ name }) => name).join(", ");
  const sound = ({ name }: ChosenOutput): ChosenOutput => {
    const read = readers.get(name);
    if (read === undefined) return all.find((one) => one.name === name)!;
    throw new Failure(
      "C0406",
      exit.input,
      `output ${name} of ${plan.name} is computed from ${read}, which is to be predicted`,
      "choose an output that does not read it: --output NAME",
    );
  };
  const fits = (one: ChosenOutput, target: string): boolean => isForm(one, task.inputs[target]);
  if (output !== undefined) {
    const [asked, target] = output.split("=").toReversed();
    const found = all.find(({ name }) => name === asked);
    if (found === undefined)
      throw new Failure("C0406", exit.input, `${plan.name} has no output ${asked}`, `it has ${names || "none"}`);
    const own = sound(found);
    if (target !== undefined) {
      if (targets.includes(target) && fits(own, target)) return [{ ...own, target }];
      throw new Failure(
        "C0406",
        exit.input,
        targets.includes(target)
          ? `output ${asked} has not the form of ${target}: ${words(own)}, want ${targetWords(task.inputs[target])}`
          : `there is no target ${target}`,
        `the targets are ${targets.join(", ")}`,
      );
    }
    const fitting = targets.filter((one) => fits(own, one));
    if (fitting.length > 1)
      throw new Failure(
        "C0301",
        exit.usage,
        `output ${asked} has the form of ${fitting.join(" and of ")}`,
        `say which it predicts: --output ${fitting[0]}=${asked}`,
      );
    return [{ ...own, ...(fitting.length === 1 && { target: fitting[0] }) }];
  }
  const chosen = targets.map((target) => {
    const fitting = all.filter((one) => fits(one, target));
    const free = fitting.filter(({ name }) => !readers.has(name));
    if (free.length > 1)
      throw new Failure(
        "C0301",
        exit.usage,
        `outputs ${free.map(({ name }) => name).join(" and ")} of ${plan.name} both have the form of ${target}`,
        `choose one: --output ${target}=${free[0].name}`,
      );
    if (free.length === 1) return { ...free[0], target };
    if (fitting.length > 0) sound(fitting[0]);
    const outputs = all.map((one) => `${one.name}: ${words(one)}`).join("; ");
    throw new Failure(
      "C0406",
      exit.input,
      `no output of ${plan.name} has the form of ${target}, ${targetWords(task.inputs[target])}${outputs === "" ? "; it has none" : `; there is ${outputs}`}`,
      "--output NAME writes one as it is",
    );
  });
  const other = chosen.find((one) => axisOf(one) !== axisOf(chosen[0]));
  if (other !== undefined)
    throw new Failure(
      "C0301",
      exit.usage,
      `${chosen[0].name} and ${other.name} do not go into one table: ${
        other.time && chosen[0].time ? "they are over different time axes" : "one is of each step, and one of the whole"
      }`,
      `choose one: --output ${other.name}`,
    );
  if (chosen.length === 0)
    throw new Failure(
      "C0301",
      exit.usage,
      `${task.name} says no target`,
      `choose an output: --output NAME, of ${names}`,
    );
  return chosen;
}

/** The steps that each example of a batch has along an output's time axis, or along the main one. `values` are the output's. */
export function outputSteps(
  { shape, time, axis }: ChosenOutput,
  batch: TaskBatch,
  values: Float32Array,
): (example: number) => number {
  const lengths = lengthsAlong(batch, axis);
  const width = shape.reduce((product, extent) => product * extent, 1);
  const all = time ? values.length / (batch.examples * width) : batch.steps;
  return (example) => lengths?.[example] ?? all;
}

function outputsOf({ entries }: Plan): readonly ChosenOutput[] {
  const tensors: readonly Tensor[] = entries.infer?.tensors ?? [];
  return tensors.flatMap(({ name, role, shape, batch, time, axis }) =>
    role.kind === "output" && batch ? [{ name, shape: shape.slice(1), time, ...(axis !== undefined && { axis }) }] : [],
  );
}

/** For each output that is computed from a target, that target. */
function readersOf(graph: Graph, targets: readonly string[]): ReadonlyMap<string, string> {
  const leaves = graph.ops.filter((op): op is Extract<Op, { op: "leaf" }> => op.op === "leaf");
  const marks = new Map(
    leaves.flatMap(({ attrs: { leaf }, results }) =>
      "name" in leaf && (leaf.kind === "input" || leaf.kind === "index") && targets.includes(leaf.name)
        ? [[results[0], leaf.name] as const]
        : [],
    ),
  );
  return new Map(
    graph.results.flatMap(({ kind, name, value }) => {
      const read = kind === "output" ? dependsOn(value, graph.ops, marks) : undefined;
      return read === undefined ? [] : [[name, read] as const];
    }),
  );
}

const plain = (shape: readonly number[]): string => shape.filter((extent) => extent !== 1).join();

/** Classes are predicted by a number for each. */
function isForm(output: ChosenOutput, target: TaskInput): boolean {
  const { shape } = output;
  return (
    axisOf(output) === axisOf(target) && plain(shape) === plain(target.kind === "index" ? [target.size] : target.shape)
  );
}

const words = ({ shape, ...over }: Pick<ChosenOutput, "shape" | "time" | "axis">): string =>
  `[${shape.join(", ")}]${overTime(over)}`;

const targetWords = (target: TaskInput): string =>
  words({ shape: target.kind === "index" ? [target.size] : target.shape, time: target.time, axis: target.axis });
