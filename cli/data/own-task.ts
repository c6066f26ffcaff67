/** The task that a data set of one's own makes: its examples, as numbers for a model. */
import { exit, Failure } from "../failure.ts";
import { baselineOf } from "./baseline.ts";
import { dataExamples, isUneven } from "./examples.ts";
import { SequenceKeys } from "./keys.ts";
import type { OwnData, ReadExample } from "./opened-data.ts";
import {
  dimsOf,
  fill,
  filled,
  inputOf,
  outputOf,
  partOf,
  type RowPlace,
  type TargetPart,
  targetOf,
  targetParts,
} from "./parts.ts";
import { WEIGHT } from "./roles.ts";
import { isEachStep } from "./target-place.ts";
import { checkIndices, type Split, type Task, type TaskBatch, type Uniform } from "./task.ts";
import { weightInput, weightPart } from "./weight-part.ts";

/** Throws C0406 if the data gives no example at all, or no training example. */
export function ownTask(data: OwnData): Task {
  const { name, summary, store, roles, preparation, options, trained = false, predicting = false, going } = data;
  const { window, horizon = 0 } = options;
  const inputs = roles.inputs.map((role) => partOf(store, name, role, preparation.inputs[role.name]));
  const targets = targetParts(store, name, roles, preparation);
  const { behind, certain, needed, examples, parts } = dataExamples(data);
  const splits = { train: examples.train.count, validation: examples.validation.count, test: examples.test.count };
  const placeOf = (split: Split, index: number, offset?: Uniform) => {
    const { segment, from } = examples[split].place(index, offset);
    return { segment, from, length: Math.min(window ?? Number.POSITIVE_INFINITY, segment.to - from - certain) };
  };
  const stepsOf = (split: Split, index: number): number => placeOf(split, index).length;
  const lengths =
    window === undefined || (parts !== undefined && isUneven(parts)) ? lengthsOf(splits, stepsOf) : undefined;
  const steps =
    window ??
    (["train", "validation", "test"] as const)
      .flatMap((split) => [...lengths![split]])
      .reduce((most, length) => Math.max(most, length), 0);
  const count = trained ? splits.train + splits.validation + splits.test : splits.train;
  if (count === 0) {
    const what = trained ? "" : "training ";
    throw new Failure(
      "C0406",
      exit.input,
      window === undefined || parts !== undefined
        ? `${name} has no ${what}sequence with a step`
        : `${name} has no ${what}part of ${needed} steps${certain > 0 ? `, for a window of ${window} and ${certain} behind it` : ""}`,
      trained
        ? "the model reads windows of this many steps"
        : "take a smaller --window or --horizon, or another --split",
    );
  }
  const isRagged = lengths !== undefined && Object.values(lengths).some((of) => of.some((length) => length !== steps));

  const reads = async (split: Split, indices: Uint32Array, offset?: Uniform): Promise<readonly ReadExample[]> => {
    checkIndices(name, split, splits[split], indices);
    return Promise.all(
      Array.from(indices, async (index) => {
        const { segment, from, length } = placeOf(split, index, offset);
        const { sequence } = segment;
        const wanted = from + length + behind;
        const to = Math.min(wanted, store.lengths[sequence]);
        const known = await store.rows(sequence, from, to);
        if (to === wanted) return { sequence, from, length, rows: known, row: await store.row(sequence) };
        const rows = new Float64Array((length + behind) * store.width).fill(Number.NaN);
        rows.set(known);
        return { sequence, from, length, rows, row: await store.row(sequence) };
      }),
    );
  };
  const change = preparation.change === true;
  const weights = weightPart(store, roles, preparation, targets[0]);
  const keys = new SequenceKeys(store, window !== undefined || targets.some(({ at }) => isEachStep(at)), options.dates);

  const batch = async (split: Split, indices: Uint32Array, offset?: Uniform): Promise<TaskBatch> => {
    const read = await reads(split, indices, offset);
    const longest = Math.max(...read.map(({ length }) => length));
    const count = indices.length;
    const made: Record<string, Float32Array> = {};
    for (const part of inputs) {
      const overSteps = part.over === "steps";
      const width = part.columns.length;
      const values = new Float32Array((overSteps ? longest : 1) * count * width);
      for (const [e, { sequence, from, rows, row, length }] of read.entries()) {
        if (!overSteps) fill(values, e * width, part, row, 0, { sequence });
        else
          for (let t = 0; t < length; t++)
            fill(values, (t * count + e) * width, part, rows, t * store.width, { sequence, step: from + t });
      }
      made[part.name] = values;
    }
    for (const target of predicting ? [] : targets) {
      const { part, width } = target;
      if (part === undefined) throw new Error(`${name} lacks ${target.name}, which it is trained on`);
      const places = targetRows(target, read, horizon, longest);
      const values = new Float32Array(places.size * width);
      places.each((to, e, t) => {
        const { sequence, from, rows, row, length } = read[e];
        const place: RowPlace = t === undefined ? { sequence } : { sequence, step: from + t };
        const base = change && t !== undefined ? (length - 1) * store.width : undefined;
        fill(values, to * width, part, t === undefined ? row : rows, (t ?? 0) * store.width, place, base);
      });
      made[target.name] = values;
    }
    if (weights !== undefined && !predicting) {
      const places = targetRows(weights, read, horizon, longest);
      const values = new Float32Array(places.size);
      places.each((to, e, t) => {
        values[to] = weights.weightOf(read[e], t);
      });
      made[WEIGHT] = values;
    }
    return {
      inputs: made,
      steps: longest,
      examples: count,
      ...(isRagged && { lengths: Uint32Array.from(read, ({ length }) => length) }),
    };
  };

  return {
    name,
    summary,
    inputs: Object.fromEntries([
      ...inputs.map((part) => [part.name, inputOf(part.prepared, part.over === "steps")] as const),
      ...targets.map((target) => [target.name, targetOf(target, horizon)] as const),
      ...(weights ? [[WEIGHT, weightInput(weights, horizon)] as const] : []),
    ]),
    dims: dimsOf(inputs, targets, horizon),
    steps,
    splits,
    ...(isRagged && { lengths: (split: Split) => lengths[split] }),
    ...(parts && { sequences: (split: Split) => parts[split].sequences, carry: going?.carry }),
    preparation,
    outputs: Object.fromEntries(targets.map((target) => [target.name, outputOf(target, store, horizon)])),
    batch: (split, indices) => batch(split, indices),
    ...(options.randomOffset && {
      inEpoch: (uniform: Uniform) => ({
        batch: (split: Split, indices: Uint32Array) => batch(split, indices, split === "train" ? uniform : undefined),
      }),
    }),
    keys: {
      names: keys.keys,
      async of(split, index, at) {
        checkIndices(name, split, splits[split], Uint32Array.of(index));
        const { segment, from } = examples[split].place(index);
        return keys.of(
          segment.sequence,
          at.map((step) => from + step),
        );
      },
      stepsSeenBefore(split, index) {
        if (index === 0) return 0;
        const [before, own] = [index - 1, index].map((at) => examples[split].place(at));
        if (before.segment !== own.segment) return 0;
        return Math.max(0, before.from + stepsOf(split, index - 1) - own.from);
      },
    },
    async truth(name, split, indices) {
      const target = targets.find((one) => one.name === name);
      if (target === undefined) throw new RangeError(`there is no target ${name}`);
      const { part, width } = target;
      if (part === undefined) return undefined;
      const read = await reads(split, indices);
      const places = targetRows(target, read, horizon, Math.max(...read.map(({ length }) => length)));
      const values = new Float64Array(places.size * width).fill(Number.NaN);
      places.each((to, e, t) => {
        const { sequence, from, rows, row } = read[e];
        const [of, at] = t === undefined ? [row, 0] : [rows, t * store.width];
        for (let c = 0; c < width; c++) {
          const value = of[at + part.columns[c]];
          const place: RowPlace = t === undefined ? { sequence } : { sequence, step: from + t };
          if (!Number.isNaN(value)) values[to * width + c] = part.place(value, place);
        }
      });
      return values;
    },
    async inUnits(name, split, indices, values) {
      const target = targets.find((one) => one.name === name);
      if (target?.prepared.kind !== "numbers") throw new RangeError(`${name} is no target of numbers`);
      const { prepared, at, width, part } = target;
      const read = change ? await reads(split, indices) : [];
      const perExample = at === "horizon" ? horizon * width : width;
      return Float64Array.from(values, (value, i) => {
        const c = i % width;
        const e = Math.floor(i / perExample) % indices.length;
        if (change && part === undefined)
          throw new Failure(
            "C0406",
            exit.input,
            `${data.name} lacks ${prepared.fields.join(", ")}, and ${name} is the change from its last value`,
          );
        const last =
          change && part !== undefined
            ? filled(prepared, c, read[e].rows[(read[e].length - 1) * store.width + part.columns[c]])
            : 0;
        return last + prepared.center[c] + prepared.spread[c] * value;
      });
    },
    baseline: baselineOf(targets, { reads, horizon, change, width: store.width }),
  };
}

/** Where the values of a target are: `each` is called with the place of every value in a batch, its example, and its step in it. */
export function targetRows(
  { at, prepared }: Pick<TargetPart, "at" | "prepared">,
  read: readonly Pick<ReadExample, "length">[],
  horizon: number,
  longest: number,
): { readonly size: number; each(see: (to: number, example: number, step: number | undefined) => void): void } {
  const count = read.length;
  switch (at) {
    case "sequence":
      return { size: count, each: (see) => read.forEach((_, e) => void see(e, e, undefined)) };
    case "last":
      return { size: count, each: (see) => read.forEach(({ length }, e) => void see(e, e, length - 1)) };
    case "step":
    case "next": {
      const later = at === "next" ? 1 : 0;
      return {
        size: longest * count,
        each: (see) =>
          read.forEach(({ length }, e) => {
            for (let t = 0; t < length; t++) see(t * count + e, e, t + later);
          }),
      };
    }
    case "horizon":
      if (prepared.kind === "symbols")
        return { size: count, each: (see) => read.forEach(({ length }, e) => void see(e, e, length + horizon - 1)) };
      return {
        size: horizon * count,
        each: (see) =>
          read.forEach(({ length }, e) => {
            for (let h = 0; h < horizon; h++) see(e * horizon + h, e, length + h);
          }),
      };
    default:
      return at satisfies never;
  }
}

function lengthsOf(
  splits: Readonly<Record<Split, number>>,
  stepsOf: (split: Split, index: number) => number,
): Readonly<Record<Split, Uint32Array>> {
  const of = (split: Split): Uint32Array =>
    Uint32Array.from({ length: splits[split] }, (_, index) => stepsOf(split, index));
  return { train: of("train"), validation: of("validation"), test: of("test") };
}
