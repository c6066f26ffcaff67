/** A task: what a model is trained and judged on. Examples are numbered; a task turns numbers into the arrays of a batch. */

/**
 * - `value`: floats of `shape` per example (per step where `time`).
 * - `index`: a whole number 0 … size − 1, stored as a float.
 */
export type TaskInput =
  | { readonly kind: "value"; readonly shape: readonly number[]; readonly time: boolean }
  | { readonly kind: "index"; readonly size: number; readonly time: boolean };

export type Split = "train" | "validation" | "test";

export interface TaskBatch {
  /** [T, B, …shape] where the input has time, else [B, …shape]. */
  readonly inputs: Readonly<Record<string, Float32Array>>;
  readonly steps: number;
  readonly examples: number;
}

export interface Task {
  readonly name: string;
  readonly summary: string;
  readonly inputs: Readonly<Record<string, TaskInput>>;
  /** What the task says about a model's dimensions: `D` features a step, `K` classes or targets. */
  readonly dims: Readonly<Record<string, number>>;
  /** T: sequence length. */
  readonly steps: number;
  /** Examples in each split; 0 where there is none. */
  readonly splits: Readonly<Record<Split, number>>;
  /** Rows × columns of an example seen as a picture, where it is one: what `cellc data` draws. */
  readonly picture?: {
    readonly rows: number;
    readonly columns: number;
    pixels(split: Split, index: number): Float32Array;
  };
  /** The examples numbered `indices`, the same for the same numbers always. Throws RangeError for a number outside the split. */
  batch(split: Split, indices: Uint32Array): TaskBatch;
}

/** Draw number `index` of one stream: in [0, 1), the same for the same index always. */
export type Uniform = (index: number) => number;

/** A named stream of draws. Generated tasks take one each for their splits, so that no two share a number. */
export type RandomStreams = (name: string) => Uniform;

/** Refuses numbers outside the split, so that a wrong sampler is found out and not fed wrong pixels. */
export function checkIndices(task: string, split: Split, count: number, indices: Uint32Array): void {
  for (const index of indices) {
    if (index >= count) throw new RangeError(`${task}: example ${index} of ${split}, which has ${count}`);
  }
}
