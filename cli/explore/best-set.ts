/** Which placements may be the best one, as far as the seeds tell. */
import { equalityProbability, mayBeZero, type PairedDifference, pairedDifference } from "../statistics/paired.ts";

/** Of one placement: a value for each seed, in the order of the seeds, larger where it is better. */
export type Values = readonly number[];

export interface BestSet {
  /** Indices of the placements that may be the best, the one with the best mean first. With one seed, that one alone. */
  readonly members: readonly number[];
  /** Of each placement: its values less those of the best mean. */
  readonly differences: readonly PairedDifference[];
}

/** Of claims that a difference is there, at most this share is wrong. */
const RISK = 0.05;

/**
 * The best mean and all placements that cannot be told from it: those whose paired difference to it has an interval that contains 0, and
 * those that are left when the worst is taken away for as long as the rest differ more than chance lets them (a model confidence set:
 * Hansen, Lunde & Nason 2011). The interval alone would not do: of many equal placements, the worst looks bad by chance.
 */
export function bestSet(placements: readonly Values[]): BestSet {
  const order = placements.map((values, at) => ({ at, mean: sum(values) / values.length }));
  order.sort((a, b) => b.mean - a.mean || a.at - b.at);
  const best = order[0].at;
  const differences = placements.map((values) =>
    pairedDifference(values.map((value, seed) => value - placements[best][seed])),
  );
  const seeds = placements[0].length;
  if (seeds < 2) return { members: [best], differences };
  const ranked = order.map(({ at }) => at);
  const alike = indistinguishable(ranked.map((at) => placements[at]));
  const members = ranked.filter((at, rank) => rank < alike || mayBeZero(differences[at]));
  return { members, differences };
}

/** A probability that no doubt is left with. */
const CERTAIN = 0.002;

/** How many of the placements, best first, do not differ more than chance lets them. */
function indistinguishable(ranked: readonly Values[]): number {
  const seeds = ranked[0].map((_, seed) => seed);
  let count = ranked.length;
  while (count > 2) {
    const rows = seeds.map((seed) => ranked.slice(0, count).map((values) => values[seed]));
    const probability = equalityProbability(rows);
    if (probability > RISK) return count;
    // Of many placements that differ without any doubt, one more or less does not matter.
    count -= probability < CERTAIN ? Math.ceil(count / 16) : 1;
  }
  // Of two, the interval says it.
  return 1;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
