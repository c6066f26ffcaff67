/**
 * How closely two computations of the same must agree, once for all tests of the whole pipeline. All are relative to the largest number of
 * the tensor, as `relativeError` has it: max |a − b| / max(|a|∞, |b|∞, floor).
 */
import { defaultTarget, targets } from "../../cli/targets.ts";

export const tolerance = {
  /** Derived gradients, interpreted in f64, and central differences, which err by some 1e-10. */
  differences: 1e-6,
  /** The reference and PyTorch, both in f64: two orders of summation. */
  pytorch: 1e-9,
  /** What a target computes in f32, and the reference: outputs, loss, metrics, statistics (`forward`), and gradients. */
  ...targets[defaultTarget].tolerance,
  /** For random programs, in which norms follow norms: each divides rounding errors by another standard deviation. */
  stacked: { differences: 1e-5, forward: 1e-4, gradient: 2e-3 },
  /**
   * Gradients over five steps where what is saved for them is stored as f16, which is off by up to 2^-11 of itself: a path takes in up
   * to three saved values a step, and a norm over a few examples divides errors by a standard deviation.
   */
  half: 8 * 2 ** -11,
  /** Losses of the same training on two targets, step by step. */
  training: 1e-4,
} as const;

/** Below which sizes errors are absolute. */
export const floor = {
  tensor: 1e-3,
  /** A loss or metric is a mean of many terms that nearly cancel; they round by their own size, some tenths. */
  mean: 0.1,
  /** Relative to the graph's largest gradient: one that vanishes, as after a batch norm, rounds by the size of what cancels. */
  gradients: 0.01,
} as const;
