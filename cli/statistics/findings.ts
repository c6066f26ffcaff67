/** Finds problems in population statistics from their numbers. */
import { median } from "./quantile.ts";
import { rowOf, type Statistic, varianceOf } from "./statistic.ts";

export type FindingKind = "not collected" | "not finite" | "collapsed" | "epsilon";

export interface Finding {
  readonly kind: FindingKind;
  /** The statistic's name. */
  readonly statistic: string;
  /** Counted from 1; empty if all steps share the statistic. */
  readonly steps: readonly number[];
  /** The number of units at the step with the most. */
  readonly units: number;
}

/**
 * How large f32 rounding can make a variance of zero, relative to the squared mean: sums over hundreds of equal numbers are accurate
 * to 2⁻¹⁹, so the rounded mean differs from each number by as much.
 */
const ROUNDING = 2 ** -38;

/** A root √(v + ε) in f32 determines v to about this fraction of ε. */
const ROOT_ROUNDING = 2 ** -20;

/** All findings, statistic by statistic. */
export function findingsOf(statistics: readonly Statistic[]): readonly Finding[] {
  return statistics.flatMap((statistic) => {
    const mean = statistics.find(({ name }) => name === statistic.about);
    const found: Record<FindingKind, { readonly row: number; readonly units: number }[]> = {
      ...{ "not collected": [], "not finite": [], collapsed: [], epsilon: [] },
    };
    for (let row = 0; row < statistic.rows; row++) {
      for (const [kind, units] of Object.entries(rowFindings(statistic, mean, row)) as [FindingKind, number][])
        if (units > 0) found[kind].push({ row, units });
    }
    return (Object.keys(found) as FindingKind[]).flatMap((kind): readonly Finding[] => {
      const rows = found[kind];
      if (rows.length === 0) return [];
      const steps = statistic.policy === "shared" ? [] : rows.map(({ row }) => row + 1);
      return [{ kind, statistic: statistic.name, steps, units: Math.max(...rows.map(({ units }) => units)) }];
    });
  });
}

/** For each kind of finding, how many units of a row it affects. */
function rowFindings(
  statistic: Statistic,
  mean: Statistic | undefined,
  row: number,
): Readonly<Partial<Record<FindingKind, number>>> {
  const { batches, units, epsilon } = statistic;
  if (batches[row] === 0) return { "not collected": units };
  const values = rowOf(statistic, row);
  const notFinite = values.filter((value) => !Number.isFinite(value)).length;
  if (notFinite > 0) return { "not finite": notFinite };
  const variances = [...values].flatMap((value) => varianceOf(statistic, value) ?? []);
  const collapsed = (unit: number): boolean => isCollapsed(statistic, variances[unit], mean && rowOf(mean, row)[unit]);
  const alive = variances.filter((_, unit) => !collapsed(unit));
  // A few variances just above rounding, among units with none, say nothing about ε.
  const swallowed = epsilon !== undefined && 2 * alive.length >= units && median(alive) <= epsilon;
  return {
    collapsed: variances.length - alive.length,
    epsilon: swallowed ? alive.filter((variance) => variance <= epsilon).length : 0,
  };
}

/** Whether a variance is zero, as far as f32 can tell. */
function isCollapsed({ is, epsilon = 0 }: Statistic, variance: number, mean = 0): boolean {
  return variance <= Math.max(mean * mean * ROUNDING, is === "deviation" ? epsilon * ROOT_ROUNDING : 0);
}

/** `steps 1–3, 7`; `all steps` for a shared statistic. */
export function stepsText(steps: readonly number[]): string {
  if (steps.length === 0) return "all steps";
  const runs: [number, number][] = [];
  for (const step of steps) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === step - 1) last[1] = step;
    else runs.push([step, step]);
  }
  const shown = runs.slice(0, 4).map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`));
  const rest = runs.length > 4 ? `, … ${runs.at(-1)?.[1]} (${steps.length} in all)` : "";
  return `${steps.length === 1 ? "step" : "steps"} ${shown.join(", ")}${rest}`;
}
