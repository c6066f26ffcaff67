import { describe, expect, test } from "vitest";
import type { RowRecord } from "../../../cli/explore/row.ts";
import { rungShares, survivors } from "../../../cli/explore/rungs.ts";

describe("rungs", () => {
  test("each keep one placement in three, for three times the steps", () => {
    expect(rungShares(27, 3, 3)).toEqual([
      { steps: 1 / 9, placements: 1 },
      { steps: 1 / 3, placements: 9 / 27 },
      { steps: 1, placements: 3 / 27 },
    ]);
    expect(rungShares(5, 2, 2).map(({ placements }) => Math.round(5 * placements))).toEqual([5, 3]);
    expect(rungShares(1, 1, 3)).toEqual([{ steps: 1, placements: 1 }]);
  });

  test("are refused where one has nothing to choose between", () => {
    expect(() => rungShares(9, 4, 3)).toThrow("4 rungs are too many for 9 placements: after rung 3 there is 1 left");
    expect(() => rungShares(1, 2, 3)).toThrow("too many for 1 placements");
  });
});

describe("the placements that go on", () => {
  const row = (hh: string, seed: number, loss: number | undefined, number = seed): RowRecord => ({
    ...{ format: 2, number, placement: { hh }, placed: { hh }, seed, steps: 4, seconds: 1, warnings: [] },
    outcome: loss === undefined ? { status: "diverged", step: 2, during: "training" } : { status: "finished" },
    points: loss === undefined ? [] : [{ kind: "evaluation", step: 4, epoch: 1, loss, metrics: {}, seconds: 1 }],
  });
  const options = { steps: 4, seeds: 2, by: { measure: "loss", direction: "min" }, count: 1 } as const;
  const kept = (rows: readonly RowRecord[], more = {}) => survivors(rows, { ...options, ...more }).map(({ hh }) => hh);

  test("are the best by their mean, and the one without norms", () => {
    const rows = [row("a", 1, 3), row("a", 2, 3), row("b", 1, 1), row("b", 2, 4), row("none", 1, 9), row("none", 2, 9)];
    expect(kept(rows)).toEqual(["b", "none"]);
    expect(kept(rows, { by: { measure: "loss", direction: "max" } })).toEqual(["none"]);
  });

  test("have finished with every seed", () => {
    expect(kept([row("a", 1, 1), row("a", 2, undefined), row("b", 1, 5), row("b", 2, 5)])).toEqual(["b"]);
    expect(kept([row("a", 1, 1), row("b", 1, 5)])).toEqual([]);
  });

  test("are those of the first rows where they are equal", () => {
    expect(kept([row("a", 1, 1), row("a", 2, 1), row("b", 1, 1), row("b", 2, 1)])).toEqual(["a"]);
  });
});
