import { expect, test } from "vitest";
import { measure, ms, table } from "../../bench/measure.ts";
import { median } from "../../bench/median.ts";

test("the median is the middle value, or the mean of the middle two", () => {
  expect(median([30, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 30])).toBe(3);
  expect(median([10, 9])).toBe(9.5);
});

test("warming up runs the work but takes no time of it", () => {
  let calls = 0;
  const times = measure(() => calls++, 5, 3);
  expect(calls).toBe(8);
  expect(times.runs).toBe(5);
  expect(times.min).toBeLessThanOrEqual(times.median);
  expect(times.median).toBeLessThanOrEqual(times.max);
});

test("a table sets words left and numbers right", () => {
  expect(
    table(
      ["T", "ms"],
      [
        ["10", "1.00"],
        ["10000", "12"],
      ],
    ),
  ).toBe("T        ms\n10     1.00\n10000    12");
});

test("times are printed to three digits", () => {
  expect([0.41234, 4.1, 41.23, 412.3].map(ms)).toEqual(["0.412", "4.10", "41.2", "412"]);
});
