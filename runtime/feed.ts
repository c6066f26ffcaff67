import type { NoiseMode } from "./batch.ts";

/** What an entry is given besides the batch. */
export interface Feed {
  /** Values by name; a list holds one for each step. */
  readonly hyper: Readonly<Record<string, number | readonly number[]>>;
  readonly seed: number;
  /** With `run`, distinguishes the noise of this run from that of any other. */
  readonly purpose: "train" | "estimate" | "infer";
  /** The number of this run among those with the same purpose. */
  readonly run: number;
  /** Default: `drawn`. */
  readonly noise?: NoiseMode;
  /**
   * For the entry `step`, and for sequences that go on from the batch before: the states before the run, the index of its first step,
   * and that of the step at which each example's sequence began. An example that has had no step begins with this run.
   */
  readonly stream?: {
    readonly states: ReadonlyMap<string, Float32Array>;
    readonly step: number;
    readonly began: readonly number[];
  };
}
