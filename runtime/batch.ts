import type { Existing } from "./existing.ts";
import type { Input } from "./inputs.ts";

/** What the time axis without a name of its own is called. */
export const mainAxis = "time";

/** What stands for a time axis where a value is over none: an example counts once, however many steps it has. */
export const noAxis = "";

/** Something for each time axis, by its name; the main one is `time`. */
export type PerAxis<T> = Readonly<Record<string, T>>;

/** Examples to run on. */
export interface Batch {
  /**
   * By the plan's names: [T, B, …] for what varies with time, [B, …] for what does not. Finite numbers, which are rounded to f32; in
   * a target, NaN marks a missing number. `null` leaves an input out on purpose, such as the targets at inference: zeros replace
   * it, and loss and metrics are not reported. Inputs are copied when the run starts, and must not change until it is done.
   */
  readonly inputs: Readonly<Record<string, Input | null>>;
  /**
   * T, at least 1. In a model of several time axes, that of the main one; those of the others follow from the sizes of inputs. Only
   * left out where each axis has a name of its own.
   */
  readonly steps?: number;
  /** B, a batch size that an executable was compiled for. */
  readonly examples: number;
  /**
   * How many steps each example has, from 0 to `steps`. Default: `steps` for all of them. Values after an example's last step are
   * ignored. The executable must be compiled with `ragged`. For a model of several time axes: the lengths along each, by its name; an
   * axis that is left out has all its steps.
   */
  readonly lengths?: ArrayLike<number> | PerAxis<ArrayLike<number>>;
  /**
   * Instead of `lengths`: which steps each example has, [T, B] of 0 and 1 or of false and true, for sequences that do not begin
   * together or lack steps in between. Values at steps that an example does not have are ignored. For several time axes: by their
   * names, and each axis has either.
   */
  readonly mask?: Mask | PerAxis<Mask>;
  /**
   * With the option `carry` of a session: the examples, by their places from 0 on, whose sequence begins with this batch, or `"all"`.
   * The others go on from the batch before.
   */
  readonly reset?: ArrayLike<number> | "all";
}

/** [T, B] of 0 and 1 or of false and true, row by row; with or without its shape. */
export type Mask =
  | ArrayLike<number | boolean>
  | { readonly data: ArrayLike<number | boolean>; readonly shape: readonly number[] };

/** A time axis of a batch. */
export interface TimeAxis {
  /** T along this axis. */
  readonly steps: number;
  /** Which of the batch's steps its examples have; undefined if they all have all of them. */
  readonly existing?: Existing;
}

/** A batch that is checked. */
export interface OwnBatch extends Omit<Batch, "steps" | "lengths" | "mask" | "reset"> {
  /** The steps of the longest axis, which all loops take. */
  readonly steps: number;
  readonly axes: PerAxis<TimeAxis>;
}

/** What a tensor, or whatever names an axis, varies over. */
export const axisOf = ({ axes }: Pick<OwnBatch, "axes">, { axis = mainAxis }: { readonly axis?: string }): TimeAxis =>
  axes[axis];

/** What noise is replaced with: numbers drawn from the generator, or their mean. */
export type NoiseMode = "drawn" | "mean";
