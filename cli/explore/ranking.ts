/** Ranks placements by what was measured of each over its seeds. */
import type { RowOutcome, RowRecord } from "./row.ts";
import { type Placement, placementText } from "./rows.ts";

export interface MeanAndDeviation {
  readonly mean: number;
  /** Sample standard deviation (n − 1); undefined for one seed. */
  readonly deviation: number | undefined;
}

export interface Standing {
  /** Counted from 1; undefined if no seed of the placement finished. */
  readonly rank: number | undefined;
  readonly placement: Placement;
  /** Numbers of its rows. */
  readonly rows: readonly number[];
  readonly finished: number;
  /** `loss` and the metrics of the last evaluation, over the seeds that finished. */
  readonly measures: Readonly<Record<string, MeanAndDeviation>>;
  /** Cost of its rows: milliseconds are their mean, and the rest is the same for all. */
  readonly cost: NonNullable<RowRecord["cost"]> | undefined;
  /** Why seeds did not finish. */
  readonly reasons: readonly string[];
  /** The compiler's warnings. */
  readonly warnings: readonly string[];
}

export interface Ranking {
  /** `accuracy`, higher is better, if the model has a metric of that name; otherwise `loss`. */
  readonly by: string;
  readonly standings: readonly Standing[];
}

/** Ranks first the placements whose seeds all finished, then those with some that did, then the rest. */
export function rank(rows: readonly RowRecord[]): Ranking {
  const by = rows.some(({ result }) => result !== undefined && "accuracy" in result.metrics) ? "accuracy" : "loss";
  const better = by === "accuracy" ? -1 : 1;
  const groups = new Map<string, RowRecord[]>();
  for (const row of rows) {
    const text = placementText(row.placement);
    groups.set(text, [...(groups.get(text) ?? []), row]);
  }
  const standings = [...groups.values()].map(standingOf);
  const share = ({ finished, rows: own }: Omit<Standing, "rank">): number => finished / own.length;
  const value = ({ measures }: Omit<Standing, "rank">): number => better * (measures[by]?.mean ?? 0);
  standings.sort((a, b) => share(b) - share(a) || value(a) - value(b));
  return {
    by,
    standings: standings.map((standing, at) => ({ rank: standing.finished > 0 ? at + 1 : undefined, ...standing })),
  };
}

function standingOf(rows: readonly RowRecord[]): Omit<Standing, "rank"> {
  const finished = rows.filter(({ outcome }) => outcome.status === "finished");
  const results = finished.flatMap(({ result }) => (result ? [{ loss: result.loss, ...result.metrics }] : []));
  const names = Object.keys(results[0] ?? {}) as readonly (keyof (typeof results)[0])[];
  const costs = rows.flatMap(({ cost }) => (cost ? [cost] : []));
  return {
    placement: rows[0].placement,
    rows: rows.map(({ number }) => number),
    finished: finished.length,
    measures: Object.fromEntries(names.map((name) => [name, meanAndDeviation(results.map((result) => result[name]))])),
    cost: costs[0] && {
      ...costs[0],
      milliseconds: meanAndDeviation(costs.map(({ milliseconds }) => milliseconds)).mean,
    },
    reasons: [...new Set(rows.flatMap(({ outcome }) => outcomeText(outcome)))],
    warnings: [...new Set(rows.flatMap(({ warnings }) => warnings))],
  };
}

/** Remarks on a placement in the table: why seeds did not finish, and the codes of warnings. */
export function remarks({ reasons, warnings }: Pick<Standing, "reasons" | "warnings">): string {
  const codes = new Set(warnings.map((warning) => warning.slice(0, warning.indexOf(":"))));
  return [...reasons, ...codes].join("; ");
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

function meanAndDeviation(values: readonly number[]): MeanAndDeviation {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : undefined };
}
