/** What the calls of a session take and give. */
import type { Averages } from "./averages.ts";
import type { Batch, NoiseMode } from "./batch.ts";

/** What `Session.open` takes. */
export interface SessionOptions {
  /** A whole number, from which parameters and noise are drawn: the same ones on every target. */
  readonly seed: number;
}

/** What `Session.train` takes for a step. */
export interface TrainOptions {
  /** Learning rate of this step, above 0. */
  readonly lr: number;
  /** Largest norm of the gradient, above 0; none or Infinity: no clipping. */
  readonly clip?: number;
  /** Weight of this batch in the population statistics, from 0 (an average over all batches) to 1; 0.1 by default. Early batches weigh more: 1/(n + 1) after n. */
  readonly momentum?: number;
  /** Values of other hyper-parameters the plan has. */
  readonly hyper?: Readonly<Record<string, number>>;
  /**
   * Whether to read the loss back, true by default. Without, a GPU need not be waited for. A step that is not finite then changes
   * nothing, nor do the steps behind it, and the next call that waits for the device throws C0502 for it.
   */
  readonly report?: boolean;
}

/** What `Session.estimate` takes. */
export interface EstimateOptions {
  /**
   * What a population variance is: `within`, the average of the batches' own, as in the paper and as in training (of B examples
   * each, it is (B − 1) / B of the variance of all, and lacks what lies between batches); or `total`, by the law of total
   * variance: that of all examples of all batches about their common mean, as if they had been one batch. The default is
   * `within`, but `total` where the first batch has one example, which has no variance of its own.
   */
  readonly variance?: "within" | "total";
}

/** What `Session.infer` and `Session.evaluate` take. */
export interface InferOptions {
  /**
   * What stands for the noise of the model: its mean (0, as `noise` draws it), the default, so that the same input has the same
   * outputs; or numbers `drawn` afresh, as in training.
   */
  readonly noise?: NoiseMode;
}

/** What `Session.train` says of a step. */
export interface TrainReport {
  /** Updates done, this one included. */
  readonly step: number;
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** Before clipping, where the optimiser's entry has a metric `gradient_norm`. */
  readonly gradientNorm: number | undefined;
}

/** What `Session.infer` gives. */
export interface Inference {
  /** Undefined where the plan has no loss or an input was left out. */
  readonly loss: number | undefined;
  readonly metrics: Readonly<Record<string, number>>;
  /** Contiguous: [T, B, …] for what varies with time. */
  readonly outputs: Readonly<Record<string, Float32Array>>;
}

/** What one batch of all examples would give: means over all steps that count, or over all examples where nothing varies with time. */
export interface Evaluation extends Averages {
  readonly examples: number;
}

/** Batches one after another: a list, a generator, or a stream of them. */
export type Batches = Iterable<Batch> | AsyncIterable<Batch>;

/** What `Stream.restore` takes. */
export interface StreamRestoreOptions {
  /** The step that the stream goes on with, by default the one that the state stands before. */
  readonly at?: number;
}

/** What `Session.stream` takes. */
export interface StreamOptions {
  /** Sequences side by side: what the executable, or one that was attached, is compiled for; the executable's own by default. */
  readonly examples?: number;
  /** What stands for noise: its mean, the default, or numbers `drawn`, at `reset` those of first states. */
  readonly noise?: NoiseMode;
  /** Told what is dangerous. Default: the console. */
  readonly warn?: (warning: string) => void;
}
