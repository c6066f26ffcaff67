/** A batch's predictions as rows: what each belongs to, what is predicted in the data's own units, and the truth where it is known. */
import type { Column } from "../data/predictions/columns.ts";
import { isEachStep, type TargetPlace } from "../data/target-place.ts";
import type { Split, Task, TaskBatch, TaskOutput } from "../data/task.ts";
import { type ChosenOutput, outputSteps } from "./outputs.ts";
import { areProbabilities, largest, softmax } from "./probabilities.ts";

export interface PredictedBatch {
  readonly split: Split;
  readonly indices: Uint32Array;
  readonly batch: TaskBatch;
  /** The model's outputs by name: [T, B, …] or [B, …]. */
  readonly outputs: Readonly<Record<string, Float32Array>>;
}

/** A row: an example and, where there is a prediction for each step, the step in it. */
interface Row {
  /** The example's place in the batch. */
  readonly e: number;
  /** The step whose output is read. */
  readonly t: number | undefined;
  /** The step that it is about, counted from the example's first; it may lie behind the last. */
  readonly about: number;
}

/** Makes columns of predictions. All batches give the same columns. */
export class PredictionRows {
  readonly #task: Task;
  readonly #chosen: readonly ChosenOutput[];
  /** By output, whether it has probabilities as they are; known from the first batch on. */
  readonly #areProbabilities = new Map<string, boolean>();

  constructor(task: Task, chosen: readonly ChosenOutput[]) {
    this.#task = task;
    this.#chosen = chosen;
  }

  async columns(predicted: PredictedBatch): Promise<readonly Column[]> {
    const rows = this.#rows(predicted);
    const keys = await this.#keys(predicted, rows);
    const columns: Column[] = [];
    for (const chosen of this.#chosen) columns.push(...(await this.#ofOutput(chosen, predicted, rows)));
    return distinct([...keys, ...columns]);
  }

  /** Where the first target stands; a task that does not say has one for each step, or for the whole. */
  get #place(): TargetPlace {
    const [{ target, time }] = this.#chosen;
    const place = target === undefined ? undefined : this.#task.preparation?.places[target];
    return place ?? (time ? "step" : "last");
  }

  #rows({ split, indices, batch, outputs }: PredictedBatch): readonly Row[] {
    const place = this.#place;
    const { keys, preparation } = this.#task;
    const [chosen] = this.#chosen;
    const { target } = chosen;
    const stepsOf = outputSteps(chosen, batch, outputs[chosen.name]);
    const isSymbol = target !== undefined && preparation?.targets[target]?.kind === "symbols";
    const horizon = preparation?.horizon ?? 0;
    return Array.from(indices).flatMap((index, e): readonly Row[] => {
      const length = stepsOf(e);
      if (!isEachStep(place)) {
        const about = place !== "horizon" ? length - 1 : isSymbol ? length + horizon - 1 : length;
        return [{ e, t: undefined, about }];
      }
      // What a window before this one has predicted, with all of its past, is not predicted again.
      const first = keys?.stepsSeenBefore(split, index) ?? 0;
      return Array.from({ length: Math.max(0, length - first) }, (_, i) => {
        const t = first + i;
        return { e, t, about: place === "next" ? t + 1 : t };
      });
    });
  }

  async #keys({ split, indices }: PredictedBatch, rows: readonly Row[]): Promise<readonly Column[]> {
    const { keys } = this.#task;
    if (keys === undefined) {
      const counted = (name: string, of: (row: Row) => number): Column => ({
        kind: "numbers",
        name,
        shape: [],
        values: Int32Array.from(rows, of),
      });
      return [
        counted("example", ({ e }) => indices[e] + 1),
        ...(rows.some(({ t }) => t !== undefined) ? [counted("step", ({ about }) => about + 1)] : []),
      ];
    }
    const texts: (readonly string[])[] = [];
    for (let from = 0; from < rows.length; ) {
      let to = from;
      while (to < rows.length && rows[to].e === rows[from].e) to++;
      const steps = rows.slice(from, to).map(({ about }) => about);
      texts.push(...(await keys.of(split, indices[rows[from].e], steps)));
      from = to;
    }
    return keys.names.map(({ name, counts }, k): Column => {
      const values = texts.map((of) => of[k]);
      return counts
        ? { kind: "numbers", name, shape: [], values: Int32Array.from(values, Number) }
        : { kind: "texts", name, values };
    });
  }

  async #ofOutput(chosen: ChosenOutput, predicted: PredictedBatch, rows: readonly Row[]): Promise<readonly Column[]> {
    const values = predicted.outputs[chosen.name];
    const { target, name, shape } = chosen;
    const width = shape.reduce((product, extent) => product * extent, 1);
    const at = (row: Row, each: number): number => placeOf(row, predicted) * each;
    if (target === undefined)
      return [{ kind: "numbers", name, shape, values: gathered(Float32Array, values, rows, width, at) }];
    const task = this.#task;
    const output = task.outputs?.[target] ?? plainOutput(task, target);
    const truth = await this.#truth(target, predicted);
    if (output.kind === "numbers") {
      const { split, indices } = predicted;
      const inUnits = await task.inUnits?.(target, split, indices, values);
      const own = inUnits?.map(significant) ?? Float64Array.from(values);
      return numberColumns(output, rows, width, at, own, truth);
    }
    return this.#classColumns(chosen, target, output, { values, rows, at, truth });
  }

  #classColumns(
    { name }: ChosenOutput,
    target: string,
    { kind, names }: Extract<TaskOutput, { kind: "classes" | "symbols" }>,
    { values, rows, at, truth }: Gathered,
  ): readonly Column[] {
    const size = names.length;
    const numbers = gathered(Float32Array, values, rows, size, at);
    const known = this.#areProbabilities.get(name) ?? areProbabilities(numbers, size);
    if (rows.length > 0) this.#areProbabilities.set(name, known);
    const probabilities = new Float32Array(numbers.length);
    const places = rows.map((_, r) => {
      const own = numbers.subarray(r * size, (r + 1) * size);
      probabilities.set(known ? own : softmax(own), r * size);
      return largest(own);
    });
    const called = this.#task.preparation?.targets[target]?.fields[0] ?? target;
    const truths = truth && rows.map((row) => truth[at(row, 1)]);
    const columns: Column[] = [{ kind: "texts", name: called, values: places.map((place) => names[place]) }];
    if (truths !== undefined)
      columns.push({ kind: "texts", name: `${called}_true`, values: truths.map((place) => names[place] ?? "") });
    if (kind === "classes") {
      const parts = names.map((one) => `p_${one}`);
      columns.push({ kind: "numbers", name: "p", shape: [size], values: probabilities, parts });
      return columns;
    }
    // Of a vocabulary, all probabilities would be a table of a thousand columns.
    const of = (chosen: readonly number[]): Float32Array =>
      Float32Array.from(chosen, (place, r) => (Number.isNaN(place) ? Number.NaN : probabilities[r * size + place]));
    columns.push({ kind: "numbers", name: "p", shape: [], values: of(places) });
    if (truths !== undefined) columns.push({ kind: "numbers", name: "p_true", shape: [], values: of(truths) });
    return columns;
  }

  async #truth(target: string, { split, indices, batch }: PredictedBatch): Promise<ArrayLike<number> | undefined> {
    const task = this.#task;
    if (task.truth !== undefined) return task.truth(target, split, indices);
    const given = batch.inputs[target];
    if (given === undefined || task.outputs?.[target]?.kind !== "numbers") return given;
    return task.inUnits === undefined ? given : task.inUnits(target, split, indices, given);
  }
}

/** A model's number is f32: what is behind its digits comes of the scale alone. */
const significant = (value: number): number => Number(value.toPrecision(8));

/** Columns of the data may be called as those of predictions are: then the later one gets an underscore more. */
function distinct(columns: readonly Column[]): readonly Column[] {
  const seen = new Set<string>();
  return columns.map((column) => {
    let { name } = column;
    while (seen.has(name)) name += "_";
    seen.add(name);
    return { ...column, name };
  });
}

interface Gathered {
  readonly values: Float32Array;
  readonly rows: readonly Row[];
  /** Where the values of a row begin, of `each` numbers. */
  readonly at: (row: Row, each: number) => number;
  readonly truth: ArrayLike<number> | undefined;
}

/** The place of a row's output in a batch: [T, B] or [B]. */
const placeOf = ({ e, t }: Row, { indices }: PredictedBatch): number => (t === undefined ? e : t * indices.length + e);

function gathered<A extends Float32Array | Float64Array>(
  make: new (size: number) => A,
  values: ArrayLike<number>,
  rows: readonly Row[],
  width: number,
  at: Gathered["at"],
): A {
  const found = new make(rows.length * width);
  for (const [r, row] of rows.entries()) {
    const from = at(row, width);
    for (let i = 0; i < width; i++) found[r * width + i] = values[from + i];
  }
  return found;
}

/** A column for each of the data's, with a number for each step of the horizon; beside it the truth. */
function numberColumns(
  { columns, horizon = 1 }: Extract<TaskOutput, { kind: "numbers" }>,
  rows: readonly Row[],
  width: number,
  at: Gathered["at"],
  values: Float64Array,
  truth: ArrayLike<number> | undefined,
): readonly Column[] {
  const shape = horizon === 1 ? [] : [horizon];
  return columns.flatMap((name, c): readonly Column[] => {
    const pick = (of: ArrayLike<number>): Float64Array => {
      const found = new Float64Array(rows.length * horizon);
      for (const [r, row] of rows.entries())
        for (let h = 0; h < horizon; h++) found[r * horizon + h] = of[at(row, width) + h * columns.length + c];
      return found;
    };
    const named = (name: string, of: Float64Array): Column => ({
      kind: "numbers",
      name,
      shape,
      values: of,
      parts: Array.from({ length: horizon }, (_, h) => `${name}+${h + 1}`),
    });
    const predicted = named(name, pick(values));
    return truth === undefined ? [predicted] : [predicted, named(`${name}_true`, pick(truth))];
  });
}

/** What a target is of which the task says nothing. */
export function plainOutput({ inputs }: Task, target: string): TaskOutput {
  const input = inputs[target];
  if (input.kind === "index")
    return { kind: "classes", names: Array.from({ length: input.size }, (_, place) => String(place)) };
  const size = input.shape.reduce((product, extent) => product * extent, 1);
  return { kind: "numbers", columns: size === 1 ? [target] : Array.from({ length: size }, (_, i) => `${target}_${i}`) };
}
