/** The options of optimisers: a row each, with its default, its range and its text form. */
import { type Kind, kind } from "./diagnostics/option-table.ts";

export interface OptionRow<V> extends Kind<V> {
  readonly doc: string;
  readonly default: V;
  /** Its placeholder on a command line: `<number>`. */
  readonly form: string;
  /** The value of a text, which need not be valid. */
  read(text: string): unknown;
  /** The text that `read` reads back. */
  show(value: V): string;
}

export type OptionRows = Readonly<Record<string, OptionRow<unknown>>>;

/** The values of rows, by name. */
export type ValuesOf<Rows extends OptionRows> = {
  readonly [K in keyof Rows]: Rows[K] extends OptionRow<infer V> ? V : never;
};

/** The numbers that an option accepts. Each is checked as f32, in which kernels compute. */
interface Range {
  /** Follows "a number" in messages. */
  readonly words: string;
  holds(x: number): boolean;
}

/** The weight of the past in a moving average, which must fade. */
export const weight: Range = { words: "from 0 to below 1", holds: (x) => x >= 0 && x < 1 };
/** Keeps a quotient finite. Devices may flush numbers below 2⁻¹²⁶ to 0. */
export const divisor: Range = { words: "above 0", holds: (x) => x >= 2 ** -126 && x < Number.POSITIVE_INFINITY };
export const notNegative: Range = { words: "of at least 0", holds: (x) => x >= 0 && x < Number.POSITIVE_INFINITY };

const within = (range: Range, x: unknown): boolean => typeof x === "number" && range.holds(Math.fround(x));

const readNumber = (text: string): number => (text.trim() === "" ? Number.NaN : Number(text));

type Told<V> = Pick<OptionRow<V>, "doc" | "default">;

export const number = (row: Told<number>, range: Range): OptionRow<number> => ({
  ...row,
  ...kind<number>(`a number ${range.words}`, (value) => within(range, value)),
  form: "<number>",
  read: readNumber,
  show: String,
});

export const pair = (row: Told<readonly [number, number]>, range: Range): OptionRow<readonly [number, number]> => ({
  ...row,
  ...kind<readonly [number, number]>(
    `two numbers ${range.words}`,
    (value) => Array.isArray(value) && value.length === 2 && value.every((x) => within(range, x)),
  ),
  form: "<number,number>",
  read: (text) => text.split(",").map(readNumber),
  show: (value) => value.join(","),
});

/** Parameters: the weights, all of them, or those that are named. */
export type Parameters = "weights" | "all" | readonly string[];

const isName = (value: unknown): boolean => typeof value === "string" && value !== "";

export const parameters = (row: Told<Parameters>): OptionRow<Parameters> => ({
  ...row,
  ...kind<Parameters>(
    "weights, all, or names of parameters, such as Wx,rnn/Wh",
    (value) =>
      value === "weights" || value === "all" || (Array.isArray(value) && value.length > 0 && value.every(isName)),
  ),
  form: "<parameter,...>",
  read: (text) => (text === "weights" || text === "all" ? text : text.split(",").map((name) => name.trim())),
  show: (value) => (typeof value === "string" ? value : value.toSorted().join(",")),
});
