import { describe, expect, it } from "vitest";
import { finiteDifferences, relativeError } from "../../compiler/ir/finite-differences.ts";
import { parseGraph } from "../../compiler/ir/parse-text.ts";

const graph = parseGraph(`graph cubic {
  %x = leaf input "x" : f32[batch, H]
  %w = leaf param "w" constant(0) : f32[H]
  %unused = leaf input "unused" : f32[]
  %side = neg %unused : f32[]
  %2 = square %x : f32[batch, H]
  %3 = mul %2, %x : f32[batch, H]
  %y = mul %3, %w : f32[batch, H]
  %loss = sum %y {batch, features=[0]} : f32[]
  result loss "loss" %loss
  result metric "norm" %2
  result metric "side" %side
}`);
const dims = { batch: 2, H: 2 };
const leaves = { x: [1, -2, 100, 0], w: [0.5, 2] };

describe("finite differences", () => {
  it("give the derivative of the loss to nine digits, at large numbers too", () => {
    const found = finiteDifferences(graph, dims, leaves, "x");
    expect(relativeError(found, [1.5, 24, 15000, 0])).toBeLessThan(1e-9);
    expect(relativeError(finiteDifferences(graph, dims, leaves, "w"), [1000001, -8])).toBeLessThan(1e-9);
  });

  it("ask for no leaf that the loss does not need, and leave the leaves as they were", () => {
    finiteDifferences(graph, dims, leaves, "x");
    expect(leaves).toEqual({ x: [1, -2, 100, 0], w: [0.5, 2] });
  });

  it("refuse a result that is not one number, or is not there", () => {
    expect(() => finiteDifferences(graph, dims, leaves, "x", { result: "metric:norm" })).toThrow("not a single number");
    expect(() => finiteDifferences(graph, dims, leaves, "x", { result: "metric:no" })).toThrow("not a single number");
  });
});

describe("the relative error", () => {
  it("is the largest difference over the largest number", () => {
    expect(relativeError([1, 10], [1.5, 10])).toBe(0.05);
    expect(relativeError([0, -4], [0, 4])).toBe(2);
  });

  it("is absolute, in units of the floor, for small numbers", () => {
    expect(relativeError([0], [1e-9])).toBeCloseTo(1e-6, 12);
    expect(relativeError([0, 0], [0, 0])).toBe(0);
  });

  it("of what is not a number is not a number", () => {
    expect(relativeError([Number.NaN, 1], [1, 1])).toBeNaN();
    expect(relativeError([1, Number.POSITIVE_INFINITY], [1, Number.POSITIVE_INFINITY])).toBeNaN();
  });

  it("refuses to compare different lengths", () => {
    expect(() => relativeError([1], [1, 2])).toThrow("1 numbers cannot be compared with 2");
  });
});
