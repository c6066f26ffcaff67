import { expect, test } from "vitest";
import { summarise } from "../../../cli/report/plan-summary.ts";
import { smallPlan } from "../../data/plan.ts";

const summary = summarise(smallPlan, 28);

test("parameters and statistics are counted once, statistics with their steps", () => {
  expect(summary.parameters).toEqual([
    { name: "rnn/Wx", shape: [28, 16], count: 448, init: "orthogonal" },
    { name: "rnn/b", shape: [16], count: 16, init: "0" },
  ]);
  expect(summary.parameterCount).toBe(464);
  expect(summary.statistics).toEqual([{ name: "rnn/hh/m", policy: "per_step", steps: 28, shape: [16], count: 448 }]);
});

test("dispatches are counted inside and outside of the loops over time, forward and backward", () => {
  const { train } = summary.entries;
  expect(train?.dispatchesPerStep).toEqual({ forward: 1, backward: 2 });
  expect([train?.dispatchesOutside, train?.dispatches]).toEqual([2, 2 + 28 * 3]);
  expect(train?.kernels).toEqual(["project", "step", "back_a", "back_b"]);
});

test("memory is bytes, with a frame more than steps where a region grows", () => {
  expect(summary.entries.train?.memory).toEqual({
    param: 464 * 4,
    grad: 464 * 4,
    slot: 0,
    stat: 448 * 4,
    input: (16 + 224 * 29) * 4,
    work: 128 * 29 * 4,
    half: (16 + 64 * 29) * 2,
  });
});
