/** What a few paired measurements say about a difference: a bootstrap interval that few pairs do not make look certain. */
import { seededStreams } from "../data/streams.ts";
import type { Uniform } from "../data/task.ts";
import { quantile } from "./quantile.ts";
import { normalPoint, studentPoint } from "./student.ts";

/** The bounds of an interval that contains the truth with 95 %. */
export type Interval = readonly [low: number, high: number];

export interface PairedDifference {
  readonly mean: number;
  /** Undefined for a single pair: nothing is known then. */
  readonly interval: Interval | undefined;
  readonly pairs: number;
}

/** Enough that the bounds change by a few percent of the interval's width with another seed. */
const RESAMPLES = 4000;

/** A 95 % interval misses the truth in so many cases. */
const RISK = 0.05;

/**
 * The mean of differences with its interval: the percentiles of the bootstrap over pairs, always the same for the same differences. The
 * bootstrap of n pairs is too narrow by √((n − 1) / n), and normal where it should be Student's; both are made up for, as in Hesterberg
 * 2015, §5.3, but by stretching the distribution, because its percentiles end at the outermost pair. Of `together` intervals, all hold
 * with 95 % (Bonferroni).
 */
export function pairedDifference(differences: readonly number[], together = 1): PairedDifference {
  const pairs = differences.length;
  const mean = sum(differences) / pairs;
  if (pairs < 2) return { mean, interval: undefined, pairs };
  const uniform = seededStreams(pairs)("bootstrap");
  const means = Float64Array.from({ length: RESAMPLES }, (_, resample) => {
    let total = 0;
    for (let i = 0; i < pairs; i++) total += differences[drawn(uniform, resample * pairs + i, pairs)];
    return total / pairs;
  });
  const tail = RISK / together / 2;
  const stretch = (studentPoint(tail, pairs - 1) / normalPoint(tail)) * Math.sqrt(pairs / (pairs - 1));
  const bound = (part: number): number => mean + stretch * (quantile(means, part) - mean);
  return { mean, interval: [bound(tail), bound(1 - tail)], pairs };
}

/** Whether the difference may be none, as far as is known. */
export const mayBeZero = ({ interval }: Pick<PairedDifference, "interval">): boolean =>
  interval === undefined || (interval[0] <= 0 && interval[1] >= 0);

const REPEATS = 1000;

/**
 * The probability that columns differ as much as these if they do not differ at all: values [row][column], where a row moves all of its
 * columns alike. The variance between the column means is compared with that of what rows and columns do not explain, as in Fisher's
 * test, but with repetitions drawn from those residuals instead of a normal distribution.
 */
export function equalityProbability(rows: readonly (readonly number[])[]): number {
  const columns = rows[0].length;
  const count = rows.length * columns;
  const values = Float64Array.from(rows.flat());
  const observed = analysed(values, columns);
  if (observed.ratio === 0) return 1;
  const { residuals } = observed;
  const uniform = seededStreams(columns)("residuals");
  const repeated = new Float64Array(count);
  let asMuch = 1;
  for (let at = 1; at < REPEATS; at++) {
    for (let i = 0; i < count; i++) repeated[i] = residuals[drawn(uniform, at * count + i, count)];
    if (analysed(repeated, columns).ratio >= observed.ratio) asMuch++;
  }
  return asMuch / REPEATS;
}

/** The squares between the column means, as a multiple of those of the residuals; 0 if there are none of the former. */
function analysed(values: Float64Array, columns: number): { readonly ratio: number; readonly residuals: Float64Array } {
  const rows = values.length / columns;
  const rowMeans = new Float64Array(rows);
  const columnMeans = new Float64Array(columns);
  let mean = 0;
  values.forEach((value, at) => {
    rowMeans[Math.floor(at / columns)] += value / columns;
    columnMeans[at % columns] += value / rows;
    mean += value / values.length;
  });
  const residuals = values.map(
    (value, at) => value - rowMeans[Math.floor(at / columns)] - columnMeans[at % columns] + mean,
  );
  const squares = (numbers: Float64Array, middle = 0): number =>
    numbers.reduce((total, number) => total + (number - middle) ** 2, 0);
  const between = rows * squares(columnMeans, mean);
  // Rounding is no difference.
  if (between <= 1e-24 * squares(values)) return { ratio: 0, residuals };
  return { ratio: between / squares(residuals), residuals };
}

const drawn = (uniform: Uniform, index: number, count: number): number =>
  Math.min(count - 1, Math.floor(uniform(index) * count));

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
