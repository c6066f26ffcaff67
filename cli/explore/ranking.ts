/** Ranks placements by what was measured of each over its seeds, and says which of them may be the best. */
import { type PairedDifference, pairedDifference } from "../statistics/paired.ts";
import type { Trivial } from "../training/trivial.ts";
import { bestSet } from "./best-set.ts";
import { type Effect, mainEffects } from "./effects.ts";
import { type GradientFlag, gradientFlags } from "./gradient-flags.ts";
import { isBetter, merit, type RankedBy } from "./measure.ts";
import { type Placement, placementText, placesNothing } from "./placement.ts";
import type { RowOutcome, RowRecord } from "./row.ts";
import { measureAt } from "./rungs.ts";

export interface MeanAndDeviation {
  readonly mean: number;
  /** Sample standard deviation (n − 1); undefined for one seed. */
  readonly deviation: number | undefined;
}

export interface Standing {
  /** Counted from 1; undefined if no seed of the placement finished. */
  readonly rank: number | undefined;
  readonly placement: Placement;
  /** What was trained: norms without the shifts that are not needed. */
  readonly placed: Placement;
  /** Whether it may be the best of all. With one seed, whether it is first. */
  readonly best: boolean;
  /** Whether it has no norm at any of its sites. */
  readonly baseline: boolean;
  /** Numbers of its rows. */
  readonly rows: readonly number[];
  readonly finished: number;
  /** Training steps of its rows: fewer than asked for if it was left behind in a rung. */
  readonly steps: number;
  /** `loss` and the metrics of the last evaluation, over the seeds that finished. */
  readonly measures: Readonly<Record<string, MeanAndDeviation>>;
  /** What it is ranked by, for each seed that finished. */
  readonly bySeed: readonly { readonly seed: number; readonly value: number }[];
  /** The measure less that of the first placement, and of the one without norms, seed by seed; where all finished as many steps. */
  readonly toFirst: PairedDifference | undefined;
  readonly toBaseline: PairedDifference | undefined;
  /** Cost of its rows: milliseconds are their mean, and the rest is the same for all. */
  readonly cost: NonNullable<RowRecord["cost"]> | undefined;
  /** Why seeds did not finish. */
  readonly reasons: readonly string[];
  /** The compiler's warnings. */
  readonly warnings: readonly string[];
  /** What the gradients of its rows show, with the row's seed. */
  readonly flags: readonly (GradientFlag & { readonly seed: number })[];
}

export interface Ranking {
  readonly by: RankedBy;
  /** Seeds of each placement. */
  readonly seeds: number;
  /** Training steps of a row that goes to the end. */
  readonly steps: number;
  readonly trivial: Trivial | undefined;
  /** Best first. */
  readonly standings: readonly Standing[];
  /** Measured after `effectSteps`, which all placements have trained. */
  readonly effects: readonly Effect[];
  readonly effectSteps: number;
}

export interface RankingOptions {
  readonly by: RankedBy;
  readonly seeds: number;
  /** The steps at the ends of the rungs; the last of them are all. */
  readonly rungs: readonly number[];
  readonly trivial: Trivial | undefined;
}

/**
 * Ranks first the placements that trained longest, of those the ones whose seeds all finished, then those with some that did, then the
 * rest. None is the best if the first is no better than the trivial baseline.
 */
export function rank(rows: readonly RowRecord[], { by, seeds, rungs, trivial }: RankingOptions): Ranking {
  const groups = new Map<string, RowRecord[]>();
  for (const row of rows) {
    const text = placementText(row.placement);
    groups.set(text, [...(groups.get(text) ?? []), row]);
  }
  const summaries = [...groups.values()].map((own) => summaryOf(own, by));
  const share = ({ finished }: Summary): number => finished / seeds;
  const value = ({ measures }: Summary): number => {
    const found = measures[by.measure];
    return found === undefined ? Number.NEGATIVE_INFINITY : merit(by, found.mean);
  };
  summaries.sort((a, b) => b.steps - a.steps || share(b) - share(a) || value(b) - value(a) || 0);

  const longest = Math.max(...summaries.map(({ steps }) => steps));
  const complete = summaries.filter((one) => one.values.size === seeds && one.steps === longest);
  const first = complete[0];
  const compared = first && bestSet(complete.map(({ values }) => inOrder(values).map((one) => merit(by, one))));
  const beaten =
    trivial !== undefined &&
    first !== undefined &&
    Object.hasOwn(trivial.measures, by.measure) &&
    !isBetter(by, first.measures[by.measure].mean, trivial.measures[by.measure]);
  const members = new Set(beaten || compared === undefined ? [] : compared.members.map((at) => complete[at]));
  const bare = summaries.find(({ baseline }) => baseline);
  const to = (one: Summary, other: Summary | undefined): PairedDifference | undefined => {
    if (other === undefined || other === one || one.steps !== other.steps) return undefined;
    if (one.values.size < seeds || other.values.size < seeds) return undefined;
    return pairedDifference([...one.values].map(([seed, own]) => own - other.values.get(seed)!));
  };
  const [effectSteps] = rungs;
  return {
    ...{ by, seeds, trivial, effectSteps },
    steps: rungs[rungs.length - 1],
    standings: summaries.map((summary, at) => {
      const { values, ...known } = summary;
      return {
        rank: summary.finished > 0 ? at + 1 : undefined,
        ...known,
        best: members.has(summary),
        bySeed: [...values].map(([seed, value]) => ({ seed, value })),
        toFirst: to(summary, first),
        toBaseline: to(summary, bare),
      };
    }),
    effects: mainEffects(
      [...groups.values()].map((own) => ({
        placement: own[0].placement,
        values: valuesAt(own, seeds, effectSteps, by.measure),
      })),
    ),
  };
}

type Summary = Omit<Standing, "rank" | "best" | "bySeed" | "toFirst" | "toBaseline"> & {
  /** The measure by seed, of the seeds that finished. */
  readonly values: ReadonlyMap<number, number>;
};

function summaryOf(rows: readonly RowRecord[], { measure }: RankedBy): Summary {
  const finished = rows.filter(({ outcome }) => outcome.status === "finished");
  const results = finished.flatMap(({ seed, result }) =>
    result ? [{ seed, all: { ...result.metrics, loss: result.loss } as Readonly<Record<string, number>> }] : [],
  );
  const names = Object.keys(results[0]?.all ?? {});
  const costs = rows.flatMap(({ cost }) => (cost ? [cost] : []));
  const [{ placement, placed }] = rows;
  return {
    ...{ placement, placed },
    baseline: placesNothing(placement),
    rows: rows.map(({ number }) => number),
    finished: finished.length,
    steps: Math.max(...rows.map(({ steps }) => steps)),
    measures: Object.fromEntries(names.map((name) => [name, meanAndDeviation(results.map(({ all }) => all[name]))])),
    values: new Map(
      results.flatMap(({ seed, all }) => (Number.isFinite(all[measure]) ? [[seed, all[measure]] as const] : [])),
    ),
    cost: costs[0] && {
      ...costs[0],
      milliseconds: meanAndDeviation(costs.map(({ milliseconds }) => milliseconds)).mean,
    },
    reasons: [...new Set(rows.flatMap(({ outcome }) => outcomeText(outcome)))],
    warnings: [...new Set(rows.flatMap(({ warnings }) => warnings))],
    flags: rows.flatMap(({ seed, points }) => gradientFlags(points).map((flag) => ({ ...flag, seed }))),
  };
}

const inOrder = (values: ReadonlyMap<number, number>): readonly number[] =>
  [...values].sort(([a], [b]) => a - b).map(([, value]) => value);

/** The measure after so many steps by seed; undefined unless every seed has it. */
function valuesAt(
  rows: readonly RowRecord[],
  seeds: number,
  steps: number,
  measure: string,
): readonly number[] | undefined {
  const values = new Map(
    rows.flatMap((row) => {
      const value = measureAt(row, steps, measure);
      return value === undefined ? [] : [[row.seed, value] as const];
    }),
  );
  return values.size === seeds ? inOrder(values) : undefined;
}

/** Why a row did not finish; empty for a row that did. */
export function outcomeText(outcome: RowOutcome): readonly string[] {
  switch (outcome.status) {
    case "finished":
      return [];
    case "diverged":
      return [`diverged in ${outcome.during} after ${outcome.step} steps`];
    case "failed":
      return [`${outcome.code}: ${outcome.message.split("\n")[0]}`];
    default:
      return outcome satisfies never;
  }
}

export function meanAndDeviation(values: readonly number[]): MeanAndDeviation {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : undefined };
}
