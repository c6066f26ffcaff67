/** What the methods of a session take and return. */

import type { Batch, NoiseMode } from "./batch.ts";
import type { Carriers } from "./carriers.ts";
import type { Averages } from "./metric-averager.ts";
import type { keepStates } from "./missing-readings.ts";
import type { SessionState } from "./state.ts";

/** What `Session.open` takes. */
export interface SessionOptions {
  /** A whole number that determines the initial parameters and the noise: the same on every target. Needed without a `state`. */
  readonly seed?: number;
  /** What to continue from instead, as `restore` does. */
  readonly state?: SessionState;
  /**
   * For batches with `carry`: the function of this name, which the package exports. A program that names it has its code, about 3 KB
   * after gzip.
   */
  readonly carrying?: () => Carriers;
}

/** How a batch goes on from the one before. */
export interface CarryOptions {
  /**
   * Which rows a norm with statistics for each step uses and collects. `continue`: the rows of the steps of the whole sequence, as one
   * long batch would; the last row serves all steps from it on, and is collected from all of them. `window`: each batch begins at row
   * 0. Default: `continue`, because a state and the rows of its steps belong together. It needs all sequences of a batch to be at the
   * same step.
   */
  readonly statistics?: "continue" | "window";
}

/**
 * What `train`, `estimate`, `infer` and `evaluate` of a `Session` take, if the executable is compiled with `carry` and the session is
 * opened with `carrying`.
 */
export interface WithCarry {
  /**
   * Sequences go on: each example begins with the state that it ended with in the batch before, unless the batch's `reset` says that it
   * begins anew. `train` and `infer` have states of their own, which go on from call to call; `estimate` and `evaluate` begin anew with
   * each call, and go on from batch to batch in it. Default: false, every batch begins with first states.
   */
  readonly carry?: boolean | CarryOptions;
}

/** What of a session has states that go on from call to call. */
export type CarryPurpose = "train" | "infer";

/** The options of a training step. */
export interface TrainOptions extends WithCarry {
  /** Learning rate of this step, above 0. */
  readonly lr: number;
  /** Largest norm of the gradient, above 0. Default: Infinity, no clipping. */
  readonly clip?: number;
  /**
   * Weight of this batch in the population statistics, from 0 (an average over all batches) to 1. Default: 0.1. Early batches weigh
   * more: 1/(n + 1) after n batches.
   */
  readonly momentum?: number;
  /** Values of any other hyper-parameters that the plan has. */
  readonly hyper?: Readonly<Record<string, number>>;
  /**
   * Whether to read the loss back. Default: true. With false, the call does not wait for the GPU; a step that is not finite then
   * changes nothing, nor do the steps after it, and the next call that waits for the device throws C0502.
   */
  readonly report?: boolean;
  /** Whether the report has the outputs, too. Default: false. */
  readonly outputs?: boolean;
}

/** What `Session.estimate` takes. */
export interface EstimateOptions extends WithCarry {
  /**
   * How population variances are estimated. `within`: the average of the batches' own variances, as in the paper and as in training
   * (with B examples a batch this is (B − 1) / B of the variance of all, and misses the variance between batches). `total`: the
   * variance of all examples about their common mean, by the law of total variance, as if they had been one batch. Default:
   * `within`, but `total` if the first batch has one example, which has no variance of its own.
   */
  readonly variance?: "within" | "total";
}

/** What `Session.infer` and `Session.evaluate` take. */
export interface InferOptions {
  /**
   * What the model's noise is replaced with: its `mean` (0 for `noise`), so that the same input has the same outputs, or numbers
   * `drawn` afresh, as in training. Default: `mean`.
   */
  readonly noise?: NoiseMode;
}

/** Whose statistics norms use: those of the `population`, or the `batch`'s own. */
export type StatisticsMode = "population" | "batch";

/** What `Session.infer` and `Session.evaluate` take; an `InferenceSession` takes the first of these. */
export interface SessionInferOptions extends InferOptions, WithCarry {
  /**
   * Whose statistics norms use. With `batch`, each batch is normalized by its own, as in training: an example's results then depend on
   * those beside it. Masks are their expectation, as at inference, and the population's statistics stay as they are; none need be known.
   * Needs the entry `estimate`, and batches of several examples. Default: `population`.
   */
  readonly statistics?: StatisticsMode;
}

/** What `Session.train` reports about a step. */
export interface TrainReport {
  /** The number of updates so far, this one included. */
  readonly step: number;
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** Before clipping. Undefined if the optimiser's entry has no metric `gradient_norm`. */
  readonly gradientNorm: number | undefined;
  /** With the option `outputs`, those from before the update. Contiguous: [T, B, …] for what varies with time. */
  readonly outputs?: Readonly<Record<string, Float32Array>>;
}

/** What `Session.infer` returns. */
export interface Inference {
  /** Undefined if the plan has no loss or an input was left out. */
  readonly loss: number | undefined;
  readonly metrics: Readonly<Record<string, number>>;
  /** Contiguous: [T, B, …] for what varies with time. */
  readonly outputs: Readonly<Record<string, Float32Array>>;
}

/** What one batch of all examples would give: means over all valid steps, or over all examples where nothing varies with time. */
export interface Evaluation extends Averages {
  readonly examples: number;
}

/** Any sequence of batches: a list, a generator, or an asynchronous stream. */
export type Batches = Iterable<Batch> | AsyncIterable<Batch>;

/** What `Stream.restore` takes. */
export interface StreamRestoreOptions {
  /** The step that the stream continues with. Default: the one that follows the state. */
  readonly at?: number;
}

/** What `Stream.reset` takes besides inputs. */
export interface StreamResetOptions {
  /** The places of the stream that are given to new sequences, from 0 on. Default: all. */
  readonly examples?: readonly number[];
}

/** What `Session.stream` takes. */
export interface StreamOptions {
  /** Sequences side by side: a batch size that the executable, or an attached one, is compiled for. Default: the executable's own. */
  readonly examples?: number;
  /** Inputs of first states that depend on some, [B, …] each. */
  readonly inputs?: Batch["inputs"];
  /** What noise is replaced with: its `mean`, or numbers `drawn` (for first states, at `reset`). Default: `mean`. */
  readonly noise?: NoiseMode;
  /** Receives warnings. Default: the console. */
  readonly warn?: (warning: string) => void;
  /** Takes a number that is not finite, in an input of a step, for a missing reading: `keepStates`. Default: it is refused. */
  readonly missing?: typeof keepStates;
}
