import { describe, expect, test } from "vitest";
import { taskStreams } from "../../../cli/data/streams.ts";
import { digitsTask } from "../../../cli/data/tasks/digits.ts";
import { lengthOf, stepsWithin } from "../../../cli/explore/length.ts";
import type { RowTiming } from "../../../cli/explore/row.ts";
import type { RowJob } from "../../../cli/explore/row-worker.ts";
import { rungShares } from "../../../cli/explore/rungs.ts";
import type { TrainingSettings } from "../../../cli/training/settings.ts";

const task = digitsTask("rows", taskStreams);
const timing: RowTiming = { compile: 1, step: 0.01, evaluation: 0.5 };

const jobs = ["none", "batch"].flatMap((hh): RowJob[] => {
  const placement = { hh };
  const placed = placement;
  const settings = {
    file: "",
    model: { dims: {}, cell: {} },
    training: {} as TrainingSettings,
  } as const;
  return [1, 2].map((seed) => ({
    row: { number: seed, placement, placed, seed },
    ...{ task: "digits-rows", data: {}, settings, environment: {} },
  }));
});

test("a row has an epoch's steps by default, and five evaluations", async () => {
  const nobody = { measure: () => Promise.reject(new Error("nothing is measured")) };
  expect(await lengthOf({ batch: 100 }, jobs, task, 2, nobody)).toEqual({
    steps: 500,
    evaluateEvery: 100,
    rungs: [500],
  });
  const budget = { kind: "steps", steps: 12 } as const;
  expect(await lengthOf({ budget, batch: 100 }, jobs, task, 2, nobody)).toEqual({
    steps: 12,
    evaluateEvery: 3,
    rungs: [12],
  });
  expect(await lengthOf({ budget, batch: 100, evaluateEvery: 4 }, jobs, task, 2, nobody)).toEqual({
    steps: 12,
    evaluateEvery: 4,
    rungs: [12],
  });
});

test("with a time, all rows together take it, and every placement is measured once", async () => {
  const measured: number[] = [];
  const pool = {
    async measure({ row }: RowJob) {
      measured.push(row.number);
      return timing;
    },
  };
  const { steps } = await lengthOf({ budget: { kind: "time", seconds: 100 }, batch: 100 }, jobs, task, 2, pool);
  expect(measured).toEqual([1, 1]);
  // 2 threads for 100 s, less 4 · (1 s + 5 · 0.5 s); 4 · 10 ms a step.
  expect(steps).toBeGreaterThan(4600);
  expect(steps).toBeLessThanOrEqual(4650);
});

test("evaluations that are asked for by steps take their share of each step", () => {
  expect(stepsWithin(100, [timing], 1, { evaluateEvery: 50 })).toBe(Math.floor((100 - 1 - 0.5) / (0.01 + 0.01)));
});

test("a time that does not suffice for a step is refused, with what would", async () => {
  const pool = { measure: async () => timing };
  await expect(lengthOf({ budget: { kind: "time", seconds: 2 }, batch: 100 }, jobs, task, 2, pool)).rejects.toThrow(
    "a budget of 2s is too short for 4 rows",
  );
});

test("where no placement can be trained, nothing needs to be long", async () => {
  const pool = { measure: async () => undefined };
  const length = await lengthOf({ budget: { kind: "time", seconds: 9 }, batch: 100 }, jobs, task, 2, pool);
  expect(length.steps).toBe(1);
});

describe("with rungs", () => {
  const rungs = rungShares(9, 3, 3);
  const budget = (steps: number) => ({ kind: "steps", steps }) as const;
  const nobody = { measure: () => Promise.reject(new Error("nothing is measured")) };

  test("the last one has the budget's steps, and each ends at an evaluation", async () => {
    expect(await lengthOf({ budget: budget(100), batch: 100, rungs }, jobs, task, 2, nobody)).toEqual({
      ...{ steps: 99, evaluateEvery: 11, rungs: [11, 33, 99] },
    });
    const every = { budget: budget(100), batch: 100, rungs, evaluateEvery: 5 };
    expect(await lengthOf(every, jobs, task, 2, nobody)).toEqual({ steps: 90, evaluateEvery: 5, rungs: [10, 30, 90] });
  });

  test("too few steps are refused with how many would do", async () => {
    const every = { budget: budget(40), batch: 100, rungs, evaluateEvery: 5 };
    await expect(lengthOf(every, jobs, task, 2, nobody)).rejects.toMatchObject({
      message: "40 steps are too few for 3 rungs: the first would end before an evaluation",
      help: expect.stringContaining("a --budget of 45 steps"),
    });
  });

  test("rows that are left behind leave their time to the others", () => {
    const free: RowTiming = { compile: 0, step: 1, evaluation: 0 };
    // Of nine rows, all train a ninth of the steps, three a third, one all: 1 + 6 / 9 + 6 / 9 = 21 / 9 rows' steps.
    const timings = Array.from({ length: 9 }, () => free);
    expect(stepsWithin(2100, timings, 1, { rungs })).toBe(900);
    expect(stepsWithin(2100, timings, 1, {})).toBe(233);
  });
});
