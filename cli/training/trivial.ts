/** What a model gets that learns nothing of the inputs: the least that a placement must beat. */
import type { Expr, File, ModelDecl } from "../../compiler/syntax/ast.ts";
import { parse } from "../../compiler/syntax/parse.ts";
import type { Split, Task, TaskInput } from "../data/task.ts";
import { quantile } from "../statistics/quantile.ts";
import { constantsOf, meanBaseline, type TargetValues, targetValues } from "./target-values.ts";

export interface Trivial {
  /** The loss and the metrics that are known for it. */
  readonly measures: Readonly<Record<string, number>>;
  /** What is predicted for each of them: `the most frequent class`. */
  readonly predicted: Readonly<Record<string, string>>;
}

/** Measures whose value for a constant prediction is known, by their functions in the prelude. */
type Known = "cross_entropy" | "correct" | "mse" | "mae";

const KINDS: Readonly<Record<Known, TaskInput["kind"]>> = {
  cross_entropy: "index",
  correct: "index",
  mse: "value",
  mae: "value",
};

const isKnown = (name: string): name is Known => Object.hasOwn(KINDS, name);

/** A loss or metric that compares a target of the task with a prediction. */
interface TargetMeasure {
  readonly name: string;
  readonly known: Known;
  readonly target: string;
}

/**
 * The measures of the task's own baseline, or else of the most frequent class of the training part, its shares of classes (for a cross-entropy) or
 * its mean (for numbers), on a split. Only those of the model's measures that are `cross_entropy`, `correct`, `mse` or `mae` of a target;
 * undefined if none is. Throws the reason of `signal` once it is aborted. `text` is the file with the model `entry`.
 */
export async function trivialBaseline(
  { file, text, entry }: { readonly file: string; readonly text: string; readonly entry: string },
  task: Task,
  split: Split,
  signal?: AbortSignal,
): Promise<Trivial | undefined> {
  const wanted = targetMeasures(parse(text, file).file, entry).filter(
    ({ known, target }) => Object.hasOwn(task.inputs, target) && task.inputs[target].kind === KINDS[known],
  );
  const found: (readonly [measure: string, value: number, name: string])[] = [];
  for (const measure of wanted) {
    const prediction = await predictionOf(measure, task, split, signal);
    const value = await meanScore(prediction, targetValues(task, measure.target, split, signal));
    found.push([measure.name, value, prediction.name]);
  }
  if (found.length === 0) return undefined;
  return {
    measures: Object.fromEntries(found.map(([measure, value]) => [measure, value])),
    predicted: Object.fromEntries(found.map(([measure, , name]) => [measure, name])),
  };
}

/** The measures of a model, or of the base it is derived from, that are a known function of a prediction and a target. */
function targetMeasures({ declarations }: File, entry: string): readonly TargetMeasure[] {
  const own = new Set(declarations.flatMap((one) => (one.kind === "fn" ? [one.name.text] : [])));
  const model = modelOf(declarations, entry);
  if (model === undefined) return [];
  const targets = new Set(model.body.flatMap((stmt) => (stmt.kind === "target" ? [stmt.name.text] : [])));
  return model.body.flatMap((stmt): readonly TargetMeasure[] => {
    if (stmt.kind !== "loss" && stmt.kind !== "metric") return [];
    const { value } = stmt;
    if (value.kind !== "call" || !isKnown(value.callee.text) || own.has(value.callee.text)) return [];
    const target = value.args.map((arg) => nameOf(arg.value)).find((name) => name !== undefined && targets.has(name));
    if (value.args.length !== 2 || target === undefined) return [];
    return [{ name: stmt.kind === "loss" ? "loss" : stmt.name.text, known: value.callee.text, target }];
  });
}

function modelOf(declarations: File["declarations"], entry: string): ModelDecl | undefined {
  const found = declarations.find((one) => one.name.text === entry);
  if (found?.kind === "derived") return modelOf(declarations, found.base.text);
  return found?.kind === "model" ? found : undefined;
}

const nameOf = (value: Expr): string | undefined =>
  value.kind === "name" && !value.name.primed ? value.name.text : undefined;

/** What is predicted, and how well each value of a batch is. */
interface Prediction {
  readonly name: string;
  score(targets: TargetValues): Float64Array | Promise<Float64Array>;
}

async function predictionOf(
  { known, target }: TargetMeasure,
  task: Task,
  split: Split,
  signal: AbortSignal | undefined,
): Promise<Prediction> {
  const input = task.inputs[target];
  const { baseline } = task;
  if (input.kind === "index") {
    const counts = new Float64Array(input.size);
    for await (const { values } of targetValues(task, target, "train", signal)) for (const y of values) counts[y]++;
    const total = counts.reduce((sum, count) => sum + count, 0);
    const most = counts.indexOf(Math.max(...counts));
    if (known === "correct")
      return {
        name: "the most frequent class",
        score: ({ values }) => Float64Array.from(values, (y) => Number(y === most)),
      };
    // One more of each, so that a class that the examples lack does not cost infinitely much.
    const shares = counts.map((count) => (count + 1) / (total + input.size));
    return {
      name: "the shares of the classes",
      score: ({ values }) => Float64Array.from(values, (y) => -Math.log(shares[y])),
    };
  }
  const cost = known === "mse" ? (d: number): number => d * d : Math.abs;
  // The mean has the least squares, and the median the least distances.
  if (baseline === undefined && known === "mae") {
    const constants = await constantsOf(task, target, (values) => quantile(values, 0.5), signal);
    return {
      name: "the median of the training part",
      score: ({ values }) => Float64Array.from(values, (y, at) => cost(constants[at % constants.length] - y)),
    };
  }
  const from = baseline ?? meanBaseline(task, signal);
  return {
    name: baseline?.name ?? "the mean of the training part",
    async score({ values, rows, indices }) {
      const guess = await from.predict(target, split, indices);
      return Float64Array.from(values, (y, at) => cost(guess[rows[at]] - y));
    },
  };
}

/** The mean score over the examples of a split, and over their steps if the target has steps. */
async function meanScore({ score }: Prediction, values: AsyncIterable<TargetValues>): Promise<number> {
  let total = 0;
  let count = 0;
  for await (const targets of values) {
    for (const value of await score(targets)) total += value;
    count += targets.values.length;
  }
  return total / count;
}

/** `loss 0.1667 (the mean of the training part)` */
export function trivialText({ measures, predicted }: Trivial): string {
  const names = [...new Set(Object.values(predicted))];
  const of = (name: string): string =>
    Object.keys(measures)
      .filter((measure) => predicted[measure] === name)
      .map((measure) => `${measure} ${measures[measure].toFixed(4)}`)
      .join(", ");
  return names.map((name) => `${of(name)} (${name})`).join(", ");
}
