import { describe, expect, it } from "vitest";
import { erf } from "../../compiler/ir/error-function.ts";

describe("the error function in f64", () => {
  // The numbers are those of C's `erf` (Python's `math.erf`).
  it.each([
    [0, 0],
    [1e-300, 1.1283791670955126e-300],
    [1e-10, 1.1283791670955126e-10],
    [0.1, 0.1124629160182849],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [1.5, 0.9661051464753108],
    [2, 0.9953222650189527],
    [2.5, 0.999593047982555],
    [3, 0.9999779095030014],
    [3.5, 0.9999992569016276],
    [4, 0.9999999845827421],
    [5, 0.9999999999984626],
    [30, 1],
    [Number.POSITIVE_INFINITY, 1],
  ])("of %d is right to 1e-15", (x, y) => {
    expect(Math.abs(erf(x) - y)).toBeLessThanOrEqual(1e-15 * y);
    expect(erf(-x) + y).toBeLessThanOrEqual(1e-15);
  });

  it("does not jump from the series to the continued fraction", () => {
    expect(Math.abs(erf(3 + 1e-13) - erf(3))).toBeLessThan(1e-15);
  });

  it("hands NaN on", () => {
    expect(erf(Number.NaN)).toBeNaN();
  });
});
