/**
 * How a data set's values become a model's numbers: scales, classes and vocabularies, all from the training part. It is plain JSON, is
 * kept in the checkpoint, and is what `eval` and exports apply: computed anew from other data, the numbers would mean something else.
 */
import type { SessionState } from "../../runtime/state.ts";
import { exit, Failure } from "../failure.ts";
import { readJson } from "../report/json.ts";
import {
  dictionary,
  either,
  list,
  number,
  oneOf,
  optional,
  record,
  type Schema,
  text,
  truth,
  whole,
} from "../report/schema.ts";
import type { DataOptions } from "./data-options.ts";
import { type SymbolUnit, symbolUnits } from "./formats/symbols.ts";
import { Moments } from "./moments.ts";
import type { Recording } from "./recording.ts";
import type { Role, Roles } from "./roles.ts";
import type { Segment, Segments } from "./segments.ts";
import type { Store } from "./store.ts";
import { placeOf, type TargetPlace, targetPlaces } from "./target-place.ts";
import { makeVocabulary } from "./vocabulary.ts";
import { type PreparedWeights, prepareWeights, weightsSchema } from "./weights.ts";

/** Numbers: (value − center) / spread. */
export interface PreparedNumbers {
  readonly kind: "numbers";
  readonly fields: readonly string[];
  /** One for each number of a step: [D]. */
  readonly center: readonly number[];
  readonly spread: readonly number[];
  /** What stands for a missing value, in the data's units: [D]. */
  readonly fill: readonly number[];
}

/** A symbol is its place among the names. */
export interface PreparedSymbols {
  readonly kind: "symbols";
  readonly fields: readonly string[];
  readonly names: readonly string[];
  /** How often each comes in the training part. */
  readonly counts: readonly number[];
  /** Whether the last name stands for all that are not there. */
  readonly unknown: boolean;
}

export type Prepared = PreparedNumbers | PreparedSymbols;

export interface Preparation {
  readonly format: 1;
  /** By the model's names. */
  readonly inputs: Readonly<Record<string, Prepared>>;
  readonly targets: Readonly<Record<string, Prepared>>;
  /** The model's target `weight`, which belongs to the first target. */
  readonly weight?: PreparedWeights;
  /** Where each target stands. */
  readonly places: Readonly<Record<string, TargetPlace>>;
  /** Whether a target is a change from the last value of the window. */
  readonly change?: boolean;
  /** Steps of an example, if it is not a whole sequence. */
  readonly window?: number;
  /** Steps after the window that are predicted. */
  readonly horizon?: number;
  /** Into what a text was cut, and the symbol that ends each of its lines. */
  readonly unit?: SymbolUnit;
  readonly lineEnd?: string;
}

const prepared: Schema<Prepared> = either("kind", {
  numbers: record({
    kind: oneOf("numbers"),
    fields: list(text),
    center: list(number),
    spread: list(number),
    fill: list(number),
  }),
  symbols: record({
    kind: oneOf("symbols"),
    fields: list(text),
    names: list(text),
    counts: list(whole()),
    unknown: truth,
  }),
});

const preparationSchema: Schema<Preparation> = record({
  format: oneOf(1),
  inputs: dictionary(prepared),
  targets: dictionary(prepared),
  weight: optional(weightsSchema),
  places: dictionary(oneOf(...targetPlaces)),
  change: optional(truth),
  window: optional(whole(1)),
  horizon: optional(whole(1)),
  unit: optional(oneOf(...(Object.keys(symbolUnits) as SymbolUnit[]))),
  lineEnd: optional(text),
});

/** Under which name a checkpoint has it. */
const NOTE = "preparation";

/** A preparation as a checkpoint's notes have it. */
export const notesOf = (preparation: Preparation | undefined): Readonly<Record<string, string>> | undefined =>
  preparation && { [NOTE]: JSON.stringify(preparation) };

/** The preparation in a checkpoint; undefined if its model was not trained on data of one's own. Throws C0402. */
export function preparationIn({ notes }: Pick<SessionState, "notes">, path: string): Preparation | undefined {
  const found = notes?.[NOTE];
  return found === undefined
    ? undefined
    : readJson(found, preparationSchema, { path, what: "the preparation of data" });
}

/** Steps that are read at a time. */
const BLOCK = 8192;

/** Computes it from the training part; the names of classes are those of all parts. Throws C0406 if nothing is in the training part. */
export async function prepare(
  store: Store,
  segments: Segments,
  roles: Roles,
  options: DataOptions,
): Promise<Preparation> {
  const { train, validation, test } = segments;
  if (train.length === 0)
    throw new Failure("C0406", exit.input, "no step is in the training part", "give it a larger share: --split");
  const all = [...train, ...validation, ...test];
  const change = options.change === true;
  const inputs: Record<string, Prepared> = {};
  for (const role of roles.inputs)
    inputs[role.name] =
      role.kind === "numbers"
        ? await numbersOf(store, role, train, options)
        : await vocabularyOf(store, role, train, train, options);
  const targets: Record<string, Prepared> = {};
  for (const role of roles.targets) {
    if (role.kind === "numbers")
      targets[role.name] = change
        ? await changesOf(store, role, train, options)
        : await numbersOf(store, role, train, options);
    else targets[role.name] = roles.next ? Object.values(inputs)[0] : await vocabularyOf(store, role, all, train, {});
  }
  const { window, horizon, unit, lineEnd } = options;
  const places = Object.fromEntries(roles.targets.map((role) => [role.name, placeOf(role, roles, options, store)]));
  const weight = await prepareWeights({ store, train, all, roles, options }, targets, places);
  return {
    format: 1,
    inputs,
    targets,
    ...(weight && { weight }),
    places,
    ...(change && { change }),
    ...(window !== undefined && { window }),
    ...(horizon !== undefined && { horizon }),
    ...(unit !== undefined && { unit }),
    ...(lineEnd !== undefined && { lineEnd }),
  };
}

/** Throws C0403 unless a checkpoint's preparation is of the same columns. `looks`: what those of the data look like. */
export function checkPreparation(known: Preparation, roles: Roles, looks: Recording["looks"] = {}): void {
  const words = (kind: string, fields: readonly string[]): string => `${kind} ${fields.join(", ")}`;
  for (const part of ["inputs", "targets"] as const) {
    const there = known[part];
    for (const name of new Set([...Object.keys(there), ...roles[part].map((role) => role.name)])) {
      const role = roles[part].find((one) => one.name === name);
      const here = role === undefined ? "nothing" : words(role.kind, role.fields);
      const was = Object.hasOwn(there, name) ? words(there[name].kind, there[name].fields) : "nothing";
      const lost = there[name]?.fields.find((field) => !role?.fields.includes(field) && Object.hasOwn(looks, field));
      if (here !== was)
        throw new Failure(
          "C0403",
          exit.input,
          `the checkpoint was trained with ${name} made of ${was}, and here it is made of ${here}`,
          lost === undefined
            ? "name the same columns as in training"
            : `${lost} holds texts: ${looks[lost].why}: ${looks[lost].help}`,
        );
    }
  }
  const [was, here] = [known.weight?.fields ?? [], roles.weight?.fields ?? []].map((fields) => fields.join(", "));
  if (was !== here)
    throw new Failure(
      "C0403",
      exit.input,
      `the checkpoint was trained with ${was === "" ? "no column of weights" : `the weights of ${was}`}, and here ${here === "" ? "there is none" : `they are those of ${here}`}`,
      was === "" ? "leave --weight out" : `--weight ${was}`,
    );
  for (const { name, over } of roles.targets)
    if ((known.places[name] === "sequence") !== (over === "sequence"))
      throw new Failure(
        "C0403",
        exit.input,
        `the checkpoint was trained with ${name} of ${over === "sequence" ? "each step" : "a sequence"}, and here it is of ${over === "sequence" ? "a sequence" : "each step"}`,
      );
}

/** Throws C0301 unless the examples of a checkpoint's model are made in the same way; a window may be another. */
export function checkExamples(known: Preparation, { horizon, change = false, unit, lineEnd }: DataOptions): void {
  const here = { horizon, change, unit, lineEnd };
  const there = { ...known, change: known.change ?? false };
  const flags = { horizon: "--horizon", change: "--change", unit: "--unit", lineEnd: "--line-end" } as const;
  for (const key of ["horizon", "change", "unit", "lineEnd"] as const) {
    if (here[key] === there[key]) continue;
    const words = (value: string | number | boolean | undefined): string =>
      value === undefined || value === false ? `no ${flags[key]}` : `${flags[key]}${value === true ? "" : ` ${value}`}`;
    throw new Failure(
      "C0301",
      exit.usage,
      `the checkpoint was trained with ${words(there[key])}, and here is ${words(here[key])}`,
      "what a model was trained to predict is what it predicts",
    );
  }
}

/** What a role's values are in a row: of a step, or of a sequence. */
export function columnsOf(store: Store, { fields }: Role): readonly number[] {
  return fields.flatMap((name) => {
    const { column, width } = store.fields.get(name)!;
    return Array.from({ length: width }, (_, i) => column + i);
  });
}

/** Calls `see` with the rows of segments, piece by piece; with those of `more` steps behind each piece, if there are as many. */
async function eachBlock(
  store: Store,
  over: Role["over"],
  segments: readonly Segment[],
  see: (rows: Float64Array, count: number) => void,
  more = 0,
): Promise<void> {
  for (const { sequence, from, to } of segments) {
    if (over === "sequence") see(await store.row(sequence), 1);
    else
      for (let at = from; at < to - more; at += BLOCK) {
        const count = Math.min(BLOCK, to - more - at);
        see(await store.rows(sequence, at, at + count + more), count);
      }
  }
}

async function momentsOf(store: Store, role: Role, train: readonly Segment[], lag = 0): Promise<readonly Moments[]> {
  const columns = columnsOf(store, role);
  const moments = columns.map(() => new Moments());
  await eachBlock(
    store,
    role.over,
    train,
    (rows, count) => {
      const width = rows.length / (count + lag);
      for (const [i, column] of columns.entries()) {
        const of = moments[i];
        for (let t = 0; t < count; t++) {
          const value = rows[(t + lag) * width + column];
          of.add(lag === 0 ? value : value - rows[t * width + column]);
        }
      }
    },
    lag,
  );
  return moments;
}

async function numbersOf(
  store: Store,
  role: Role,
  train: readonly Segment[],
  options: DataOptions,
): Promise<PreparedNumbers> {
  const moments = await momentsOf(store, role, train);
  const scales = moments.map((of) => scaleOf(of, options.scale));
  return {
    kind: "numbers",
    fields: role.fields,
    center: scales.map(({ center }) => center),
    spread: scales.map(({ spread }) => spread),
    fill: moments.map(({ mean }) => (options.missing === "zero" ? 0 : mean)),
  };
}

/** A column that never changes is left as it is: it has no deviation to divide by. */
function scaleOf({ mean, deviation, least, most, count }: Moments, scale: DataOptions["scale"] = "standard") {
  if (scale === "none" || count === 0 || most === least) return { center: 0, spread: 1 };
  return scale === "minmax" ? { center: least, spread: most - least } : { center: mean, spread: deviation };
}

/** Changes over the whole horizon, which are the largest, have the deviation 1. No change is 0. */
async function changesOf(
  store: Store,
  role: Role,
  train: readonly Segment[],
  options: DataOptions,
): Promise<PreparedNumbers> {
  const values = await momentsOf(store, role, train);
  const changes = await momentsOf(store, role, train, options.horizon);
  const spread = (of: Moments): number => {
    if (options.scale === "none" || of.count === 0 || of.most === of.least) return 1;
    return options.scale === "minmax" ? of.most - of.least : of.deviation;
  };
  return {
    kind: "numbers",
    fields: role.fields,
    center: changes.map(() => 0),
    spread: changes.map(spread),
    fill: values.map(({ mean }) => (options.missing === "zero" ? 0 : mean)),
  };
}

/** The text of a value that stands for a symbol: its code's, or its own if it is a number. */
export function symbolTexts(store: Store, { fields }: Role): (value: number) => string {
  const { field, symbols } = store.fields.get(fields[0])!;
  return field.kind === "number" ? String : (code) => symbols[code];
}

/** The symbols of `named`, in order, and how often each is in `counted`. */
async function vocabularyOf(
  store: Store,
  role: Role,
  named: readonly Segment[],
  counted: readonly Segment[],
  { unknown, vocabulary }: DataOptions,
): Promise<PreparedSymbols> {
  const [column] = columnsOf(store, role);
  const found = new Map<number, number>();
  const seeing =
    (weight: number) =>
    (rows: Float64Array, count: number): void => {
      const width = rows.length / count;
      for (let t = 0; t < count; t++) {
        const value = rows[t * width + column];
        if (!Number.isNaN(value)) found.set(value, (found.get(value) ?? 0) + weight);
      }
    };
  await eachBlock(store, role.over, named, seeing(0));
  await eachBlock(store, role.over, counted, seeing(1));
  const textOf = symbolTexts(store, role);
  const counts = new Map([...found].map(([value, count]) => [textOf(value), count]));
  return { kind: "symbols", fields: role.fields, ...makeVocabulary(counts, { most: vocabulary, unknown }) };
}
