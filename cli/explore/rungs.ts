/** Successive halving (Jamieson & Talwalkar 2016): all placements train a little, the best of them longer, the best of those to the end. */
import { exit, Failure } from "../failure.ts";
import { merit, type RankedBy } from "./measure.ts";
import { type Placement, placementText, placesNothing } from "./placement.ts";
import type { RowRecord } from "./row.ts";

export interface Rung {
  /** Up to this training step, counted from the row's first. */
  readonly steps: number;
  /** How many placements train in it; the one without norms is one more where it is not among the best. */
  readonly placements: number;
}

/** A rung as a part of the whole: of the steps, and of the placements. */
export interface RungShare {
  readonly steps: number;
  readonly placements: number;
}

/**
 * Each rung keeps one in `eta` placements, which train `eta` times as long as they did until then. Throws C0301 if a rung would have
 * nothing to choose between.
 */
export function rungShares(placements: number, rungs: number, eta: number): readonly RungShare[] {
  const counts = Array.from({ length: rungs }, (_, rung) => Math.ceil(placements / eta ** rung));
  const idle = counts.findIndex((count, rung) => rung > 0 && count === counts[rung - 1]);
  if (idle > 0)
    throw new Failure(
      "C0301",
      exit.usage,
      `${rungs} rungs are too many for ${placements} placements: after rung ${idle} there is ${counts[idle]} left`,
      `--rungs ${idle} at most, or a smaller --eta`,
    );
  return counts.map((count, rung) => ({ steps: eta ** (rung + 1 - rungs), placements: count / placements }));
}

/** The measure of a row at the evaluation after `steps` steps; undefined if there is none. */
export function measureAt(row: RowRecord, steps: number, measure: string): number | undefined {
  const point = row.points.find((one) => one.kind === "evaluation" && one.step === steps);
  if (point?.kind !== "evaluation") return undefined;
  const value = measure === "loss" ? point.loss : point.metrics[measure];
  return Number.isFinite(value) ? value : undefined;
}

/**
 * The placements that go on after a rung: the best ones by their mean at its end, of those that reached it with every seed, and the one
 * without norms.
 */
export function survivors(
  rows: readonly RowRecord[],
  { steps, seeds, by, count }: { steps: number; seeds: number; by: RankedBy; count: number },
): readonly Placement[] {
  const groups = new Map<string, { readonly placement: Placement; readonly values: number[] }>();
  for (const row of rows) {
    const key = placementText(row.placement);
    const group = groups.get(key) ?? { placement: row.placement, values: [] };
    groups.set(key, group);
    const value = measureAt(row, steps, by.measure);
    if (value !== undefined) group.values.push(merit(by, value));
  }
  const whole = [...groups.values()].filter(({ values }) => values.length === seeds);
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  // A stable sort: equal ones in the order of the rows, whoever finished first.
  const ranked = whole.sort((a, b) => sum(b.values) - sum(a.values)).map(({ placement }) => placement);
  return ranked.filter((placement, at) => at < count || placesNothing(placement));
}
