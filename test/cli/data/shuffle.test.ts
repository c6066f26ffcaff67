import fc from "fast-check";
import { expect, test } from "vitest";
import { permutation } from "../../../cli/data/shuffle.ts";
import { testStreams } from "../../data/draws.ts";

test("a permutation holds every number once, whatever the draws", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 300 }),
      fc.func(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
      (n, uniform) => {
        expect(Array.from(permutation(n, uniform)).sort((a, b) => a - b)).toEqual(
          Array.from({ length: n }, (_, i) => i),
        );
      },
    ),
  );
});

test("every order of three comes about as often as any other", () => {
  const uniform = testStreams("orders");
  const counts = new Map<string, number>();
  for (let n = 0; n < 6000; n++) {
    const order = permutation(3, uniform, 2 * n).join("");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect(counts.size).toBe(6);
  // 1000 each are expected; five standard deviations are 144.
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(144);
});
