import { expect, test } from "vitest";
import { differenceOf, TOLERANCE, takesPart } from "../../bench/side-by-side.ts";

test("everyone is measured once, and again while its share lasts", () => {
  const slow = { samples: [], spent: 0, estimate: 5000, times: 1 };
  expect(takesPart(slow, 1000)).toBe(true);
  expect(takesPart({ ...slow, samples: [5000], spent: 5000 }, 1000)).toBe(false);
  expect(takesPart({ ...slow, samples: [5000], spent: 5000 }, 10_000)).toBe(true);
});

test("a sample of several runs counts as all of them", () => {
  const several = { samples: [100], spent: 2000, estimate: 100, times: 20 };
  expect(takesPart(several, 3999)).toBe(false);
  expect(takesPart(several, 4000)).toBe(true);
});

test("a cheap sample is always taken", () => {
  expect(takesPart({ samples: [100], spent: 2000, estimate: 100, times: 2 }, 1)).toBe(true);
});

test("who failed sits out", () => {
  expect(takesPart({ samples: [], spent: 0, estimate: 1, times: 1, error: "it ended" }, 1000)).toBe(false);
});

test("results are compared relative to the largest element, losses relative to themselves", () => {
  const truth = { loss: 2, values: [1, -10] };
  expect(differenceOf(truth, truth)).toBe(0);
  expect(differenceOf({ loss: 2, values: [1.5, -10] }, truth)).toBeCloseTo(0.05);
  expect(differenceOf({ loss: 2.2, values: [1, -10] }, truth)).toBeCloseTo(0.1);
});

test("a result of other numbers, of another length or of no numbers differs", () => {
  const truth = { values: [1, 2] };
  for (const values of [[2, 1], [1], [1, 2, 3], [1, Number.NaN]]) {
    expect(differenceOf({ values }, truth)).toBeGreaterThan(TOLERANCE);
  }
});
