import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as dim from "../../compiler/ir/dim.ts";

const bindings = { D: 3, H: 10, K: 7 };

const term: fc.Arbitrary<dim.Dim> = fc
  .record({
    num: fc.integer({ min: -9, max: 9 }),
    den: fc.integer({ min: 1, max: 6 }),
    vars: fc.array(fc.constantFrom("D", "H", "K"), { maxLength: 3 }),
  })
  .map((t) => dim.add([], [t]));

const dims = fc.array(term, { maxLength: 4 }).map((terms) => terms.reduce(dim.add, []));

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
    const numbers = fc.record({
      D: fc.integer({ min: 1, max: 9 }),
      H: fc.integer({ min: 1, max: 9 }),
      K: fc.nat(9).map((n) => n + 1),
    });
    fc.assert(
      fc.property(dims, dims, numbers, (a, b, bound) => {
        const exceeds = dim.exceeds(a, b);
        if (exceeds === undefined) return;
        const difference = dim.evaluate(a, bound) - dim.evaluate(b, bound);
        expect(exceeds ? difference > -1e-9 : difference < 1e-9).toBe(true);
      }),
    );
    const [V, two] = [dim.variable("V"), dim.constant(2)];
    expect(dim.exceeds(dim.add(V, two), V)).toBe(true);
    expect(dim.exceeds(V, dim.multiply(V, two))).toBe(false);
    expect(dim.exceeds(V, two)).toBe(undefined);
    expect(dim.exceeds(dim.constant(10), dim.constant(5))).toBe(true);
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

  it("divide by one term and back", () => {
    fc.assert(
      fc.property(
        dims,
        term.filter((t) => t.length > 0),
        (a, b) => {
          expect(dim.divide(dim.multiply(a, b), b)).toEqual(a);
        },
      ),
    );
  });

  it("do not divide by what they do not hold, nor by nothing", () => {
    expect(dim.divide(dim.parse("4H"), dim.variable("D"))).toBeUndefined();
    expect(dim.divide(dim.parse("D + H"), dim.parse("D + 2H"))).toBeUndefined();
    expect(dim.divide(dim.parse("D + H"), dim.parse("H + D"))).toEqual(dim.constant(1));
    expect(dim.divide([], [])).toBeUndefined();
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
  ])("%s is shown as %s", (text, shown) => {
    expect(dim.show(dim.parse(text))).toBe(shown);
  });

  it.each(["", "H D", "4*H", "+", "H/", "-", "1.5H"])('"%s" is no dimension', (text) => {
    expect(() => dim.parse(text)).toThrow("not a dimension");
  });

  it("name the dimension that is not bound", () => {
    expect(() => dim.evaluate(dim.parse("H*Z"), bindings)).toThrow("dimension Z is not bound");
  });
});
