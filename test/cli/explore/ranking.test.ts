import { expect, test } from "vitest";
import { rank, remarks } from "../../../cli/explore/ranking.ts";
import type { RowOutcome, RowRecord } from "../../../cli/explore/row.ts";

const finished: RowOutcome = { status: "finished" };

function row(hh: string, seed: number, accuracy: number | undefined, outcome = finished, name = "accuracy"): RowRecord {
  const result = accuracy === undefined ? undefined : { loss: 1 - accuracy, metrics: { [name]: accuracy } };
  const cost = { milliseconds: seed, dispatches: 3, bytes: 64, parameters: 5 };
  return {
    format: 1,
    number: seed,
    placement: { hh },
    seed,
    outcome,
    warnings: [`W0605: \`k\` of ${hh}`],
    result,
    cost,
    seconds: 1,
    points: [],
  };
}

const diverged: RowOutcome = { status: "diverged", step: 4, during: "training" };

test("the highest mean accuracy over seeds is first, with its spread and its mean cost", () => {
  const { by, standings } = rank([
    row("none", 1, 0.5),
    row("none", 2, 0.9),
    row("batch", 1, 0.8),
    row("batch", 2, 0.8),
  ]);
  expect(by).toBe("accuracy");
  expect(standings.map(({ rank, placement }) => [rank, placement.hh])).toEqual([
    [1, "batch"],
    [2, "none"],
  ]);
  expect(standings[1].measures.accuracy.mean).toBeCloseTo(0.7, 12);
  expect(standings[1].measures.accuracy.deviation).toBeCloseTo(Math.sqrt(0.08), 12);
  expect(standings[1].cost).toEqual({ milliseconds: 1.5, dispatches: 3, bytes: 64, parameters: 5 });
});

test("without an accuracy the lowest loss is first", () => {
  const { by, standings } = rank([
    row("none", 1, 0.5, finished, "perplexity"),
    row("batch", 1, 0.2, finished, "perplexity"),
  ]);
  expect([by, standings[0].placement.hh]).toEqual(["loss", "none"]);
});

test("a placement with a seed that diverged comes after those without, and one that failed has no rank", () => {
  const failed: RowOutcome = { status: "failed", code: "C0207", message: "statistics over time\nmore" };
  const { standings } = rank([
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
});

test("what a diverged row measured before does not count", () => {
  const { standings } = rank([row("batch", 1, 0.9, diverged), row("batch", 2, 0.5)]);
  expect(standings[0].measures.accuracy).toEqual({ mean: 0.5, deviation: undefined });
});

test("warnings are listed once beside a placement, by their codes", () => {
  const { standings } = rank([row("batch", 1, 0.9), row("batch", 2, undefined, diverged)]);
  expect(standings[0].warnings).toEqual(["W0605: `k` of batch"]);
  expect(remarks(standings[0])).toBe("diverged in training after 4 steps; W0605");
});
