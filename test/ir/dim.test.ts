import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as dim from "../../compiler/ir/dim.ts";

const bindings = { D: 3, H: 10, K: 7 };

const term: fc.Arbitrary<dim.Dim> = fc
  .record({
    num: fc.integer({ min: -9, max: 9 }),
    den: fc.integer({ min: 1, max: 6 }),
    vars: fc.array(fc.constantFrom("D", "H", "K"), { maxLength: 3 }),
    under: fc.array(fc.constantFrom("D", "H", "K"), { maxLength: 2 }),
  })
  .map((t) => dim.add([], [t]));

const dims = fc.array(term, { maxLength: 4 }).map((terms) => terms.reduce(dim.add, []));

const nonzero = dims.filter((d) => d.length > 0);

const extent = fc.integer({ min: 1, max: 9 });
const numbers = fc.record({ D: extent, H: extent, K: extent });

const value = (d: dim.Dim): number => dim.evaluate(d, bindings);

describe("dimensions", () => {
  it("read back what they show", () => {
    fc.assert(
      fc.property(dims, (d) => {
        expect(dim.parse(dim.show(d))).toEqual(d);
      }),
    );
  });

  it("add, subtract and multiply as numbers do", () => {
    fc.assert(
      fc.property(dims, dims, (a, b) => {
        expect(value(dim.add(a, b))).toBeCloseTo(value(a) + value(b), 6);
        expect(value(dim.subtract(a, b))).toBeCloseTo(value(a) - value(b), 6);
        expect(value(dim.multiply(a, b)) / 1e4).toBeCloseTo((value(a) * value(b)) / 1e4, 6);
      }),
    );
  });

  it("exceed each other where they do with any numbers", () => {
    fc.assert(
      fc.property(dims, dims, numbers, (a, b, bound) => {
        const exceeds = dim.exceeds(a, b);
        if (exceeds === undefined) return;
        const difference = dim.evaluate(dim.subtract(a, b), bound);
        expect(exceeds ? difference > 0 : difference <= 0).toBe(true);
      }),
    );
    const [V, two] = [dim.variable("V"), dim.constant(2)];
    expect(dim.exceeds(dim.add(V, two), V)).toBe(true);
    expect(dim.exceeds(V, dim.multiply(V, two))).toBe(false);
    expect(dim.exceeds(V, two)).toBe(undefined);
    expect(dim.exceeds(dim.constant(10), dim.constant(5))).toBe(true);
    const part = dim.parse("H/N");
    expect(dim.exceeds(part, [])).toBe(true);
    expect(dim.exceeds(part, dim.variable("H"))).toBe(false);
    expect(dim.exceeds(dim.variable("H"), part)).toBe(undefined);
    expect(dim.exceeds(dim.parse("H/N + 1"), part)).toBe(true);
    expect(dim.exceeds(dim.parse("1/N"), dim.constant(1))).toBe(false);
  });

  it("are equal however they were put together", () => {
    fc.assert(
      fc.property(dims, dims, dims, (a, b, c) => {
        expect(dim.equal(dim.add(a, b), dim.add(b, a))).toBe(true);
        expect(dim.equal(dim.multiply(a, dim.add(b, c)), dim.add(dim.multiply(c, a), dim.multiply(b, a)))).toBe(true);
        expect(dim.subtract(a, a)).toEqual([]);
      }),
    );
  });

  it("divide by one term, whatever is divided, and back", () => {
    fc.assert(
      fc.property(
        dims,
        term.filter((t) => t.length > 0),
        (a, b) => {
          expect(dim.divide(dim.multiply(a, b), b)).toEqual(a);
          expect(dim.multiply(dim.divide(a, b)!, b)).toEqual(a);
        },
      ),
    );
  });

  it("divide by a sum of which they are a multiple", () => {
    fc.assert(
      fc.property(
        nonzero,
        term.filter((t) => t.length > 0),
        (a, b) => {
          expect(dim.divide(dim.multiply(a, b), a)).toEqual(b);
        },
      ),
    );
  });

  it("do not divide by another sum, nor by nothing", () => {
    expect(dim.divide(dim.parse("4H"), dim.variable("D"))).toEqual(dim.parse("4H/D"));
    expect(dim.divide(dim.parse("D + H"), dim.parse("D + 2H"))).toBeUndefined();
    expect(dim.divide(dim.parse("H"), dim.parse("D + H"))).toBeUndefined();
    expect(dim.divide(dim.parse("D + H"), dim.parse("H + D"))).toEqual(dim.constant(1));
    expect(dim.divide([], [])).toBeUndefined();
    expect(dim.divide(dim.variable("H"), [])).toBeUndefined();
  });

  it("are equal only if they are with any numbers, and then read the same", () => {
    fc.assert(
      fc.property(dims, dims, numbers, (a, b, bound) => {
        expect(dim.equal(a, b)).toBe(dim.show(a) === dim.show(b));
        if (dim.equal(a, b)) expect(dim.evaluate(a, bound)).toBe(dim.evaluate(b, bound));
      }),
    );
    const heads = dim.parse("H/N");
    expect(dim.equal(dim.multiply(dim.variable("N"), heads), dim.variable("H"))).toBe(true);
    expect(dim.equal(dim.multiply(heads, heads), dim.parse("H*H/N/N"))).toBe(true);
  });

  it("are whole exactly where their fractions add up to a whole", () => {
    expect(dim.evaluate(dim.parse("7/N + D/N + 2/N"), { N: 10, D: 1 })).toBe(1);
    expect(dim.evaluate(dim.parse("H/3 + H/6 + -1H/2"), { H: 7 })).toBe(0);
    expect(dim.evaluate(dim.parse("H/N"), { H: 100, N: 3 })).toBeCloseTo(100 / 3, 12);
  });

  it("have numbers put in for some names", () => {
    fc.assert(
      fc.property(dims, (d) => {
        const some = dim.substitute(d, { D: 3 });
        expect(dim.names(some)).not.toContain("D");
        expect(value(some)).toBeCloseTo(value(d), 6);
      }),
    );
    expect(dim.show(dim.substitute(dim.parse("4H/N + N"), { N: 2 }))).toBe("2 + 2H");
  });

  it.each([
    ["4H", "4H"],
    ["H*D", "D*H"],
    ["2H + D + 2H", "D + 4H"],
    ["2H/4", "H/2"],
    ["D + -1H", "D + -1H"],
    ["H + 0", "H"],
    ["0", "0"],
    ["6/3", "2"],
    ["H/N", "H/N"],
    ["H/4/N", "H/4/N"],
    ["6H*N/4/N/K", "3H/2/K"],
    ["H/K/D", "H/D/K"],
    ["1/N", "1/N"],
    ["N/N", "1"],
  ])("%s is shown as %s", (text, shown) => {
    expect(dim.show(dim.parse(text))).toBe(shown);
  });

  it.each(["", "H D", "4*H", "+", "H/", "-", "1.5H", "H/N/2", "/N"])('"%s" is no dimension', (text) => {
    expect(() => dim.parse(text)).toThrow("not a dimension");
  });

  it("name the dimension that is not bound", () => {
    expect(() => dim.evaluate(dim.parse("H*Z"), bindings)).toThrow("dimension Z is not bound");
  });
});
