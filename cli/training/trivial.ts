/** What a model gets that learns nothing of the inputs: the least that a placement must beat. */
import type { Expr, File, ModelDecl } from "../../compiler/syntax/ast.ts";
import { parse } from "../../compiler/syntax/parse.ts";
import type { Split, Task, TaskBatch, TaskInput } from "../data/task.ts";
import { quantile } from "../statistics/quantile.ts";
import { batchesOf } from "../training/batches.ts";

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

/** Training examples that the constants are taken from: their shares and means change by a hundredth of themselves after that. */
const EXAMPLES = 10_000;
const BATCH = 500;

/**
 * The measures of the task's own baseline, or else of the most frequent class of the training part, its shares of classes (for a cross-entropy) or
 * its mean (for numbers), on a split. Only those of the model's measures that are `cross_entropy`, `correct`, `mse` or `mae` of a target;
 * undefined if none is. `text` is the file with the model `entry`.
 */
export async function trivialBaseline(
  { file, text, entry }: { readonly file: string; readonly text: string; readonly entry: string },
  task: Task,
  split: Split,
): Promise<Trivial | undefined> {
  const wanted = targetMeasures(parse(text, file).file, entry).filter(
    ({ known, target }) => Object.hasOwn(task.inputs, target) && task.inputs[target].kind === KINDS[known],
  );
  const found: (readonly [measure: string, value: number, name: string])[] = [];
  for (const measure of wanted) {
    const predicted = await predictions(measure, task, split);
    if (predicted !== undefined) found.push([measure.name, predicted.value, predicted.name]);
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

interface Predicted {
  readonly name: string;
  /** Mean over the examples of the split, and over their steps if the target has steps. */
  readonly value: number;
}

async function predictions({ known, target }: TargetMeasure, task: Task, split: Split): Promise<Predicted | undefined> {
  const input = task.inputs[target];
  const { baseline } = task;
  if (input.kind === "index") {
    const counts = new Float64Array(input.size);
    for await (const { values } of targetsOf(task, target, "train", EXAMPLES)) for (const y of values) counts[y]++;
    const total = counts.reduce((sum, count) => sum + count, 0);
    const most = counts.indexOf(Math.max(...counts));
    if (known === "correct") {
      const score = async ({ values }: Targets): Promise<Float64Array> =>
        Float64Array.from(values, (y) => Number(y === most));
      return { name: "the most frequent class", value: await meanOver(task, target, split, score) };
    }
    // One more of each, so that a class that the examples lack does not cost infinitely much.
    const shares = counts.map((count) => (count + 1) / (total + input.size));
    const score = async ({ values }: Targets): Promise<Float64Array> =>
      Float64Array.from(values, (y) => -Math.log(shares[y]));
    return { name: "the shares of the classes", value: await meanOver(task, target, split, score) };
  }
  const cost = known === "mse" ? (d: number): number => d * d : Math.abs;
  if (baseline !== undefined) {
    const score = async ({ values, rows, indices }: Targets): Promise<Float64Array> => {
      const guess = await baseline.predict(target, split, indices);
      return Float64Array.from(values, (y, at) => cost(guess[rows[at]] - y));
    };
    return { name: baseline.name, value: await meanOver(task, target, split, score) };
  }
  const size = input.shape.reduce((product, extent) => product * extent, 1);
  const seen: number[][] = Array.from({ length: size }, () => []);
  for await (const { values } of targetsOf(task, target, "train", EXAMPLES))
    values.forEach((value, at) => void seen[at % size].push(value));
  const constant = seen.map((numbers) =>
    known === "mse" ? numbers.reduce((sum, value) => sum + value, 0) / numbers.length : quantile(numbers, 0.5),
  );
  const score = async ({ values }: Targets): Promise<Float64Array> =>
    Float64Array.from(values, (y, at) => cost(constant[at % size] - y));
  return {
    name: known === "mse" ? "the mean of the training part" : "the median of the training part",
    value: await meanOver(task, target, split, score),
  };
}

interface Targets {
  /** The target's values in a batch, without steps that an example does not have. */
  readonly values: Float32Array;
  /** Where each of them stands in the batch's target. */
  readonly rows: Uint32Array;
  readonly indices: Uint32Array;
}

async function* targetsOf(task: Task, target: string, split: Split, examples: number): AsyncGenerator<Targets> {
  let first = 0;
  for await (const batch of batchesOf(task, split, BATCH, examples)) {
    const indices = Uint32Array.from({ length: batch.examples }, (_, at) => first + at);
    first += batch.examples;
    const rows = present(batch, target, task.inputs[target]);
    yield { values: Float32Array.from(rows, (at) => batch.inputs[target][at]), rows, indices };
  }
}

/** The places of a target's values that belong to steps which their examples have. */
function present(batch: TaskBatch, target: string, { time }: TaskInput): Uint32Array {
  const { examples, steps, lengths } = batch;
  const all = Uint32Array.from({ length: batch.inputs[target].length }, (_, at) => at);
  if (!time || lengths === undefined) return all;
  const size = all.length / (steps * examples);
  return all.filter((at) => Math.floor(at / (size * examples)) < lengths[Math.floor(at / size) % examples]);
}

async function meanOver(
  task: Task,
  target: string,
  split: Split,
  score: (targets: Targets) => Promise<Float64Array>,
): Promise<number> {
  let total = 0;
  let count = 0;
  for await (const targets of targetsOf(task, target, split, Number.POSITIVE_INFINITY)) {
    for (const value of await score(targets)) total += value;
    count += targets.values.length;
  }
  return total / count;
}
