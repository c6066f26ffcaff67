/**
 * The bookkeeping of population statistics. A statistic has a row per time step (or one for all), and a batch of T steps
 * adds to the first T rows. `seen[r]` counts the batches that row r was collected from; because sequences differ in
 * length, rows may have been seen unequally often.
 */

/** The weight of a new batch in each row it adds to: 1/(n + 1) after n batches, an average of all, but at least `momentum`. */
export function weightsFor(seen: readonly number[], rows: number, steps: number, momentum: number): readonly number[] {
  return Array.from({ length: Math.min(rows, steps) }, (_, row) => Math.max(momentum, 1 / ((seen[row] ?? 0) + 1)));
}

/** The counts after a batch of `steps` steps. */
export function countedWith(seen: readonly number[], rows: number, steps: number): readonly number[] {
  const length = Math.max(seen.length, Math.min(rows, steps));
  return Array.from({ length }, (_, row) => (seen[row] ?? 0) + (row < steps ? 1 : 0));
}

/** Moves `old`, rows of one statistic, towards `batch` by each row's weight; rows without a weight stay. */
export function blend(old: Float32Array, batch: Float32Array, rows: number, weights: readonly number[]): Float32Array {
  const width = old.length / rows;
  return old.map((value, index) => {
    const weight = weights[Math.floor(index / width)];
    return weight === undefined ? value : (1 - weight) * value + weight * batch[index];
  });
}

/** Copies the last of the first `known` rows into those behind it: steps beyond the longest sequence seen use its statistics. */
export function extend(statistic: Float32Array, rows: number, known: number): Float32Array {
  const width = statistic.length / rows;
  const extended = statistic.slice();
  for (let row = known; row < rows; row++) extended.copyWithin(row * width, (known - 1) * width, known * width);
  return extended;
}
