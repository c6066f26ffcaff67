/** How far stored statistics are from those of an exact pass at the same parameters. */
import { quantile } from "./quantile.ts";
import { rowOf, type Statistic, varianceOf } from "./statistic.ts";

/** A distribution over the units of all steps. */
interface Distribution {
  readonly median: number;
  /** The 95th percentile. */
  readonly most: number;
  /** Counted from 1. No step if all steps share the statistic. */
  readonly worst: { readonly value: number; readonly step?: number; readonly unit: number };
}

export interface Drift {
  readonly site: string;
  /** Name of the variance or deviation. */
  readonly statistic: string;
  /** How many standard deviations (√(v + ε), what the norm divides by) the stored mean is off. Undefined if no mean is known. */
  readonly shift: Distribution | undefined;
  /** Ratio of the stored to the estimated standard deviation, or its inverse, whichever is above 1. */
  readonly factor: Distribution;
  /** 95th percentile of the error, as a fraction of a standard deviation. Drifts are ranked by it. */
  readonly lag: number;
}

/**
 * Statistics lag if they are off by more than this. Moving averages with a weight of 0.1 average over some 19 batches, or 1200
 * examples with batches of 64: by chance alone, 5 % of means would be off by more than 0.06 standard deviations.
 */
export const LAG_LIMIT = 0.1;

/** The drift of each variance and deviation that both have, the largest first. */
export function driftOf(stored: readonly Statistic[], estimated: readonly Statistic[]): readonly Drift[] {
  const named = (all: readonly Statistic[], name: string | undefined) =>
    all.find((statistic) => statistic.name === name);
  const drifts = stored.flatMap((before): readonly Drift[] => {
    const after = named(estimated, before.name);
    if (after === undefined || (before.is !== "variance" && before.is !== "deviation")) return [];
    const means = [named(stored, before.about), named(estimated, before.about)] as const;
    const shifts: Entry[] = [];
    const factors: Entry[] = [];
    for (let row = 0; row < before.rows; row++) {
      if (before.batches[row] === 0 || after.batches[row] === 0) continue;
      const [old, now] = [before, after].map((statistic) => [...rowOf(statistic, row)].map(divisor(statistic)));
      const [oldMean, nowMean] = means.map((mean) => mean && rowOf(mean, row));
      for (let unit = 0; unit < before.units; unit++) {
        if (!(old[unit] > 0) || !(now[unit] > 0)) continue;
        const at = { ...(before.policy === "per_step" && { step: row + 1 }), unit: unit + 1 };
        factors.push({ ...at, value: Math.max(old[unit] / now[unit], now[unit] / old[unit]) });
        if (oldMean && nowMean) shifts.push({ ...at, value: Math.abs(oldMean[unit] - nowMean[unit]) / now[unit] });
      }
    }
    if (factors.length === 0) return [];
    const [shift, factor] = [shifts.length > 0 ? distribution(shifts) : undefined, distribution(factors)];
    const lag = Math.max(shift?.most ?? 0, factor.most - 1);
    return [{ site: before.site, statistic: before.name, shift, factor, lag }];
  });
  return drifts.toSorted((a, b) => b.lag - a.lag);
}

type Entry = Distribution["worst"];

/** What the norm divides by. */
const divisor =
  (statistic: Statistic) =>
  (value: number): number =>
    Math.sqrt((varianceOf(statistic, value) ?? Number.NaN) + (statistic.epsilon ?? 0));

function distribution(entries: readonly Entry[]): Distribution {
  const values = entries.map(({ value }) => value);
  return {
    median: quantile(values, 0.5),
    most: quantile(values, 0.95),
    worst: entries.reduce((worst, entry) => (entry.value > worst.value ? entry : worst)),
  };
}
