import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { epochOrder, stepsPerEpoch } from "../../../cli/training/order.ts";
import { testStreams } from "../../data/draws.ts";

const BATCH = 8;

const order = (lengths: readonly number[], epoch = 0): readonly number[] => {
  const splits = { train: lengths.length, validation: 0, test: 0 };
  return [...epochOrder({ splits, lengths: () => Uint32Array.from(lengths) }, BATCH, testStreams, epoch)];
};

/** Steps that are computed, divided by those that there are. */
function waste(lengths: readonly number[], indices: readonly number[]): number {
  let [computed, had] = [0, 0];
  for (let from = 0; from < indices.length; from += BATCH) {
    const of = indices.slice(from, from + BATCH).map((index) => lengths[index]);
    computed += BATCH * Math.max(...of);
    had += of.reduce((sum, length) => sum + length, 0);
  }
  return computed / had;
}

describe("the order of an epoch", () => {
  const some = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: BATCH, maxLength: 400 });

  test("has the examples that it would have if all were of one length", () => {
    fc.assert(
      fc.property(some, fc.nat(3), (lengths, epoch) => {
        const found = order(lengths, epoch);
        expect(found.length).toBe(
          stepsPerEpoch({ splits: { train: lengths.length, validation: 0, test: 0 } }, BATCH) * BATCH,
        );
        expect(found).toEqual(order(lengths, epoch));
        expect(found.toSorted((a, b) => a - b)).toEqual(
          order(
            lengths.map(() => 5),
            epoch,
          ).toSorted((a, b) => a - b),
        );
      }),
    );
  });

  test("is left to chance where little would be computed for nothing", () => {
    const lengths = Array.from({ length: 200 }, (_, i) => 20 + (i % 9));
    expect(order(lengths)).toEqual(order(lengths.map(() => 20)));
  });

  test("puts like lengths together where much would be", () => {
    const lengths = Array.from({ length: 512 }, (_, i) => (i % 8 === 0 ? 300 : 10 + (i % 5)));
    expect(waste(lengths, order(lengths.map(() => 1)))).toBeGreaterThan(3);
    expect(waste(lengths, order(lengths))).toBeLessThanOrEqual(1.5);
  });

  test("lets chance decide among equal lengths", () => {
    const lengths = Array.from({ length: 512 }, (_, i) => (i % 8 === 0 ? 300 : 10));
    const found = order(lengths);
    const neighbours = found.filter((index, at) => at > 0 && index - found[at - 1] > 0 && index - found[at - 1] <= 2);
    expect(neighbours.length).toBeLessThan(20);
  });
});
