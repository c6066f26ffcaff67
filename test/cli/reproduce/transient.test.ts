import { expect, it } from "vitest";
import { settledAfter } from "../../../cli/reproduce/analyses/transient.ts";

it("counts the steps after which all values stay within a tenth of the last", () => {
  expect(settledAfter([1, 1, 1])).toBe(0);
  expect(settledAfter([0, 2, 1.05, 0.95, 1])).toBe(2);
  expect(settledAfter([0, 1, 0, 1])).toBe(3);
  expect(settledAfter([Number.NaN, 1])).toBe(1);
  expect(settledAfter([-2, -1.05, -1])).toBe(1);
});
