/**
 * Weights: the model's target `weight`, a number for each value of its first target. It is the product of a column and of the weight of the
 * value's class. The model says what it weighs, such as a mean: `sum(weight * …) / sum(weight)`.
 */
import { exit, Failure } from "../failure.ts";
import { list, number, oneOf, optional, record, type Schema, text } from "../report/schema.ts";
import type { ClassWeights } from "./class-weights.ts";
import type { DataOptions } from "./data-options.ts";
import { columnsOf, type Prepared, type PreparedSymbols, symbolTexts } from "./preparation.ts";
import type { Role, Roles } from "./roles.ts";
import type { Segment } from "./segments.ts";
import type { Store } from "./store.ts";
import { type TargetPlace, targetPlaces } from "./target-place.ts";

export interface PreparedWeights {
  /** The column, if there is one. */
  readonly fields: readonly string[];
  /** What stands for a weight that is missing. */
  readonly fill: number;
  readonly at: TargetPlace;
  /** The weight of each class of the first target. */
  readonly classes?: readonly number[];
}

export const weightsSchema: Schema<PreparedWeights> = record({
  fields: list(text),
  fill: number,
  at: oneOf(...targetPlaces),
  classes: optional(list(number)),
});

interface Data {
  readonly store: Store;
  readonly train: readonly Segment[];
  readonly all: readonly Segment[];
  readonly roles: Roles;
  readonly options: DataOptions;
}

/** Undefined if nothing is weighed. Throws C0406 for weights below 0, and C0301 for classes that are not there. */
export async function prepareWeights(
  data: Data,
  targets: Readonly<Record<string, Prepared>>,
  places: Readonly<Record<string, TargetPlace>>,
): Promise<PreparedWeights | undefined> {
  const { roles, options } = data;
  const { weight } = roles;
  const { classWeights } = options;
  if (weight === undefined && classWeights === undefined) return undefined;
  const [target] = roles.targets;
  const place = places[target.name];
  if (weight?.over === "steps" && place === "sequence")
    throw new Failure(
      "C0406",
      exit.input,
      `${weight.fields[0]} has a weight for each step, and ${target.fields.join(", ")} is of the sequence as a whole`,
      "a weight of the sequence is a single number",
    );
  const classes = classWeights && (await weightsOfClasses(data, target, targets[target.name], place, classWeights));
  return {
    fields: weight?.fields ?? [],
    fill: weight === undefined ? 1 : await meanWeight(data, weight),
    at: classes === undefined && weight?.over === "sequence" ? "sequence" : place,
    ...(classes && { classes }),
  };
}

/** Steps that are read at a time. */
const BLOCK = 8192;

/** The values of a column, with their places in the segment; once for each sequence if it is of that. */
async function* valuesOf(
  store: Store,
  role: Role,
  segments: readonly Segment[],
): AsyncGenerator<{ readonly value: number; readonly segment: Segment; readonly step: number }> {
  const [column] = columnsOf(store, role);
  for (const segment of segments) {
    const { sequence, from, to } = segment;
    if (role.over === "sequence") {
      yield { value: (await store.row(sequence))[column], segment, step: 0 };
      continue;
    }
    for (let at = from; at < to; at += BLOCK) {
      const rows = await store.rows(sequence, at, Math.min(at + BLOCK, to));
      for (let i = column; i < rows.length; i += store.width)
        yield { value: rows[i], segment, step: at - from + (i - column) / store.width };
    }
  }
}

/** What stands for weights that are missing: the mean over the training part, or 0. */
async function meanWeight({ store, train, all, options }: Data, role: Role): Promise<number> {
  const [field] = role.fields;
  for await (const { value, segment, step } of valuesOf(store, role, all)) {
    if (!(value < 0)) continue;
    const where = role.over === "sequence" ? "" : `, step ${segment.from + step + 1}`;
    throw new Failure(
      "C0406",
      exit.input,
      `${field} is ${value} in sequence ${segment.sequence + 1}${where}, and a weight is not below 0`,
    );
  }
  if (options.missing === "zero") return 0;
  let [sum, count] = [0, 0];
  for await (const { value } of valuesOf(store, role, train)) {
    if (Number.isNaN(value)) continue;
    sum += value;
    count++;
  }
  return count === 0 ? 1 : sum / count;
}

async function weightsOfClasses(
  data: Data,
  role: Role,
  prepared: Prepared,
  place: TargetPlace,
  weights: ClassWeights,
): Promise<readonly number[]> {
  if (prepared.kind !== "symbols" || place === "next")
    throw new Failure(
      "C0301",
      exit.usage,
      `--class-weights weighs classes, and ${role.name} is ${place === "next" ? "the next symbol" : "made of numbers"}`,
      `name the column of classes: --label ${role.fields[0]}`,
    );
  const { names } = prepared;
  if (weights === "balanced") {
    const counts = await countsOf(data, role, prepared, place);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const present = counts.filter((count) => count > 0).length;
    return counts.map((count) => (count === 0 ? 1 : total / (present * count)));
  }
  const unknown = Object.keys(weights).find((name) => !names.includes(name));
  if (unknown === undefined) return names.map((name) => (Object.hasOwn(weights, name) ? weights[name] : 1));
  throw new Failure(
    "C0301",
    exit.usage,
    `${role.fields[0]} has no class ${unknown}`,
    `its classes are ${names.slice(0, 20).join(", ")}`,
  );
}

/**
 * How often each class is the target of a training example. Of targets at each step, all steps count once, also where windows have some of
 * them several times.
 */
async function countsOf(
  { store, train, options }: Data,
  role: Role,
  { names }: PreparedSymbols,
  place: TargetPlace,
): Promise<readonly number[]> {
  const { window, stride = 1, horizon = 0 } = options;
  const isTarget = ({ from, to }: Segment, step: number): boolean => {
    if (place === "step" || place === "sequence") return true;
    if (window === undefined) return step === to - from - 1;
    const first = window + horizon - 1;
    return step >= first && (step - first) % stride === 0;
  };
  const textOf = symbolTexts(store, role);
  const found = new Map<number, number>();
  for await (const { value, segment, step } of valuesOf(store, role, train))
    if (isTarget(segment, step)) found.set(value, (found.get(value) ?? 0) + 1);
  const counts = new Map([...found].map(([value, count]) => [Number.isNaN(value) ? "" : textOf(value), count]));
  return names.map((name) => counts.get(name) ?? 0);
}
