/** What a data set of one's own is once its files are read: what its task, its examples and its batches are made of. */
import type { DataOptions } from "./data-options.ts";
import type { Preparation } from "./preparation.ts";
import type { Roles } from "./roles.ts";
import type { Segments } from "./segments.ts";
import type { Store } from "./store.ts";
import type { TaskCarry } from "./task.ts";

/** How sequences go on from example to example, if they do. */
export interface Going {
  readonly carry?: TaskCarry;
  /** Sequences side by side. */
  readonly streams?: number;
}

export interface OwnData {
  readonly name: string;
  readonly summary: string;
  readonly store: Store;
  readonly segments: Segments;
  readonly roles: Roles;
  readonly preparation: Preparation;
  /** Whether the preparation is a checkpoint's, so that no training example is needed. */
  readonly trained?: boolean;
  readonly options: DataOptions;
  /** Whether all of the data is the test part. */
  readonly whole?: boolean;
  /**
   * Whether examples are for prediction: each needs its inputs only, and a target that is not there, or lies behind the last step, is
   * unknown. Its batches have no targets.
   */
  readonly predicting?: boolean;
  /** How states go on from example to example, and how many sequences are side by side, if they do. */
  readonly going?: Required<Going>;
}

/** An example as it was read. */
export interface ReadExample {
  readonly sequence: number;
  /** Its first step in the sequence. */
  readonly from: number;
  readonly length: number;
  /** Its steps and those behind them that its target needs: [length + behind, width]. What is not there is NaN. */
  readonly rows: Float64Array;
  readonly row: Float64Array;
}
