import { describe, expect, it } from "vitest";
import { compile, problemsOf } from "./sources.ts";
import { type Given, modelOf, numbersOf } from "./values.ts";

const given: Given = {
  x: ["[H]", [10, 11, 12, 13]],
  u: ["[H]", [1, 2, 3, 4]],
  s: ["[]", [7]],
  M: ["[K, 3]", [0, 1, 2, 3, 4, 5]],
  T: ["[3, K]", [0, 1, 2, 3, 4, 5]],
};

describe("values taken apart and put together", () => {
  it.each([
    ["split(x, [3, 1])[1]", [1], [13]],
    ["split(x, [1, H - 1])[1]", [3], [11, 12, 13]],
    ["split(M, [1, 2])[1]", [2, 2], [1, 2, 4, 5]],
    ["split(T, [1, 2], over first)[1]", [2, 2], [2, 3, 4, 5]],
    ["split(x, [H])[0]", [4], [10, 11, 12, 13]],
    ["split(M, 2, over first)[1]", [1, 3], [3, 4, 5]],
    ["split(M, 3, over last)[2]", [2, 1], [2, 5]],
    ["concat(M, [x[:3]], over first)", [3, 3], [0, 1, 2, 3, 4, 5, 10, 11, 12]],
    ["concat([x, u])", [8], [10, 11, 12, 13, 1, 2, 3, 4]],
    ["concat(split(x, 2))", [4], [10, 11, 12, 13]],
    ["concat(s, x, 1)", [6], [7, 10, 11, 12, 13, 1]],
    ["concat(s, s)", [2], [7, 7]],
    ["stack(x, u)", [2, 4], [10, 11, 12, 13, 1, 2, 3, 4]],
    ["stack([x, u])", [2, 4], [10, 11, 12, 13, 1, 2, 3, 4]],
    ["stack(M, 2M)[1, 1]", [3], [6, 8, 10]],
    ["[x, u] + 0", [2, 4], [10, 11, 12, 13, 1, 2, 3, 4]],
    ["[1, 2, 3]", [3], [1, 2, 3]],
    ["[1, K, H]", [3], [1, 2, 4]],
    ["[s, 0]", [2], [7, 0]],
    ["[x, 0]", [2, 4], [10, 11, 12, 13, 0, 0, 0, 0]],
    ["[[1, 2], [3, 4]] * 2", [2, 2], [2, 4, 6, 8]],
    ["x[:3] * [1, 0, 1]", [3], [10, 0, 12]],
    ["split(x, 2) * 1", [2, 2], [10, 11, 12, 13]],
    ["push(M, [7, 8, 9])", [2, 3], [3, 4, 5, 7, 8, 9]],
    ["push(x, s)", [4], [11, 12, 13, 7]],
    ["push(M, 0)", [2, 3], [3, 4, 5, 0, 0, 0]],
    ["push([x], u)", [1, 4], [1, 2, 3, 4]],
    ["shift(x, 1)", [4], [0, 10, 11, 12]],
    ["shift(x, -2)", [4], [12, 13, 0, 0]],
    ["shift(x, K)", [4], [0, 0, 10, 11]],
    ["shift(x, 0)", [4], [10, 11, 12, 13]],
    ["shift(M, 1, over first)", [2, 3], [0, 0, 0, 0, 1, 2]],
    ["roll(x, 1)", [4], [13, 10, 11, 12]],
    ["roll(x, -1)", [4], [11, 12, 13, 10]],
    ["roll(x, H / 2)", [4], [12, 13, 10, 11]],
    ["roll(x, 5)", [4], [13, 10, 11, 12]],
    ["roll(x, -H)", [4], [10, 11, 12, 13]],
    ["flip(x)", [4], [13, 12, 11, 10]],
    ["flip(M)", [2, 3], [2, 1, 0, 5, 4, 3]],
    ["flip(M, over first)", [2, 3], [3, 4, 5, 0, 1, 2]],
    ["repeat(u, 2)", [8], [1, 1, 2, 2, 3, 3, 4, 4]],
    ["tile(u, K)", [8], [1, 2, 3, 4, 1, 2, 3, 4]],
    ["repeat(M, 2, over first)", [4, 3], [0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5]],
    ["tile(M, 2, over first)", [4, 3], [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]],
    ["zeros([K]) + u[:K]", [2], [1, 2]],
    ["ones([K, 2])", [2, 2], [1, 1, 1, 1]],
    ["cumsum(u, over last)", [4], [1, 3, 6, 10]],
    ["cumsum(M, over last)", [2, 3], [0, 1, 3, 3, 7, 12]],
    ["cumsum(M, over first)", [2, 3], [0, 1, 2, 3, 5, 7]],
    ["cumsum(s + zeros([1]), over last)", [1], [7]],
  ] as const)("%s", (text, shape, data) => {
    expect(numbersOf(text, given)).toEqual({ shape, data });
  });

  it("a, b = [x, u] names the items of a list", () => {
    expect(numbersOf("b - a", given, "a, b = [x, u]").data).toEqual([-9, -9, -9, -9]);
  });

  it.each([
    ["split(x, [2, 1])", "C0204", "the widths are 3 of H = 4", "1 is left"],
    ["split(x, [2, 3])", "C0204", "the widths are 5 of H = 4", "1 too many"],
    ["split(x, [H, K])", "C0204", "the widths are H + K = 6 of H = 4", "K = 2 too many"],
    ["split(M, [1, 1])", "C0204", "the widths are 2 of 3", "1 is left"],
    ["split(s, [1])", "C0204", "`split` needs a feature axis", undefined],
    ["split(x, 2, over time)", "C0215", "`split` works along one axis: over last or over first", undefined],
    ["concat(s, M)", "C0204", "[] and [K, 3] cannot be joined along the last axis", undefined],
    ["concat(x, M)", "C0204", "[H] and [K, 3] cannot be joined along the last axis", undefined],
    ["concat(M, T, over first)", "C0204", "[K, 3] and [3, K] cannot be joined along the first axis", undefined],
    ["[x, M]", "C0204", "values of the shapes [H] and [K, 3] cannot be stacked", undefined],
    ["[]", "C0205", "a list without items is not a value", "a value is needed here"],
    ["[i, i]", "C0224", "an index is not a quantity to compute with", "an index"],
    ["push(M, x)", "C0204", "an entry of the window is [3], and this value is [H]", undefined],
    ["push(s, x)", "C0204", "`push` needs a feature axis", undefined],
    ["shift(x, 4)", "C0222", "`shift` by 4 leaves nothing of 4", "as far as the axis is long, or farther"],
    ["shift(x, s)", "C0222", "a value of shape [] is no distance along an axis", undefined],
    ["roll(x, 0.5)", "C0222", "the number 0.5 is no distance along an axis", undefined],
    ["repeat(x, 0)", "C0222", "the number 0 is not an extent", undefined],
    ["flip(s)", "C0204", "`flip` needs a feature axis", undefined],
    ["cumsum(x)", "C0215", "`cumsum` needs a value that varies over time", "this value has no time axis"],
    ['x + "same"', "C0233", 'the text "same" is not a value', "a value is needed here"],
    ['concat(x, "last")', "C0233", 'the text "last" is not a value', "a value is needed here"],
  ])("%s is refused", (text, code, message, label) => {
    const [found, ...others] = problemsOf(modelOf(text, given));
    expect(others).toEqual([]);
    expect([found.code, found.message]).toEqual([code, message]);
    if (label !== undefined) expect(found.label ?? found.help).toContain(label);
  });

  it("the entries of a value have names, if it has as many whatever the dimensions are", () => {
    expect(numbersOf("b - a", given, "a, b = stack(x, u) * 2").data).toEqual(numbersOf("2 * (u - x)", given).data);
    expect(numbersOf("b - a", given, "a, b = x[:2]").data).toEqual(numbersOf("x[1] - x[0]", given).data);
    expect(numbersOf("a - b", given, "a, b = u * x, 2 * u").data).toEqual(numbersOf("u * x - 2 * u", given).data);
    for (const equation of ["a, b = x", "a, b = x[:K]", "a, b, d = stack(x, u)"]) {
      const [found] = problemsOf(modelOf("b - a", given, equation));
      expect([found.code, found.help]).toEqual(["C0205", "take it apart: a, b = split(x, 2), or x[0] and x[1]"]);
    }
  });

  it("a scan of several sequences among arguments needs brackets, which the message says", () => {
    const text = `cell c(H = 4) {
  input x : [H]
  input u : [H]
  state h : [H] = 0
  h' = x + u * h
  output h'
}
model m(H = 4) {
  input x : [H] over time
  hs = concat(scan c(H) over x, x, over last)
  output hs
}
`;
    const [found] = problemsOf(text);
    expect(found.help).toBe("name all of them: scan c(…) over a, b; among arguments, with brackets around the scan");
    expect(problemsOf(text.replace("scan c(H) over x, x", "(scan c(H) over x, x), x"))).toEqual([]);
  });

  it("widths are compared as formulas before dimensions have numbers", () => {
    const text = `cell c(D, H) {
  param W : [D, 4H + 1] = xavier
  input x : [D]
  state h : [H] = 0
  a, t = split(x @ W, [4H, 1])
  f, i, o, g = split(a, 4)
  h' = sigmoid(f + i + o) * h + t * g
  output h'
}
`;
    expect(problemsOf(text)).toEqual([]);
    expect(() => compile(text, { dims: { D: 3, H: 5 } })).not.toThrow();
    expect(problemsOf(text.replace("[4H, 1]", "[3H, 1]"))[0].label).toBe("H is left");
  });
});
