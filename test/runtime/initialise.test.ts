import { describe, expect, test } from "vitest";
import { type ElementwiseRow, elementwise } from "../../compiler/ir/ops/elementwise.ts";
import { initFunctions } from "../../runtime/init-functions.ts";
import { initialise } from "../../runtime/initialise.ts";
import { keyOf } from "../../runtime/random.ts";

const key = keyOf(1, "W");
const gain = 1;

/** The largest distance of M·Mᵀ (`of` rows) or Mᵀ·M (`of` columns) from the identity. */
function deviation(matrix: Float32Array, rows: number, columns: number, of: "rows" | "columns"): number {
  const [count, length] = of === "rows" ? [rows, columns] : [columns, rows];
  const element = (c: number, i: number) => (of === "rows" ? matrix[c * columns + i] : matrix[i * columns + c]);
  let worst = 0;
  for (let c = 0; c < count; c++) {
    for (let d = 0; d <= c; d++) {
      let product = 0;
      for (let i = 0; i < length; i++) product += element(c, i) * element(d, i);
      worst = Math.max(worst, Math.abs(product - (c === d ? 1 : 0)));
    }
  }
  return worst;
}

describe("orthogonal", () => {
  test.each([
    [100, 100, "rows"],
    [100, 100, "columns"],
    [30, 80, "rows"],
    [80, 30, "columns"],
    [1, 7, "rows"],
    [7, 1, "columns"],
  ] as const)("[%i, %i] has orthonormal %s, to 1e-6", (rows, columns, of) => {
    const matrix = initialise({ kind: "orthogonal", gain }, [rows, columns], key);
    expect(deviation(matrix, rows, columns, of)).toBeLessThan(1e-6);
  });

  test("is distributed by Haar measure: determinants and angles of 2 × 2 matrices are even", () => {
    const draws = 4000;
    let rotations = 0;
    const quadrants = [0, 0, 0, 0];
    for (let draw = 0; draw < draws; draw++) {
      const [a, b, c, d] = initialise({ kind: "orthogonal", gain }, [2, 2], keyOf(draw, "Q"));
      if (a * d - b * c > 0) rotations++;
      quadrants[(a > 0 ? 1 : 0) + (b > 0 ? 2 : 0)]++;
    }
    // Four standard deviations of a binomial count.
    expect(Math.abs(rotations - draws / 2)).toBeLessThan(4 * Math.sqrt(draws / 4));
    for (const count of quadrants) expect(Math.abs(count - draws / 4)).toBeLessThan(4 * Math.sqrt((draws * 3) / 16));
  });

  test("is scaled by its gain", () => {
    const matrix = initialise({ kind: "orthogonal", gain: 3 }, [20, 20], key);
    expect(
      deviation(
        matrix.map((value) => value / 3),
        20,
        20,
        "rows",
      ),
    ).toBeLessThan(1e-6);
  });
});

describe("the other initialisers", () => {
  test("constant and scalar shapes", () => {
    expect(initialise({ kind: "constant", value: 0.5 }, [2, 2], key)).toEqual(new Float32Array(4).fill(0.5));
    expect(initialise({ kind: "constant", value: 0.5 }, [], key)).toEqual(new Float32Array([0.5]));
  });

  test("identity is k identity blocks side by side, times gain", () => {
    const matrix = initialise({ kind: "identity", gain: 2 }, [2, 6], key);
    expect([...matrix]).toEqual([2, 0, 2, 0, 2, 0, 0, 2, 0, 2, 0, 2]);
  });

  test("blocks initialise equal parts of the last axis, each with numbers of its own", () => {
    const init = {
      kind: "blocks",
      parts: [
        { kind: "constant", value: 1 },
        { kind: "identity", gain: 1 },
        { kind: "orthogonal", gain: 1 },
        { kind: "orthogonal", gain: 1 },
      ],
    } as const;
    const matrix = initialise(init, [10, 40], key);
    const block = (index: number) => matrix.filter((_, i) => Math.floor((i % 40) / 10) === index);
    expect(block(0)).toEqual(new Float32Array(100).fill(1));
    expect(block(1)).toEqual(initialise({ kind: "identity", gain: 1 }, [10, 10], key));
    expect(deviation(block(2), 10, 10, "rows")).toBeLessThan(1e-6);
    expect(deviation(block(3), 10, 10, "rows")).toBeLessThan(1e-6);
    expect(block(2)).not.toEqual(block(3));
  });

  test("blocks of a bias vector", () => {
    const parts = [1, 0].map((value) => ({ kind: "constant", value }) as const);
    expect([...initialise({ kind: "blocks", parts }, [4], key)]).toEqual([1, 1, 0, 0]);
  });

  test("xavier stays within ±gain·√(6 / (fan in + fan out)) and comes near it", () => {
    const limit = 2 * Math.sqrt(6 / 150);
    const values = initialise({ kind: "xavier", gain: 2 }, [50, 100], key).map(Math.abs);
    expect(Math.max(...values)).toBeLessThanOrEqual(Math.fround(limit));
    expect(Math.max(...values)).toBeGreaterThan(0.99 * limit);
  });

  test("uniform and normal have the range and the spread asked for", () => {
    const uniform = initialise({ kind: "uniform", low: -0.1, high: 0.3 }, [5000], key);
    expect(Math.min(...uniform)).toBeGreaterThanOrEqual(Math.fround(-0.1));
    expect(Math.max(...uniform)).toBeLessThan(0.3);
    const normal = initialise({ kind: "normal", mean: 5, std: 0.1 }, [5000], key);
    const spread = Math.sqrt(normal.reduce((sum, value) => sum + (value - 5) ** 2, 0) / normal.length);
    expect(Math.abs(spread - 0.1)).toBeLessThan((4 * 0.1) / Math.sqrt(2 * normal.length));
  });

  test("the same seed and name give the same numbers, another name others", () => {
    const init = { kind: "normal", mean: 0, std: 1 } as const;
    expect(initialise(init, [8], keyOf(4, "W"))).toEqual(initialise(init, [8], keyOf(4, "W")));
    expect(initialise(init, [8], keyOf(4, "W"))).not.toEqual(initialise(init, [8], keyOf(4, "V")));
  });
});

test("lengths are those of another parameter's columns, as it starts", () => {
  const first = (): Float32Array => Float32Array.of(3, 1, 4, -1);
  expect([...initialise({ kind: "lengths", of: "W" }, [2], key, first)]).toEqual([5, Math.fround(Math.SQRT2)]);
});

describe("formulas", () => {
  const uniform = { kind: "uniform", low: 0, high: 1 } as const;
  const range = { kind: "range", from: 1, step: 1, along: "last" } as const;
  const rows = { kind: "range", from: 0, step: 2, along: "first" } as const;

  test("have the meanings of the compiler's elementwise ops, whose table knows no others", () => {
    const samples = [-2.5, -1, 0, 0.3, 1, 4];
    expect([...Object.keys(initFunctions), "erf"].sort()).toEqual(Object.keys(elementwise).sort());
    for (const [name, meaning] of Object.entries(initFunctions)) {
      const row: ElementwiseRow = elementwise[name as keyof typeof elementwise];
      const f: (...x: number[]) => number = meaning;
      expect(f.length, name).toBe(row.arity);
      for (const a of samples)
        for (const b of samples)
          for (const c of samples)
            expect(f(a, b, c), `${name}(${a}, ${b}, ${c})`).toEqual(row.evaluate(...[a, b, c].slice(0, row.arity)));
    }
  });

  test("are computed in f64 and rounded once", () => {
    const third = { kind: "constant", value: 1 / 3 } as const;
    const init = {
      kind: "formula",
      steps: [third, { kind: "apply", op: "sub", of: [0, 0] }, { kind: "apply", op: "add", of: [0, 1] }],
    } as const;
    expect([...initialise(init, [2], key)]).toEqual([Math.fround(1 / 3), Math.fround(1 / 3)]);
    const tiny = {
      kind: "formula",
      steps: [
        { kind: "constant", value: 1 + 2 ** -40 },
        { kind: "constant", value: 1 },
        { kind: "apply", op: "sub", of: [0, 1] },
      ],
    } as const;
    expect([...initialise(tiny, [1], key)]).toEqual([2 ** -40]);
  });

  test("ranges count along the first or the last axis, in every block anew", () => {
    expect([...initialise(range, [2, 3], key)]).toEqual([1, 2, 3, 1, 2, 3]);
    expect([...initialise(rows, [2, 3], key)]).toEqual([0, 0, 0, 2, 2, 2]);
    expect([...initialise(rows, [2, 2, 2], key)]).toEqual([0, 0, 0, 0, 2, 2, 2, 2]);
    expect([...initialise({ kind: "blocks", parts: [range, rows] }, [2, 4], key)]).toEqual([1, 2, 0, 0, 1, 2, 2, 2]);
  });

  test("lists fill the last axes, and other parameters' values do", () => {
    const list = { kind: "list", values: [1, 2], shape: [2] } as const;
    expect([...initialise(list, [2, 2], key)]).toEqual([1, 2, 1, 2]);
    expect([...initialise({ kind: "copy", of: "a" }, [2, 2], key, () => Float32Array.of(3, 4))]).toEqual([3, 4, 3, 4]);
  });

  test("draw independently, and an array that is read twice is drawn once", () => {
    const two = (of: readonly [number, number]) =>
      initialise({ kind: "formula", steps: [uniform, uniform, { kind: "apply", op: "sub", of }] }, [500], key);
    expect(two([0, 0]).every((v) => v === 0)).toBe(true);
    const differences = two([0, 1]);
    // The difference of two independent uniform numbers has the variance 1 / 6.
    const spread = differences.reduce((sum, v) => sum + v * v, 0) / differences.length;
    expect(Math.abs(spread - 1 / 6)).toBeLessThan(0.03);
  });

  test("kaiming has the deviation gain / √rows", () => {
    const values = initialise({ kind: "kaiming", gain: 2 }, [16, 500], key);
    const spread = Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
    expect(Math.abs(spread - 0.5)).toBeLessThan((4 * 0.5) / Math.sqrt(2 * values.length));
  });

  test("identity of more rows than columns has zeros below", () => {
    expect([...initialise({ kind: "identity", gain: 1 }, [3, 2], key)]).toEqual([1, 0, 0, 1, 0, 0]);
  });
});
