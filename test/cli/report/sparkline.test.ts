import { expect, test } from "vitest";
import { sparkline } from "../../../cli/report/sparkline.ts";

test("a sparkline goes from the lowest bar to the highest, keeps to them, and leaves gaps", () => {
  expect(sparkline([0, 0.5, 1], 0, 1)).toBe("▁▅█");
  expect(sparkline([-5, Number.NaN, 5], 0, 1)).toBe("▁ █");
  expect(sparkline([1, 1], 1, 1)).toBe("▁▁");
  expect(sparkline([], 0, 1)).toBe("");
});
