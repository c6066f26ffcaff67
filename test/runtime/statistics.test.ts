import { describe, expect, test } from "vitest";
import { blend, countedWith, extend, weightsFor } from "../../runtime/statistics.ts";

describe("statistics", () => {
  test("a batch weighs 1/(n + 1) in a row that n batches were collected in, and never less than momentum", () => {
    expect(weightsFor([], 3, 2, 0.1)).toEqual([1, 1]);
    expect(weightsFor([3, 1], 3, 5, 0)).toEqual([1 / 4, 1 / 2, 1]);
    expect(weightsFor([30, 30, 30], 3, 3, 0.1)).toEqual([0.1, 0.1, 0.1]);
  });

  test("counts grow for the rows a batch reaches, and for no more rows than there are", () => {
    expect(countedWith([], 4, 2)).toEqual([1, 1]);
    expect(countedWith([1, 1], 4, 9)).toEqual([2, 2, 1, 1]);
    expect(countedWith([2, 2, 1, 1], 4, 1)).toEqual([3, 2, 1, 1]);
  });

  test("blending leaves rows without a weight as they are", () => {
    const old = Float32Array.of(1, 2, 3, 4, 5, 6);
    const batch = Float32Array.of(9, 8, 7, 6, 5, 4);
    expect([...blend(old, batch, 3, [1, 0.5])]).toEqual([9, 8, 5, 5, 5, 6]);
  });

  test("rows no batch reached take the last one's that was", () => {
    expect([...extend(Float32Array.of(1, 2, 3, 4, 0, 0, 0, 0), 4, 2)]).toEqual([1, 2, 3, 4, 3, 4, 3, 4]);
    expect([...extend(Float32Array.of(1, 2), 1, 1)]).toEqual([1, 2]);
  });
});
