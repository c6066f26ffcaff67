import type { Input } from "./inputs.ts";

/** Examples to run on. */
export interface Batch {
  /**
   * By the plan's names: [T, B, …] for what varies with time, [B, …] for what does not, finite numbers all, rounded to f32; of a
   * target also NaN, where a number is missing. `null` leaves an input out on purpose, such as the targets at inference; zeros
   * stand in for it, and loss and metrics are not reported. They are copied when the run's turn comes, and are to stay as they
   * are until it is done.
   */
  readonly inputs: Readonly<Record<string, Input | null>>;
  /** T, at least 1. */
  readonly steps: number;
  /** B, as many as an executable was compiled for. */
  readonly examples: number;
  /**
   * How many steps each example has, from 1 to `steps`; all of them where nothing is said. What stands behind an example's last
   * step is not looked at. Only for what was compiled for it.
   */
  readonly lengths?: ArrayLike<number>;
}

/** What stands for noise: numbers drawn from the generator, or what they are on average. */
export type NoiseMode = "drawn" | "mean";
