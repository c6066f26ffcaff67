import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededStreams } from "../../../cli/data/streams.ts";
import { equalityProbability, mayBeZero, pairedDifference } from "../../../cli/statistics/paired.ts";

/** Numbers of a normal distribution (Box & Muller 1958), each time others. */
function normals(seed: number): () => number {
  const uniform = seededStreams(seed)("normals");
  let at = 0;
  return () => Math.sqrt(-2 * Math.log(1 - uniform(at++))) * Math.cos(2 * Math.PI * uniform(at++));
}

const differences = fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 2, maxLength: 12 });

describe("the interval of a paired difference", () => {
  test("contains the mean, and is the same each time", () => {
    fc.assert(
      fc.property(differences, (values) => {
        const { mean, interval } = pairedDifference(values);
        const [low, high] = interval!;
        expect(low).toBeLessThanOrEqual(mean + 1e-9);
        expect(high).toBeGreaterThanOrEqual(mean - 1e-9);
        expect(pairedDifference(values).interval).toEqual(interval);
      }),
      { numRuns: 30 },
    );
  });

  test("moves and stretches with the values", () => {
    fc.assert(
      fc.property(differences, fc.integer({ min: -50, max: 50 }), (values, shift) => {
        const [low, high] = pairedDifference(values).interval!;
        const [movedLow, movedHigh] = pairedDifference(values.map((value) => 2 * value + shift)).interval!;
        expect(movedLow).toBeCloseTo(2 * low + shift, 6);
        expect(movedHigh).toBeCloseTo(2 * high + shift, 6);
      }),
      { numRuns: 30 },
    );
  });

  test("is not known for one pair, and is a point for equal ones", () => {
    expect(pairedDifference([3])).toEqual({ mean: 3, interval: undefined, pairs: 1 });
    expect(mayBeZero(pairedDifference([3]))).toBe(true);
    expect(pairedDifference([3, 3, 3]).interval).toEqual([3, 3]);
  });

  test.each([2, 3, 5, 10])("misses the truth about once in twenty, with %i pairs of normal values", (pairs) => {
    const normal = normals(pairs);
    const trials = 400;
    let missed = 0;
    for (let trial = 0; trial < trials; trial++)
      if (!mayBeZero(pairedDifference(Array.from({ length: pairs }, normal)))) missed++;
    // 5 %, give or take three deviations of 400 trials, and what the bootstrap of a few pairs is off.
    expect(missed / trials).toBeLessThan(0.1);
    expect(missed / trials).toBeGreaterThan(0.01);
  });
});

describe("the probability that columns are alike", () => {
  test("is below 5 % about once in twenty for columns that are", () => {
    const normal = normals(7);
    const trials = 200;
    const low = Array.from({ length: trials }, () =>
      equalityProbability(
        Array.from({ length: 3 }, () => {
          const seed = 3 * normal();
          return Array.from({ length: 5 }, () => seed + normal());
        }),
      ),
    ).filter((probability) => probability <= 0.05);
    expect(low.length / trials).toBeLessThan(0.1);
  });

  test("is small where one stands out in every row, and 1 where all are equal", () => {
    expect(equalityProbability([0, 1, 2, 3].map((row) => [row, row, row + 1, row]))).toBeLessThan(0.05);
    expect(equalityProbability([0, 1, 2].map((row) => [row, row, row]))).toBe(1);
  });
});
