import { expect, test } from "vitest";
import type { RankedBy } from "../../../cli/explore/measure.ts";
import { type Ranking, type RankingOptions, rank } from "../../../cli/explore/ranking.ts";
import type { RowOutcome, RowRecord } from "../../../cli/explore/row.ts";
import { remarks } from "../../../cli/explore/table.ts";

const finished: RowOutcome = { status: "finished" };
const ACCURACY: RankedBy = { measure: "accuracy", direction: "max" };

/** A row that trained 4 steps. */
function row(hh: string, seed: number, accuracy: number | undefined, outcome = finished): RowRecord {
  const result = accuracy === undefined ? undefined : { loss: 1 - accuracy, metrics: { accuracy } };
  return {
    format: 2,
    number: seed,
    placement: { hh },
    placed: { hh: hh === "batch" ? "batch(beta = none)" : hh },
    seed,
    steps: 4,
    outcome,
    warnings: [`W0606: \`k\` of ${hh}`],
    result,
    cost: { milliseconds: seed, dispatches: 3, bytes: 64, parameters: 5 },
    seconds: 1,
    points: result ? [{ kind: "evaluation", step: 4, epoch: 1, seconds: 1, ...result }] : [],
  };
}

const ranked = (rows: readonly RowRecord[], options: Partial<RankingOptions> = {}): Ranking =>
  rank(rows, { by: ACCURACY, seeds: 2, rungs: [4], trivial: undefined, ...options });

const diverged: RowOutcome = { status: "diverged", step: 4, during: "training" };

test("the highest mean accuracy over seeds is first, with its spread and its mean cost", () => {
  const { standings } = ranked([row("none", 1, 0.5), row("none", 2, 0.9), row("batch", 1, 0.8), row("batch", 2, 0.8)]);
  expect(standings.map(({ rank, placement }) => [rank, placement.hh])).toEqual([
    [1, "batch"],
    [2, "none"],
  ]);
  expect(standings[1].measures.accuracy.mean).toBeCloseTo(0.7, 12);
  expect(standings[1].measures.accuracy.deviation).toBeCloseTo(Math.sqrt(0.08), 12);
  expect(standings[1].cost).toEqual({ milliseconds: 1.5, dispatches: 3, bytes: 64, parameters: 5 });
});

test("the lowest loss is first if it is ranked by that, and the highest if somebody wants it", () => {
  const rows = [row("none", 1, 0.5), row("batch", 1, 0.8)];
  const first = (direction: "min" | "max") =>
    ranked(rows, { seeds: 1, by: { measure: "loss", direction } }).standings[0].placement.hh;
  expect([first("min"), first("max")]).toEqual(["batch", "none"]);
});

test("differences are taken seed by seed", () => {
  // The seeds differ by much more than the placements do.
  const rows = [0.2, 0.5, 0.8].flatMap((value, at) => [
    row("none", at + 1, value),
    row("batch", at + 1, value + 0.05 + 0.001 * at),
  ]);
  const { standings } = ranked(rows, { seeds: 3 });
  const [first, second] = standings;
  expect([first.best, second.best, second.baseline]).toEqual([true, false, true]);
  expect(first.toFirst).toBeUndefined();
  expect(second.toFirst!.mean).toBeCloseTo(-0.051, 12);
  expect(second.toFirst!.interval![1]).toBeLessThan(0);
  expect(first.toBaseline!.mean).toBeCloseTo(0.051, 12);
});

test("with one seed one is first, and no interval is known", () => {
  const { standings, effects } = ranked([row("none", 1, 0.5), row("batch", 1, 0.8)], { seeds: 1 });
  expect(standings.map(({ best }) => best)).toEqual([true, false]);
  expect(standings[1].toFirst).toEqual({ mean: expect.closeTo(-0.3, 12), interval: undefined, pairs: 1 });
  expect(effects[0].difference.interval).toBeUndefined();
});

test("none is the best if the first is no better than what learns nothing", () => {
  const trivial = { measures: { accuracy: 0.6 }, predicted: { accuracy: "the most frequent class" } };
  const rows = [row("none", 1, 0.5), row("none", 2, 0.5), row("batch", 1, 0.61), row("batch", 2, 0.58)];
  expect(ranked(rows, { trivial }).standings.map(({ best }) => best)).toEqual([false, false]);
  const less = { ...trivial, measures: { accuracy: 0.4 } };
  expect(ranked(rows, { trivial: less }).standings[0].best).toBe(true);
});

test("a placement with a seed that diverged comes after those without, and one that failed has no rank", () => {
  const failed: RowOutcome = { status: "failed", code: "C0207", message: "statistics over time\nmore" };
  const { standings } = ranked([
    row("batch", 1, 0.99),
    row("batch", 2, undefined, diverged),
    row("none", 1, 0.3),
    row("none", 2, 0.3),
    row("whole", 1, undefined, failed),
    row("whole", 2, undefined, failed),
  ]);
  expect(standings.map(({ rank, placement, reasons }) => [rank, placement.hh, reasons])).toEqual([
    [1, "none", []],
    [2, "batch", ["diverged in training after 4 steps"]],
    [undefined, "whole", ["C0207: statistics over time"]],
  ]);
  expect(standings.map(({ best }) => best)).toEqual([true, false, false]);
  expect(standings[1].toFirst).toBeUndefined();
});

test("what a diverged row measured before does not count", () => {
  const { standings } = ranked([row("batch", 1, 0.9, diverged), row("batch", 2, 0.5)]);
  expect(standings[0].measures.accuracy).toEqual({ mean: 0.5, deviation: undefined });
});

test("a placement that was left behind comes after those that went on, however good it was", () => {
  const short = (value: number, seed: number): RowRecord => ({ ...row("layer", seed, value), steps: 2 });
  const { standings } = ranked([short(0.9, 1), short(0.9, 2), row("none", 1, 0.3), row("none", 2, 0.3)], {
    rungs: [2, 4],
  });
  expect(standings.map(({ placement, best, steps }) => [placement.hh, best, steps])).toEqual([
    ["none", true, 4],
    ["layer", false, 2],
  ]);
  expect(remarks(standings[1], { steps: 4 })).toBe("2 steps only; W0606");
});

test("remarks say a shift that was left out, and warnings once, by their codes", () => {
  const { standings } = ranked([row("batch", 1, 0.9), row("batch", 2, undefined, diverged)]);
  expect(standings[0].warnings).toEqual(["W0606: `k` of batch"]);
  expect(remarks(standings[0], { steps: 4 })).toBe("diverged in training after 4 steps; no shift at hh; W0606");
});
