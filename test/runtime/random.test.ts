import { describe, expect, test } from "vitest";
import { childKey, hashOf, keyOf, normalAt, permutation, threefry, uniformAt } from "../../runtime/random.ts";

describe("the generator", () => {
  test("gives the known answers of Random123 for Threefry-2x32-20", () => {
    expect(threefry([0, 0], [0, 0])).toEqual([0x6b200159, 0x99ba4efe]);
    expect(threefry([0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff])).toEqual([0x1cb996fc, 0xbb002be7]);
    expect(threefry([0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3])).toEqual([0xc4923a9c, 0x483df7a0]);
  });

  test("hashes names by FNV-1a", () => {
    expect(hashOf("")).toBe(0x811c9dc5);
    expect(hashOf("a")).toBe(0xe40c292c);
    expect(hashOf("foobar")).toBe(0xbf9cf968);
  });

  test("means the same numbers by a seed and a name, for ever", () => {
    const key = keyOf(1, "rnn/Wx");
    expect([0, 1, 2].map((index) => uniformAt(key, index))).toMatchInlineSnapshot(`
      [
        0.5636829733848572,
        0.36758309602737427,
        0.8334119915962219,
      ]
    `);
    expect([0, 1, 2].map((index) => normalAt(key, index))).toMatchInlineSnapshot(`
      [
        -0.7502358555793762,
        -1.352831482887268,
        0.10566747188568115,
      ]
    `);
  });

  test("draws numbers that do not depend on the order of drawing", () => {
    const key = keyOf(7, "x");
    const forward = Array.from({ length: 100 }, (_, index) => normalAt(key, index));
    const backward = Array.from({ length: 100 }, (_, index) => normalAt(key, 99 - index)).reverse();
    expect(backward).toEqual(forward);
  });

  test("separates seeds (also above 2^32), names, children and runs", () => {
    const keys = [keyOf(0, "a"), keyOf(1, "a"), keyOf(2 ** 32, "a"), keyOf(0, "b"), childKey(keyOf(0, "a"), 0)];
    const draws = keys.map((key) => uniformAt(key, 0));
    expect(new Set([...draws, uniformAt(keys[0], 0, 1)]).size).toBe(keys.length + 1);
  });

  test("draws uniforms in [0, 1) that are exact in f32, with the moments of the uniform distribution", () => {
    const draws = Float64Array.from({ length: 40_000 }, (_, index) => uniformAt(keyOf(3, "u"), index));
    expect(draws.every((value) => value >= 0 && value < 1 && Math.fround(value) === value)).toBe(true);
    // Four standard errors of the mean (1/√(12 n)) and of the second moment (√(4/45 / n)).
    expect(Math.abs(mean(draws) - 1 / 2)).toBeLessThan(4 / Math.sqrt(12 * draws.length));
    expect(Math.abs(mean(draws.map((u) => u * u)) - 1 / 3)).toBeLessThan(4 * Math.sqrt(4 / 45 / draws.length));
  });

  test("draws normals with the moments of the normal distribution", () => {
    const draws = Float64Array.from({ length: 40_000 }, (_, index) => normalAt(keyOf(3, "z"), index));
    const error = 4 / Math.sqrt(draws.length);
    expect(Math.abs(mean(draws))).toBeLessThan(error);
    expect(Math.abs(mean(draws.map((z) => z ** 2)) - 1)).toBeLessThan(Math.sqrt(2) * error);
    expect(Math.abs(mean(draws.map((z) => z ** 4)) - 3)).toBeLessThan(Math.sqrt(96) * error);
  });

  test("draws neighbours and streams that are uncorrelated", () => {
    const [z, other] = ["z", "w"].map((name) => {
      return Float64Array.from({ length: 40_000 }, (_, index) => normalAt(keyOf(3, name), index));
    });
    const error = 4 / Math.sqrt(z.length);
    expect(Math.abs(mean(z.map((value, index) => value * z[(index + 1) % z.length])))).toBeLessThan(error);
    expect(Math.abs(mean(z.map((value, index) => value * other[index])))).toBeLessThan(error);
  });
});

describe("a permutation", () => {
  test("holds every number once, and is the same for the same key", () => {
    const order = permutation(1000, keyOf(1, "shuffle"));
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, index) => index));
    expect(permutation(1000, keyOf(1, "shuffle"))).toEqual(order);
    expect(permutation(1000, keyOf(2, "shuffle"))).not.toEqual(order);
  });

  test("is each order of three equally often", () => {
    const counts = new Map<string, number>();
    for (let draw = 0; draw < 6000; draw++) {
      const order = permutation(3, childKey(keyOf(1, "orders"), draw)).join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    // A count is binomial: mean 1000, standard deviation 29.
    expect([...counts.values()].map((count) => Math.abs(count - 1000) < 4 * 29)).toEqual(Array(6).fill(true));
  });
});

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
