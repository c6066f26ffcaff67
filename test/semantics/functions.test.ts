import { describe, expect, it } from "vitest";
import { interpret } from "../../compiler/ir/interpret.ts";
import { compile, problemsOf } from "./sources.ts";

/** A model whose output is `value`, of x [4], M [2, 3], the index i = 1 below 4 and the dimensions H = 4 and K = 2. */
const model = (value: string): string => `model m(H = 4, K = 2) {
  param M : [K, 3] = 0
  input x : [H]
  input i : index(H)
  target z : [H]
  y = ${value}
  output y
  loss mse(sum(y, over feature) + x + M[0, 0] + one_hot(i, H), z)
}
`;

/** What `value` is of x = 2, −1, 0, 3 and M = [[0, 1, 2], [3, 4, 5]]. */
function numbers(value: string): readonly number[] {
  const { graph, dims } = compile(model(value));
  const leaves: Readonly<Record<string, readonly number[]>> = {
    x: [2, -1, 0, 3],
    M: [0, 1, 2, 3, 4, 5],
    z: [0, 0, 0, 0],
    i: [1],
  };
  const made = interpret(graph, { dims: { ...dims, batch: 1, time: 1 }, leaf: (name) => leaves[name] });
  // Without negative zeros.
  return [...made.get("output:y")!.data].map((n) => n + 0);
}

describe("a function", () => {
  it.each([
    ["min(x, over feature)", [-1]],
    ["min(x)", [-1]],
    ["clip(x, -0.5, 1.5)", [1.5, -0.5, 0, 1.5]],
    ["flatten(M) * 1", [0, 1, 2, 3, 4, 5]],
    ["(-1)^range(5)", [1, -1, 1, -1, 1]],
    ["(-2)^(range(4) - 1)", [-0.5, 1, -2, 4]],
    ["(-1)^H", [1]],
    ["(-1)^(0 * x + 0.5)", [Number.NaN, Number.NaN, Number.NaN, Number.NaN]],
    ["max(M)", [5]],
    ["min(M, over first)", [0, 1, 2]],
    ["min(M, over last)", [0, 3]],
    ["min(x, 1)", [1, -1, 0, 1]],
    ["one_hot(argmin(x), H)", [0, 1, 0, 0]],
    ["one_hot(H - 1, H)", [0, 0, 0, 1]],
    ["embed(i, x)", [-1]],
    ["embed(i, outer(x, [1, 2]))", [-1, -2]],
    ["flatten(M)", [0, 1, 2, 3, 4, 5]],
    ["argmin(x) == i", [1]],
  ])("%s", (text, data) => {
    expect(numbers(text)).toEqual(data);
  });

  it("is that of a value with features", () => {
    const [found] = problemsOf(model("min(x[0])"));
    expect([found.code, found.help]).toEqual(["C0205", "leave `min` out"]);
  });
});

describe("a function of the prelude", () => {
  it("takes options by name, and gives way to a declaration of the same name", () => {
    expect(numbers("hard_tanh(x, high = 2)")).toEqual([2, -1, 0, 2]);
    const own = `fn clamp(x, low, high) { low }\n${model("clamp(x, 7, 8)")}`;
    expect(problemsOf(own)).toEqual([]);
  });

  it("leaves values free to have its name", () => {
    const text = model("round * var").replace("  y =", "  round = 2\n  var = x\n  y =");
    expect(problemsOf(text)).toEqual([]);
  });

  it("rounds halves to even", () => {
    expect(numbers("round(concat(x / 2, x - 0.5))")).toEqual([1, 0, 0, 2, 2, -2, 0, 2]);
  });

  it("is 0 at the origin", () => {
    expect(numbers("atan2(x - x, 0 * x)")).toEqual([0, 0, 0, 0]);
  });
});

it.each([
  ["logsumexp(M, over first)", [0, 1, 2].map((x) => Math.log(Math.exp(x) + Math.exp(x + 3)))],
  ["var(M, over last)", [2 / 3, 2 / 3]],
  ["std(M, over first)", [1.5, 1.5, 1.5]],
])("%s is along that axis", (text, wanted) => {
  numbers(text).forEach((n, i) => {
    expect(n).toBeCloseTo(wanted[i], 12);
  });
});
