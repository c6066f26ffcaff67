import { describe, expect, test } from "vitest";
import { countedWith, repeatLastRow, weightsFor } from "../../runtime/statistics.ts";

describe("statistics", () => {
  test("a batch weighs 1/(n + 1) at a step that n batches were collected from, and never less than momentum", () => {
    expect(weightsFor([], [1, 1], 0.1)).toEqual({ steps: [1, 1], shared: 1 });
    expect(weightsFor([3, 1], [1, 1, 1], 0).steps).toEqual([1 / 4, 1 / 2, 1]);
    expect(weightsFor([30, 30, 30], [1, 1, 1], 0.1)).toEqual({ steps: [0.1, 0.1, 0.1], shared: 0.1 });
  });

  test("a step that only some examples have weighs by their fraction, and one that none has weighs nothing", () => {
    const { steps, shared } = weightsFor([2, 1, 0], [1, 0.5, 0], 0);
    expect(steps).toEqual([1 / 3, 1 / 3, 0]);
    expect(shared).toBeCloseTo(1.5 / 4.5, 15);
    expect(weightsFor([90, 90], [1, 0.25], 0.2)).toEqual({ steps: [0.2, 0.05], shared: 0.125 });
  });

  test("averages with these weights are those of all examples at once", () => {
    const batches = [
      { mean: 3, filled: 1 },
      { mean: -1, filled: 0.25 },
      { mean: 7, filled: 0.75 },
    ];
    let [seen, average]: [readonly number[], number] = [[], 0];
    for (const { mean, filled } of batches) {
      average += weightsFor(seen, [filled], 0).steps[0] * (mean - average);
      seen = countedWith(seen, [filled]);
    }
    expect(average).toBeCloseTo((3 - 0.25 + 7 * 0.75) / 2, 14);
  });

  test("counts grow for the steps a batch has", () => {
    expect(countedWith([], [1, 1])).toEqual([1, 1]);
    expect(countedWith([2, 2, 1, 1], [1])).toEqual([3, 2, 1, 1]);
    expect(countedWith([1, 1], [1, 1, 0.5])).toEqual([2, 2, 0.5]);
  });

  test("rows no batch reached take the last one's that was", () => {
    expect([...repeatLastRow(Float32Array.of(1, 2, 3, 4, 0, 0, 0, 0), 4, 2)]).toEqual([1, 2, 3, 4, 3, 4, 3, 4]);
    expect([...repeatLastRow(Float32Array.of(1, 2), 1, 1)]).toEqual([1, 2]);
  });
});
