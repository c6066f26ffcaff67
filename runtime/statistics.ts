/**
 * The bookkeeping of population statistics. A statistic has a row per time step (or one for all), and a batch of T steps
 * contributes to the first T rows. `seen[t]` counts the batches that step t was collected from. Where sequences differ in length,
 * only some of a batch's examples have step t, and the batch counts as that fraction.
 */

/** The weight of the newest batch in per-step statistics, and in those that all steps share. */
export interface Weights {
  readonly steps: readonly number[];
  readonly shared: number;
}

/**
 * The weights of a batch in which the fraction `filled[t]` of the examples has step t: its fraction of everything seen so far, which
 * makes an average over examples (and over steps, for shared statistics), but at least `momentum` times its fraction of a whole batch.
 */
export function weightsFor(seen: readonly number[], filled: readonly number[], momentum: number): Weights {
  return {
    steps: filled.map((now, t) => weightOf(seen[t] ?? 0, now, momentum)),
    shared: weightOf(sum(seen), sum(filled), momentum, filled.length),
  };
}

/** The weight of what is seen `now`, of `whole` at most, after what was seen `before`. */
export const weightOf = (before: number, now: number, momentum: number, whole = 1): number =>
  now === 0 ? 0 : Math.max(momentum * (now / whole), now / (before + now));

/** The counts after such a batch. */
export function countedWith(seen: readonly number[], filled: readonly number[]): readonly number[] {
  return Array.from({ length: Math.max(seen.length, filled.length) }, (_, t) => (seen[t] ?? 0) + (filled[t] ?? 0));
}

/** Copies the last of the first `known` rows into the rows after it: steps beyond the longest sequence seen use its statistics. */
export function repeatLastRow(statistic: Float32Array, rows: number, known: number): Float32Array {
  const width = statistic.length / rows;
  const extended = statistic.slice();
  for (let row = known; row < rows; row++) extended.copyWithin(row * width, (known - 1) * width, known * width);
  return extended;
}

/** A statistic whose rows that no batch reached are those of the nearest step before them that one did, or else of the first. */
export function withNearestRows(statistic: Float32Array, rows: number, seen: readonly number[]): Float32Array {
  const width = statistic.length / rows;
  const extended = statistic.slice();
  let known = Math.max(
    0,
    seen.findIndex((batches) => batches > 0),
  );
  for (let row = 0; row < rows; row++) {
    if (seen[row] > 0) known = row;
    else extended.copyWithin(row * width, known * width, (known + 1) * width);
  }
  return extended;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** At which row of per-step statistics a step is: the last row serves all later steps. */
export const rowOfStep = (rows: number, step: number): number => Math.min(step, Math.max(0, rows - 1));
