/** The task that a data set of one's own makes: its examples, as numbers for a model. */
import { exit, Failure } from "../failure.ts";
import type { DataOptions } from "./data-options.ts";
import {
  columnsOf,
  type Preparation,
  type Prepared,
  type PreparedNumbers,
  type PreparedSymbols,
  symbolTexts,
} from "./preparation.ts";
import type { Role, Roles } from "./roles.ts";
import { type Examples, examplesOf, type Segments } from "./segments.ts";
import type { Store } from "./store.ts";
import { checkIndices, type Split, type Task, type TaskInput, type TaskOutput } from "./task.ts";

export interface OwnData {
  readonly name: string;
  readonly summary: string;
  readonly store: Store;
  readonly segments: Segments;
  readonly roles: Roles;
  readonly preparation: Preparation;
  readonly options: DataOptions;
}

/**
 * Where a target stands: so many steps after the window, at the next step, at each step, at the last step, or beside the sequence.
 */
export type TargetPlace = "horizon" | "next" | "step" | "last" | "sequence";

/** Where the targets of a data set stand. Throws C0301 for options that say it twice. */
export function placeOf(role: Role, { next }: Roles, { horizon, per }: DataOptions, store: Store): TargetPlace {
  if (role.over === "sequence") return "sequence";
  if (next) return "next";
  if (horizon !== undefined) return "horizon";
  if (per !== undefined) return per === "step" ? "step" : "last";
  // A class that all steps of each of many sequences share is said once.
  const field = store.fields.get(role.fields[0])!;
  return role.kind === "symbols" && field.constant && store.lengths.length > 1 ? "last" : "step";
}

/** An input or a target, and how its numbers come from a row. */
interface Part {
  readonly role: Role;
  readonly prepared: Prepared;
  readonly columns: readonly number[];
  /** A symbol's place among the names, from what stands in the row. */
  readonly place: (value: number) => number;
}

/** Throws C0406 if the data gives no example at all, or no training example. */
export function ownTask(data: OwnData): Task {
  const { name, summary, store, segments, roles, preparation, options } = data;
  const { window, horizon = 0, stride = 1 } = options;
  const inputs = roles.inputs.map((role) => partOf(data, role, preparation.inputs[role.name]));
  const targets = roles.targets.map((role) => ({
    ...partOf(data, role, preparation.targets[role.name]),
    at: placeOf(role, roles, options, store),
  }));
  /** Steps behind an example's own that its target needs. */
  const behind = roles.next ? 1 : horizon;
  const needed = window === undefined ? undefined : window + behind;
  const of = (split: Split): Examples => examplesOf(segments[split], needed, stride, 1 + behind);
  const examples: Readonly<Record<Split, Examples>> = {
    train: of("train"),
    validation: of("validation"),
    test: of("test"),
  };
  const splits = { train: examples.train.count, validation: examples.validation.count, test: examples.test.count };
  const stepsOf = (split: Split, index: number): number => {
    const { segment } = examples[split].place(index);
    return window ?? segment.to - segment.from - behind;
  };
  const lengths = window === undefined ? lengthsOf(splits, stepsOf) : undefined;
  const steps =
    window ?? Math.max(...(["train", "validation", "test"] as const).flatMap((split) => [...lengths![split]]));
  if (splits.train === 0)
    throw new Failure(
      "C0406",
      exit.input,
      window === undefined
        ? `${name} has no training sequence with a step`
        : `${name} has no training part of ${needed} steps${behind > 0 ? `, for a window of ${window} and ${behind} behind it` : ""}`,
      "take a smaller --window or --horizon, or another --split",
    );
  const isRagged = lengths !== undefined && Object.values(lengths).some((of) => of.some((length) => length !== steps));

  const reads = async (split: Split, indices: Uint32Array) => {
    checkIndices(name, split, splits[split], indices);
    return Promise.all(
      Array.from(indices, async (index) => {
        const { segment, from } = examples[split].place(index);
        const length = stepsOf(split, index);
        return {
          length,
          rows: await store.rows(segment.sequence, from, from + length + behind),
          row: await store.row(segment.sequence),
        };
      }),
    );
  };
  const change = preparation.change === true;

  return {
    name,
    summary,
    inputs: Object.fromEntries([
      ...inputs.map((part) => [part.role.name, inputOf(part, part.role.over === "steps")] as const),
      ...targets.map((part) => [part.role.name, targetOf(part, part.at, horizon)] as const),
    ]),
    dims: dimsOf(inputs, targets, horizon),
    steps,
    splits,
    ...(isRagged && { lengths: (split: Split) => lengths[split] }),
    preparation,
    outputs: Object.fromEntries(targets.map((part) => [part.role.name, outputOf(part, roles, store, horizon)])),
    async batch(split, indices) {
      const read = await reads(split, indices);
      const longest = Math.max(...read.map(({ length }) => length));
      const count = indices.length;
      const made: Record<string, Float32Array> = {};
      for (const part of inputs) {
        const overSteps = part.role.over === "steps";
        const width = part.columns.length;
        const values = new Float32Array((overSteps ? longest : 1) * count * width);
        for (const [e, { rows, row, length }] of read.entries()) {
          if (!overSteps) fill(values, e * width, part, row, 0);
          else for (let t = 0; t < length; t++) fill(values, (t * count + e) * width, part, rows, t * store.width);
        }
        made[part.role.name] = values;
      }
      for (const part of targets) {
        const width = part.columns.length;
        const each =
          part.at === "step" || part.at === "next"
            ? longest
            : part.at === "horizon" && part.role.kind === "numbers"
              ? horizon
              : 1;
        const values = new Float32Array(each * count * width);
        for (const [e, { rows, row, length }] of read.entries()) {
          const at = (t: number): number => t * store.width;
          switch (part.at) {
            case "sequence":
              fill(values, e * width, part, row, 0);
              break;
            case "last":
              fill(values, e * width, part, rows, at(length - 1));
              break;
            case "step":
              for (let t = 0; t < length; t++) fill(values, (t * count + e) * width, part, rows, at(t));
              break;
            case "next":
              for (let t = 0; t < length; t++) fill(values, (t * count + e) * width, part, rows, at(t + 1));
              break;
            case "horizon":
              if (part.role.kind === "symbols") fill(values, e * width, part, rows, at(length + horizon - 1));
              else
                for (let h = 0; h < horizon; h++)
                  fill(
                    values,
                    (e * horizon + h) * width,
                    part,
                    rows,
                    at(length + h),
                    change ? at(length - 1) : undefined,
                  );
              break;
            default:
              part.at satisfies never;
          }
        }
        made[part.role.name] = values;
      }
      return {
        inputs: made,
        steps: longest,
        examples: count,
        ...(isRagged && { lengths: Uint32Array.from(read, ({ length }) => length) }),
      };
    },
    async label(split, index) {
      checkIndices(name, split, splits[split], Uint32Array.of(index));
      const { segment, from } = examples[split].place(index);
      const last = Math.min(
        from + stepsOf(split, index) - 1 + Math.min(1, behind),
        store.lengths[segment.sequence] - 1,
      );
      const words: string[] = [];
      for (const { field, column } of store.fields.values()) {
        if (field.kind !== "label") continue;
        const row =
          field.over === "sequence"
            ? await store.row(segment.sequence)
            : await store.rows(segment.sequence, last, last + 1);
        words.push(await store.label(row[column]));
      }
      return words.length > 0 ? words.join(" ") : `${segment.sequence + 1}:${last + 1}`;
    },
    async inUnits(target, split, indices, values) {
      const part = targets.find(({ role }) => role.name === target);
      if (part?.prepared.kind !== "numbers") throw new RangeError(`${target} is no target of numbers`);
      const { columns, prepared, at } = part;
      const width = columns.length;
      const read = change ? await reads(split, indices) : [];
      const perExample = at === "horizon" ? horizon * width : width;
      return Float64Array.from(values, (value, i) => {
        const c = i % width;
        const e = Math.floor(i / perExample) % indices.length;
        const last = change ? filled(prepared, c, read[e].rows[(read[e].length - 1) * store.width + columns[c]]) : 0;
        return last + prepared.center[c] + prepared.spread[c] * value;
      });
    },
    baseline: baselineOf(targets, { reads, horizon, change, width: store.width }),
  };
}

type Reads = (
  split: Split,
  indices: Uint32Array,
) => Promise<readonly { readonly length: number; readonly rows: Float64Array }[]>;

type TargetPart = Part & { readonly at: TargetPlace };

function baselineOf(
  targets: readonly TargetPart[],
  {
    reads,
    horizon,
    change,
    width: stored,
  }: { readonly reads: Reads; readonly horizon: number; readonly change: boolean; readonly width: number },
): NonNullable<Task["baseline"]> {
  const [{ role, at }] = targets;
  const name = role.kind === "symbols" ? "most frequent" : at === "horizon" ? "persistence" : "mean";
  return {
    name,
    async predict(target, split, indices) {
      const part = targets.find((one) => one.role.name === target);
      if (part === undefined) throw new RangeError(`there is no target ${target}`);
      const read = await reads(split, indices);
      const overTime = part.at === "step" || part.at === "next";
      const longest = overTime ? Math.max(...read.map(({ length }) => length)) : 1;
      if (part.prepared.kind === "symbols") {
        const { counts } = part.prepared;
        return new Float32Array(longest * indices.length).fill(counts.indexOf(Math.max(...counts)));
      }
      const width = part.columns.length;
      const { prepared } = part;
      if (part.at !== "horizon") {
        const mean = prepared.fill.map((value, c) => (value - prepared.center[c]) / prepared.spread[c]);
        return Float32Array.from({ length: longest * indices.length * width }, (_, i) => mean[i % width]);
      }
      const values = new Float32Array(indices.length * horizon * width);
      // No change is 0.
      if (change) return values;
      for (const [e, { rows, length }] of read.entries())
        for (let i = 0; i < horizon * width; i++)
          values[e * horizon * width + i] = scaled(
            prepared,
            i % width,
            rows[(length - 1) * stored + part.columns[i % width]],
          );
      return values;
    },
  };
}

function partOf({ store, name }: OwnData, role: Role, prepared: Prepared): Part {
  const columns = columnsOf(store, role);
  const place =
    prepared.kind === "numbers" ? (value: number) => value : placeAmong(name, prepared, symbolTexts(store, role));
  return { role, prepared, columns, place };
}

/** A symbol's place among the names. Throws C0406 for one that is not there, unless one stands for all those. */
function placeAmong(name: string, { names, unknown, fields }: PreparedSymbols, textOf: (value: number) => string) {
  const places = new Map(names.map((text, at) => [text, at]));
  const known = new Map<number, number>();
  return (value: number): number => {
    const before = known.get(value);
    if (before !== undefined) return before;
    const text = Number.isNaN(value) ? "" : textOf(value);
    const place = places.get(text) ?? (unknown ? names.length - 1 : undefined);
    if (place === undefined)
      throw new Failure(
        "C0406",
        exit.input,
        text === ""
          ? `${fields[0]} of ${name} is missing somewhere`
          : `${fields[0]} of ${name} is "${text}" somewhere, which the training part does not have`,
        "--unknown, in training, gives all such symbols one place",
      );
    known.set(value, place);
    return place;
  };
}

const filled = ({ fill }: PreparedNumbers, c: number, value: number): number => (Number.isNaN(value) ? fill[c] : value);

const scaled = (of: PreparedNumbers, c: number, value: number): number =>
  (filled(of, c, value) - of.center[c]) / of.spread[c];

/** Writes the numbers of a row, which begins at `from`, to `to`. With `base`, relative to those of the row that begins there. */
function fill(
  values: Float32Array,
  to: number,
  { prepared, columns, place }: Part,
  rows: Float64Array,
  from: number,
  base?: number,
): void {
  if (prepared.kind === "symbols") {
    values[to] = place(rows[from + columns[0]]);
    return;
  }
  for (let c = 0; c < columns.length; c++) {
    const value = rows[from + columns[c]];
    values[to + c] =
      base === undefined
        ? scaled(prepared, c, value)
        : (filled(prepared, c, value) - filled(prepared, c, rows[base + columns[c]])) / prepared.spread[c];
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

function inputOf({ prepared, columns }: Part, time: boolean): TaskInput {
  if (prepared.kind === "symbols") return { kind: "index", size: prepared.names.length, time };
  return { kind: "value", shape: [columns.length], time };
}

/** A single column's forecast is [horizon], several columns' [horizon, columns]. */
function targetOf(part: Part, at: TargetPlace, horizon: number): TaskInput {
  if (at !== "horizon" || part.prepared.kind === "symbols") return inputOf(part, at === "step" || at === "next");
  const width = part.columns.length;
  return { kind: "value", shape: width === 1 ? [horizon] : [horizon, width], time: false };
}

function outputOf({ role, prepared, at }: TargetPart, { next }: Roles, store: Store, horizon: number): TaskOutput {
  if (prepared.kind === "symbols") return { kind: next ? "symbols" : "classes", names: prepared.names };
  const columns = role.fields.flatMap((field) => {
    const { width } = store.fields.get(field)!;
    return width === 1 ? [field] : Array.from({ length: width }, (_, i) => `${field}[${i}]`);
  });
  return { kind: "numbers", columns, ...(at === "horizon" && { horizon }) };
}

/** D: numbers of a step; V: symbols of a step; K: classes or targets; N: the horizon. */
function dimsOf(
  inputs: readonly Part[],
  targets: readonly TargetPart[],
  horizon: number,
): Readonly<Record<string, number>> {
  const numbers = inputs.find(({ prepared, role }) => prepared.kind === "numbers" && role.over === "steps");
  const symbols = inputs.find(({ prepared, role }) => prepared.kind === "symbols" && role.over === "steps");
  const [target] = targets;
  return {
    ...(numbers && { D: numbers.columns.length }),
    ...(symbols?.prepared.kind === "symbols" && { V: symbols.prepared.names.length }),
    K: target.prepared.kind === "symbols" ? target.prepared.names.length : target.columns.length,
    ...(horizon > 0 && { N: horizon }),
  };
}
