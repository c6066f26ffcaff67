/** A task: the data that a model is trained and evaluated on. Examples are numbered; a task turns numbers into a batch. */

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
  /** Where states go on from batch to batch: the examples whose sequences begin with this one, or all. */
  readonly reset?: readonly number[] | "all";
}

export interface Task {
  readonly name: string;
  readonly summary: string;
  readonly inputs: Readonly<Record<string, TaskInput>>;
  /** The dimensions that the task suggests: `D` features per step, `K` classes or targets. */
  readonly dims: Readonly<Record<string, number>>;
  /** T: sequence length. */
  readonly steps: number;
  /** Examples in each split; 0 if there is none. */
  readonly splits: Readonly<Record<Split, number>>;
  /** The size and pixels of an example as a picture, for `cellc data`. */
  readonly picture?: {
    readonly rows: number;
    readonly columns: number;
    pixels(split: Split, index: number): Float32Array;
  };
  /** The examples numbered `indices`, always the same for the same numbers. Throws RangeError for a number outside the split. */
  batch(split: Split, indices: Uint32Array): TaskBatch;
}

/** What a model must fit, which is known without a single example. */
export type TaskForm = Pick<Task, "name" | "inputs" | "dims" | "steps">;

/** Number `index` of a random stream: in [0, 1), always the same for the same index. */
export type Uniform = (index: number) => number;

/** Random streams by name. Generated tasks use one for each split, so that no two splits share a number. */
export type RandomStreams = (name: string) => Uniform;

/** Throws for numbers outside the split, so that a wrong sampler fails instead of reading wrong examples. */
export function checkIndices(task: string, split: Split, count: number, indices: Uint32Array): void {
  for (const index of indices) {
    if (index >= count) throw new RangeError(`${task}: example ${index} of ${split}, which has ${count}`);
  }
}
