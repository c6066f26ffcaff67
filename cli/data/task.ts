/**
 * A task: the data that a model is trained and evaluated on. Examples are numbered; a task turns numbers into a batch. Programs import
 * these types from `cellc/task`, to write a module for `--task ./mine.mjs`.
 */
import type { Preparation } from "./preparation.ts";

/**
 * - `value`: floats of `shape` per example (per step where `time`).
 * - `index`: a whole number 0 … size − 1, stored as a float.
 */
export type TaskInput = (
  | { readonly kind: "value"; readonly shape: readonly number[] }
  | { readonly kind: "index"; readonly size: number }
) & {
  readonly time: boolean;
  /** Of an input over time, in a task of several time axes: its axis, as in `over time question`. Default: the main one, `time`. */
  readonly axis?: string;
};

/** A part of the examples. */
export type Split = "train" | "validation" | "test";

/** Some examples, as a model takes them. */
export interface TaskBatch {
  /** [T, B, …shape] where the input has time, else [B, …shape]. T is that of the input's axis. */
  readonly inputs: Readonly<Record<string, Float32Array>>;
  /** T of the main axis. Where every axis has a name of its own: that of the longest. */
  readonly steps: number;
  readonly examples: number;
  /**
   * The steps that each example has, from its first on; what stands behind them is ignored. Default: all. In a task of several time axes:
   * those along each, by its name.
   */
  readonly lengths?: Uint32Array | Readonly<Record<string, Uint32Array>>;
  /** Where states go on from batch to batch: the examples whose sequences begin with this one, or all. */
  readonly reset?: readonly number[] | "all";
}

/** How states go on from part to part of a sequence. */
export interface TaskCarry {
  /** From where the steps are counted that have statistics of their own: the beginning of the sequence, or of each part. */
  readonly statistics: "continue" | "window";
}

/** What a model predicts for a target. */
export type TaskOutput =
  /** Numbers of these columns, for as many steps after the window as the horizon has. */
  | { readonly kind: "numbers"; readonly columns: readonly string[]; readonly horizon?: number }
  | { readonly kind: "classes" | "symbols"; readonly names: readonly string[] };

/** What can be predicted without learning. */
export interface Baseline {
  /** `persistence` (the last value goes on), `mean`, or `most frequent`: that of the first target. */
  readonly name: string;
  /** That of a target. Default: `name`. */
  nameOf?(target: string): string;
  /** Predictions of a target in the form that the target has in a batch of these examples. */
  predict(target: string, split: Split, indices: Uint32Array): Float32Array | Promise<Float32Array>;
}

/** A name for what a prediction belongs to: a column of the data, or a count. */
export interface Key {
  readonly name: string;
  /** Whether its texts are whole numbers, from 1 on. */
  readonly counts: boolean;
}

/** What says which example and step a prediction belongs to. */
export interface TaskKeys {
  readonly names: readonly Key[];
  /** The texts of the keys at steps of an example, counted from its first; there may be steps behind its last one. */
  of(split: Split, index: number, steps: readonly number[]): Promise<readonly (readonly string[])[]>;
  /** How many of an example's first steps the example before it has, too. */
  stepsSeenBefore(split: Split, index: number): number;
}

/** Examples that a model is trained and measured on. */
export interface Task {
  readonly name: string;
  readonly summary: string;
  readonly inputs: Readonly<Record<string, TaskInput>>;
  /** The dimensions that the task suggests: `D` features per step, `K` classes or targets. */
  readonly dims: Readonly<Record<string, number>>;
  /** T: sequence length, the longest one if they differ, over all time axes. */
  readonly steps: number;
  /** Examples in each split; 0 if there is none. */
  readonly splits: Readonly<Record<Split, number>>;
  /** The size and pixels of an example as a picture, for `cellc data`. */
  readonly picture?: {
    readonly rows: number;
    readonly columns: number;
    pixels(split: Split, index: number): Float32Array;
  };
  /** An example as text, for `cellc data`. */
  text?(split: Split, index: number): string | Promise<string>;
  /** The steps of each example of a split, if they differ. In a task of several time axes: those along its longest. */
  lengths?(split: Split): Uint32Array;
  /**
   * How many examples each sequence of a split has, if examples are parts of sequences: they are numbered sequence after sequence, and
   * each goes on where the one before ended. With `--carry`, states do, too. All but the last part of a sequence have as many steps.
   */
  sequences?(split: Split): Uint32Array;
  /** How states go on from part to part. `--carry` sets it; without it, parts are examples like others. */
  readonly carry?: TaskCarry;
  /** How the data's values became numbers. A checkpoint keeps it. */
  readonly preparation?: Preparation;
  /** What is predicted, by the target's name. */
  readonly outputs?: Readonly<Record<string, TaskOutput>>;
  /** What says which example and step a prediction belongs to. */
  readonly keys?: TaskKeys;
  /**
   * The true values of a target in the data's own units, or the places of classes or symbols, in the form that the target has in a batch
   * of these examples: [T, B, …] or [B, …]. NaN where it is not known; undefined if the data does not have the target.
   */
  truth?(target: string, split: Split, indices: Uint32Array): Promise<Float64Array | undefined>;
  /**
   * Predictions of a target of numbers in the data's own units. `values` are a model's, one after the other as in a batch of these
   * examples: [T, B, …] or [B, …].
   */
  inUnits?(target: string, split: Split, indices: Uint32Array, values: Float32Array): Promise<Float64Array>;
  readonly baseline?: Baseline;
  /**
   * The examples as one epoch of training has them, if chance changes them from epoch to epoch: as many, and of the same form. `uniform`
   * is the epoch's own. What is measured, and what statistics are estimated from, are the examples of `batch`.
   */
  inEpoch?(uniform: Uniform): Pick<Task, "batch">;
  /** The examples numbered `indices`, always the same for the same numbers. Throws RangeError for a number outside the split. */
  batch(split: Split, indices: Uint32Array): TaskBatch | Promise<TaskBatch>;
}

/** A task that makes a batch at once. */
export interface ReadyTask extends Task {
  batch(split: Split, indices: Uint32Array): TaskBatch;
}

/** What a model must fit, which is known without a single example. */
export type TaskForm = Pick<Task, "name" | "inputs" | "dims" | "steps">;

/** Number `index` of a random stream: in [0, 1), always the same for the same index. */
export type Uniform = (index: number) => number;

/** Random streams by name. Generated tasks use one for each split, so that no two splits share a number. */
export type RandomStreams = (name: string) => Uniform;

/** What the function `task` of a module is told. */
export interface TaskRequest {
  /** `--data` */
  readonly data?: string;
  /** `--time` */
  readonly steps?: number;
  /** Random numbers that are the same in every run. */
  readonly streams: RandomStreams;
}

/** Throws for numbers outside the split, so that a wrong sampler fails instead of reading wrong examples. */
export function checkIndices(task: string, split: Split, count: number, indices: Uint32Array): void {
  for (const index of indices) {
    if (index >= count) throw new RangeError(`${task}: example ${index} of ${split}, which has ${count}`);
  }
}
