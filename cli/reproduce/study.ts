/** A study: a task of the paper, the models that are compared on it, and at which scales it can be run. */
import type { FileOptions } from "../data/task-folders.ts";
import type { RankedBy } from "../explore/measure.ts";
import type { Reading } from "./readings.ts";
import type { Settings } from "./settings.ts";

/** A model of a study. */
export interface Variant {
  /** In words, for the report. */
  readonly title: string;
  /** How it differs from the study's model. */
  readonly settings: Settings;
  /** Where batch norm is, if anywhere: on hidden states, or on the input path only. */
  readonly batchNorm?: "recurrent" | "input";
  /** What the paper has for it, on test examples; a share or a number in the study's measure. */
  readonly published?: number;
  /** What it is compared with. Default: the study's baseline. */
  readonly baseline?: string;
  /** Where it is on the study's axis, and which of the models along it it is. */
  readonly at?: { readonly series: string; readonly x: number };
}

export const scaleNames = ["smoke", "pilot", "paper"] as const;
export type ScaleName = (typeof scaleNames)[number];

export interface Scale {
  /** How it was cut from the paper's: for the report. */
  readonly cut: string;
  readonly settings: Settings;
  /** How many seeds each variant has. */
  readonly seeds: number;
  /** Default: all. */
  readonly variants?: readonly string[];
}

/** What the paper says of two variants, and what would show it here. */
export type Claim =
  /** `candidate` is better than `than` by at least `by`, on test examples, after equal iterations. */
  | { readonly kind: "better"; readonly candidate: string; readonly than: string; readonly by: number }
  /** On test examples after equal iterations, the two differ by at most `within`. */
  | { readonly kind: "alike"; readonly candidate: string; readonly than: string; readonly within: number }
  /** `candidate` reaches the last or the best evaluation of `than` in at most a share of its iterations. */
  | {
      readonly kind: "sooner";
      readonly candidate: string;
      readonly than: string;
      readonly what: "last" | "best";
      readonly within: number;
    };

export interface Study {
  readonly title: string;
  /** Where the paper has it. */
  readonly section: string;
  /** The file of its model, in examples/. */
  readonly file: string;
  readonly measure: RankedBy;
  /** The paper's own settings. */
  readonly settings: Settings;
  /** Settings that say where the data is. Throws C0405 if it is not on this machine. */
  data(place: DataPlace): Settings;
  readonly variants: Readonly<Record<string, Variant>>;
  /** What the variants vary, if that is a number: results are drawn along it. */
  readonly axis?: { readonly label: string; readonly type: "linear" | "log" };
  /** What the others are compared with. */
  readonly baseline: string;
  readonly scales: Readonly<Record<ScaleName, Scale>>;
  readonly claims: readonly Claim[];
  /** Points that can be read in several ways, by name. */
  readonly readings: Readonly<Record<string, Reading>>;
  /** What is otherwise than in the paper at every scale. */
  readonly notes: readonly string[];
}

/** Where data is looked for: `--data`, or else `CELLC_DATA`. */
export type DataPlace = Pick<FileOptions, "directory" | "environment">;

/** The data of a built-in task, which looks for its files itself. */
export const ofBuiltInTask = ({ directory }: DataPlace): Settings =>
  directory === undefined ? {} : { data: directory };
