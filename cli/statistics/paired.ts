/** What a few paired measurements say about a difference: a bootstrap interval that few pairs do not make look certain. */
import { seededStreams } from "../data/streams.ts";
import type { Uniform } from "../data/task.ts";
import { quantile } from "./quantile.ts";

/** The bounds of a 95 % interval. */
export type Interval = readonly [low: number, high: number];

export interface PairedDifference {
  readonly mean: number;
  /** Undefined for a single pair: nothing is known then. */
  readonly interval: Interval | undefined;
  readonly pairs: number;
}

/** Enough that the bounds change by a few percent of the interval's width with another seed. */
const RESAMPLES = 4000;

/** Upper 2.5 % points of Student's t with 1 … 10 degrees of freedom. */
const STUDENT: readonly number[] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];
/** That of the normal distribution. */
const NORMAL = 1.959964;

/** The upper 2.5 % point of Student's t; beyond the table by its expansion (Fisher & Cornish 1960), to 0.1 %. */
function student(freedom: number): number {
  if (freedom <= STUDENT.length) return STUDENT[freedom - 1];
  const [z, z3, z5] = [NORMAL, NORMAL ** 3, NORMAL ** 5];
  return z + (z3 + z) / (4 * freedom) + (5 * z5 + 16 * z3 + 3 * z) / (96 * freedom ** 2);
}

/**
 * The mean of differences with a 95 % interval: the percentiles of the bootstrap over pairs, always the same for the same
 * differences. The bootstrap of n pairs is too narrow by √((n − 1) / n), and normal where it should be Student's; both are made up for,
 * as in Hesterberg 2015, §5.3, but by stretching the distribution, because its percentiles end at the outermost pair.
 */
export function pairedDifference(differences: readonly number[]): PairedDifference {
  const pairs = differences.length;
  const mean = sum(differences) / pairs;
  if (pairs < 2) return { mean, interval: undefined, pairs };
  const uniform = seededStreams(pairs)("bootstrap");
  const means = Float64Array.from({ length: RESAMPLES }, (_, resample) => {
    let total = 0;
    for (let i = 0; i < pairs; i++) total += differences[drawn(uniform, resample * pairs + i, pairs)];
    return total / pairs;
  });
  const stretch = (student(pairs - 1) / NORMAL) * Math.sqrt(pairs / (pairs - 1));
  const bound = (part: number): number => mean + stretch * (quantile(means, part) - mean);
  return { mean, interval: [bound(0.025), bound(0.975)], pairs };
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
