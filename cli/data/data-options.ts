/**
 * What can be said about a data set of one's own: one table, from which come the command line's options, the fields of a task file
 * with their published schema, and what a run records.
 */
import { InvalidArgumentError } from "commander";
import { positiveWholeNumber } from "../options.ts";
import {
  type KeyPath,
  list,
  Mismatch,
  number,
  oneOf,
  optional,
  record,
  type Schema,
  text,
  truth,
  whole,
} from "../report/schema.ts";
import { type ClassWeights, classWeightsJson, classWeightsSchema, readClassWeights } from "./class-weights.ts";
import { type DateOrder, dateOrders } from "./formats/date.ts";
import { type NumberFormName, numberFormNames, USUAL_NUMBERS } from "./formats/number-forms.ts";
import { type SymbolUnit, symbolUnits } from "./formats/symbols.ts";
import { formatNames } from "./formats.ts";
import type { TaskCarry } from "./task.ts";

/** Columns by the name of the model's input or target that they become. */
export type Columns = Readonly<Record<string, readonly string[]>>;

/** Shares of the training, validation and test part, which add up to 1. */
export type Shares = readonly [train: number, validation: number, test: number];

export interface DataOptions {
  readonly inputs?: Columns;
  readonly target?: Columns;
  readonly label?: Readonly<Record<string, string>>;
  readonly weight?: string;
  readonly classWeights?: ClassWeights;
  readonly symbols?: readonly string[];
  readonly group?: string;
  readonly timeColumn?: string;
  readonly window?: number;
  readonly stride?: number;
  readonly randomOffset?: boolean;
  readonly horizon?: number;
  readonly per?: "step" | "sequence";
  readonly change?: boolean;
  readonly carry?: boolean;
  readonly carryStatistics?: TaskCarry["statistics"];
  readonly split?: Shares;
  readonly splitBy?: string;
  readonly scale?: "standard" | "minmax" | "none";
  readonly missing?: "mean" | "zero" | "previous";
  readonly unknown?: boolean;
  readonly delimiter?: string;
  readonly header?: boolean;
  readonly numbers?: NumberFormName;
  readonly dates?: DateOrder;
  readonly format?: string;
  readonly axes?: string;
  readonly perSequence?: readonly string[];
  readonly unit?: SymbolUnit;
  readonly lines?: boolean;
  readonly lineEnd?: string;
  readonly vocabulary?: number;
}

/** A JSON schema, as far as the table needs one. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export interface DataOptionRow<T> {
  /** As the command line has it: `--window <n>`. */
  readonly flag: string;
  readonly doc: string;
  /** Undefined for an option without a value. */
  readonly read?: (text: string) => T;
  readonly schema: Schema<T>;
  readonly json: JsonSchema;
}

const names: JsonSchema = { type: "array", items: { type: "string", minLength: 1 }, minItems: 1, uniqueItems: true };

const name: Schema<string> = (value, at) => {
  if (value === "") throw new Mismatch(at, value, "the name of a column");
  return text(value, at);
};

const columnList: Schema<readonly string[]> = (value, at) => {
  const found = list(name)(value, at);
  if (found.length > 0 && new Set(found).size === found.length) return found;
  throw new Mismatch(at, value, "names of columns, each once");
};

/** A list of columns for the input or target `alone`, or a list for each. */
const columnsOf =
  (alone: string): Schema<Columns> =>
  (value, at) => {
    if (Array.isArray(value)) return { [alone]: columnList(value, at) };
    return eachOf(columnList)(value, at);
  };

/** An object with at least one key. */
const eachOf =
  <T>(schema: Schema<T>): Schema<Readonly<Record<string, T>>> =>
  (value, at) => {
    if (typeof value !== "object" || value === null || Array.isArray(value) || Object.keys(value).length === 0)
      throw new Mismatch(at, value, "columns, by the name of what the model makes of them");
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, schema(item, [...at, key])]));
  };

const eachJson = (item: JsonSchema): JsonSchema => ({ type: "object", additionalProperties: item, minProperties: 1 });

function readColumns(given: string): readonly string[] {
  const found = given.split(",").map((part) => part.trim());
  if (found.includes("")) throw new InvalidArgumentError("want names of columns, with commas between.");
  if (new Set(found).size < found.length) throw new InvalidArgumentError("want each column once.");
  return found;
}

function readName(given: string): string {
  if (given.trim() === "") throw new InvalidArgumentError("want the name of a column.");
  return given;
}

const choice = <const T extends string>(...allowed: readonly T[]) => ({
  read(given: string): T {
    const found = allowed.find((one) => one === given);
    if (found === undefined) throw new InvalidArgumentError(`want ${allowed.join(", ")}.`);
    return found;
  },
  schema: oneOf(...allowed),
  json: { enum: allowed },
});

const positive = { read: positiveWholeNumber, schema: whole(1), json: { type: "integer", minimum: 1 } } as const;

const column = { read: readName, schema: name, json: { type: "string", minLength: 1 } } as const;

const flag = { schema: truth, json: { type: "boolean" } } as const;

/** How far from 1 the shares may add up to, for those that are no binary fractions. */
const ROUNDING = 1e-9;

/** Two shares leave no test part. */
function sharesOf(parts: readonly number[]): Shares | undefined {
  const [train, validation, test = 0] = parts;
  const sound =
    (parts.length === 2 || parts.length === 3) && parts.every((part) => part >= 0 && part <= 1) && train > 0;
  return sound && Math.abs(train + validation + test - 1) < ROUNDING ? [train, validation, test] : undefined;
}

const SHARES = "two or three shares that add up to 1, such as 0.7,0.1,0.2";

const shares: Schema<Shares> = (value: unknown, at: KeyPath) => {
  const found = sharesOf(list(number)(value, at));
  if (found === undefined) throw new Mismatch(at, value, SHARES);
  return found;
};

export function readShares(given: string): Shares {
  const found = sharesOf(given.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part))));
  if (found === undefined) throw new InvalidArgumentError(`want ${SHARES}.`);
  return found;
}

const DELIMITERS: Readonly<Record<string, string>> = { tab: "\t", "\\t": "\t", comma: ",", semicolon: ";" };

function readDelimiter(given: string): string {
  const found = Object.hasOwn(DELIMITERS, given) ? DELIMITERS[given] : given;
  if (found.length !== 1 || /["\r\n]/.test(found)) throw new InvalidArgumentError("want one character, or tab.");
  return found;
}

/** A list with commas between would be hard to read. */
const NUMBER_FORMS = numberFormNames.join(" or ");

function readNumberForm(given: string): NumberFormName {
  const found = numberFormNames.find((one) => one === given);
  if (found === undefined) throw new InvalidArgumentError(`want ${NUMBER_FORMS}.`);
  return found;
}

/** A row for each option. */
export const dataOptions: { readonly [K in keyof DataOptions]-?: DataOptionRow<NonNullable<DataOptions[K]>> } = {
  inputs: {
    flag: "--x <column,...>",
    doc: "the model's input x (default: all columns of numbers)",
    read: (given) => ({ x: readColumns(given) }),
    schema: columnsOf("x"),
    json: { anyOf: [names, eachJson(names)] },
  },
  target: {
    flag: "--target <column,...>",
    doc: "columns to predict, the model's target y",
    read: (given) => ({ y: readColumns(given) }),
    schema: columnsOf("y"),
    json: { anyOf: [names, eachJson(names)] },
  },
  label: {
    flag: "--label <column>",
    doc: "the column whose values are the classes to predict, the model's target y",
    read: (given) => ({ y: readName(given) }),
    schema: (value, at) => (typeof value === "string" ? { y: name(value, at) } : eachOf(name)(value, at)),
    json: { anyOf: [{ type: "string", minLength: 1 }, eachJson({ type: "string", minLength: 1 })] },
  },
  weight: {
    flag: "--weight <column>",
    doc: "the column of weights of steps or sequences, the model's target weight",
    ...column,
  },
  classWeights: {
    flag: "--class-weights <how>",
    doc: "with --label: weights of the classes, in the model's target weight: balanced, or such as up=5,down=1",
    read: readClassWeights,
    schema: classWeightsSchema,
    json: classWeightsJson,
  },
  symbols: {
    flag: "--symbols <column,...>",
    doc: "columns whose values are names and no sizes, even if they look like numbers",
    read: readColumns,
    schema: columnList,
    json: names,
  },
  group: { flag: "--group <column>", doc: "the column by which rows belong to a sequence", ...column },
  timeColumn: {
    flag: "--time-column <column>",
    doc: "the column of times, which must rise (default: the first column of dates)",
    ...column,
  },
  window: { flag: "--window <n>", doc: "steps of an example (default: the whole sequence)", ...positive },
  stride: { flag: "--stride <n>", doc: "steps from one window to the next (default: 1)", ...positive },
  randomOffset: {
    flag: "--random-offset",
    doc: "in each epoch, the training windows begin at an offset that chance draws, below the stride",
    ...flag,
  },
  horizon: { flag: "--horizon <n>", doc: "predict this many steps after the window", ...positive },
  per: {
    flag: "--per <what>",
    doc: "a target for each step, or one for the sequence or window, which is that of its last step",
    ...choice("step", "sequence"),
  },
  change: { flag: "--change", doc: "with --horizon: predict changes from the last value of the window", ...flag },
  carry: {
    flag: "--carry",
    doc: "windows follow each other: states go on from each to the next, to the end of the sequence",
    ...flag,
  },
  carryStatistics: {
    flag: "--carry-statistics <how>",
    doc: "with --carry: statistics of each step are counted on (continue), or anew in each window (default: continue)",
    ...choice("continue", "window"),
  },
  split: {
    flag: "--split <shares>",
    doc: "shares of training, validation and test, such as 0.7,0.1,0.2 (default: 0.8,0.1,0.1)",
    read: readShares,
    schema: shares,
    json: { type: "array", items: { type: "number", minimum: 0, maximum: 1 }, minItems: 2, maxItems: 3 },
  },
  splitBy: {
    flag: "--split-by <what>",
    doc: "time, sequence, or a column that says train, validation or test (default: time for a single sequence)",
    ...column,
  },
  scale: {
    flag: "--scale <how>",
    doc: "how numbers are scaled, by the training part: standard, minmax or none (default: standard)",
    ...choice("standard", "minmax", "none"),
  },
  missing: {
    flag: "--missing <how>",
    doc: "what stands for a missing number: the training part's mean, zero, or the previous one (default: an error)",
    ...choice("mean", "zero", "previous"),
  },
  unknown: {
    flag: "--unknown",
    doc: "give all symbols that the training part lacks one place in the vocabulary",
    ...flag,
  },
  delimiter: {
    flag: "--delimiter <character>",
    doc: "what stands between the values of a line (default: recognised)",
    read: readDelimiter,
    schema: (value, at) => {
      if (typeof value === "string" && value.length === 1 && !/["\r\n]/.test(value)) return value;
      throw new Mismatch(at, value, "one character");
    },
    json: { type: "string", minLength: 1, maxLength: 1 },
  },
  header: { flag: "--no-header", doc: "the first line has no names of columns; they are called c1, c2, …", ...flag },
  numbers: {
    flag: "--numbers <form>",
    doc: `how a table of text writes numbers, those with marks between thousands also without: ${NUMBER_FORMS} (default: ${USUAL_NUMBERS})`,
    ...choice(...numberFormNames),
    read: readNumberForm,
  },
  dates: {
    flag: "--dates <order>",
    doc: "dates such as 1/2/2020 have the day first, dmy, or the month, mdy (default: they are texts)",
    ...choice(...dateOrders),
  },
  format: {
    flag: "--format <name>",
    doc: `the format of the files: ${formatNames.join(", ")} (default: recognised)`,
    ...choice(...formatNames),
  },
  axes: {
    flag: "--axes <letters>",
    doc: "the axes of arrays: N sequences, T steps, other letters features (default: NTD)",
    ...column,
  },
  perSequence: {
    flag: "--per-sequence <name,...>",
    doc: "arrays or lists of a sequence as a whole, although they are as long as it",
    read: readColumns,
    schema: columnList,
    json: names,
  },
  unit: {
    flag: "--unit <what>",
    doc: `into what a text is cut: ${Object.keys(symbolUnits).join(", ")} (default: characters)`,
    ...choice(...(Object.keys(symbolUnits) as SymbolUnit[])),
  },
  lines: { flag: "--lines", doc: "each line of a text is a sequence (default: the text is one)", ...flag },
  lineEnd: {
    flag: "--line-end <symbol>",
    doc: "in a text of words, the symbol that ends each line, such as <eos> (default: none)",
    ...column,
  },
  vocabulary: {
    flag: "--vocabulary <n>",
    doc: "keep the most frequent symbols, n with <unk>, which the others become",
    read: vocabularySize,
    schema: whole(2),
    json: { type: "integer", minimum: 2 },
  },
};

function vocabularySize(given: string): number {
  const size = positiveWholeNumber(given);
  if (size < 2) throw new InvalidArgumentError("want 2 or more: one place is for the unknown.");
  return size;
}

export const dataOptionNames = Object.keys(dataOptions) as readonly (keyof DataOptions)[];

/** The options as a document has them. */
export const dataOptionFields = Object.fromEntries(
  dataOptionNames.map((key) => [key, optional(dataOptions[key].schema as Schema<unknown>)]),
) as { readonly [K in keyof DataOptions]-?: Schema<DataOptions[K]> };

export const dataOptionsSchema: Schema<DataOptions> = record(dataOptionFields);
