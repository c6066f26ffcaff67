import { describe, expect, it } from "vitest";
import { interpret } from "../../compiler/ir/interpret.ts";
import { codes, compile, problemsOf } from "./sources.ts";

/** A model whose output is `value`, of x [4], M [2, 3] and the dimensions H = 4 and K = 2. */
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

/** What `value` is of x = 10, 11, 12, 13 and M = [[0, 1, 2], [3, 4, 5]]. */
function numbers(value: string): { readonly shape: readonly number[]; readonly data: readonly number[] } {
  const { graph, dims } = compile(model(value));
  const leaves: Readonly<Record<string, readonly number[]>> = {
    x: [10, 11, 12, 13],
    M: [0, 1, 2, 3, 4, 5],
    z: [0, 0, 0, 0],
    i: [1],
  };
  const made = interpret(graph, { dims: { ...dims, batch: 1, time: 1 }, leaf: (name) => leaves[name] });
  const { type, shape, data } = made.get("output:y")!;
  return { shape: type.batch ? shape.slice(1) : shape, data: [...data] };
}

describe("a part of a value", () => {
  it.each([
    ["x[1:3]", [2], [11, 12]],
    ["x[0:H]", [4], [10, 11, 12, 13]],
    ["x[:K]", [2], [10, 11]],
    ["x[K:]", [2], [12, 13]],
    ["x[H / 2 + 1:]", [1], [13]],
    ["x[3]", [], [13]],
    ["x[H - 1]", [], [13]],
    ["x[1:][1]", [], [12]],
    ["M[1]", [3], [3, 4, 5]],
    ["M[1, 1:3]", [2], [4, 5]],
    ["M[:, 2]", [2], [2, 5]],
    ["M[K - 1, 0]", [], [3]],
    ["(x + x)[2]", [], [24]],
    ["split(x, 2)[1]", [2], [12, 13]],
    ["concat(x[2:], x[:2])", [4], [12, 13, 10, 11]],
    ["reshape(x, [2, H / 2])[1, 0]", [], [12]],
    ["x[:shape(M)[0]]", [2], [10, 11]],
    ["x[:2, none]", [2, 1], [10, 11]],
    ["x[none, 1:3]", [1, 2], [11, 12]],
    ["M[1, None, :2]", [1, 2], [3, 4]],
    ["M[newaxis, 1]", [1, 3], [3, 4, 5]],
    ["M[:, none, 0]", [2, 1], [0, 3]],
    ["x[0][none]", [1], [10]],
  ] as const)("%s", (text, shape, data) => {
    expect(numbers(text)).toEqual({ shape, data });
  });

  it.each([
    ["x[4]", "C0222", "there is no entry 4 among H = 4"],
    ["x[2:5]", "C0222", "there is no entry 4 among H = 4"],
    ["x[H]", "C0222", "there is no entry H = 4 among H = 4"],
    ["x[-1]", "C0222", "there is no entry -1"],
    ["x[2:2]", "C0222", "from 2 to 2 there is no entry"],
    ["x[H:K]", "C0222", "from H = 4 to K = 2 there is no entry"],
    ["x[0.5]", "C0222", "the number 0.5 is no place along an axis"],
    ["x[H / 3]", "C0217", "the extent H/3 is 1.33333 with H = 4"],
    ["x[i]", "C0222", "an index is no place along an axis"],
    ["x[none, 2, 1]", "C0204", "a value with one feature axis has no such part"],
    ["M[:none]", "C0222", "`none` is no place along an axis"],
    ["x[1, 2]", "C0204", "a value with one feature axis has no such part"],
    ["x[0][0]", "C0204", "a value with no feature axes has no entries"],
    ["split(x, 2)[2]", "C0222", "there is no entry 2 among 2"],
    ["split(x, 2)[0, 1]", "C0222", "a list has entries along one axis only"],
  ])("%s is refused", (text, code, message) => {
    const [found, ...others] = problemsOf(model(text));
    expect(others).toEqual([]);
    expect([found.code, found.message]).toEqual([code, message]);
  });

  it("selected by a value is a row of a table: the message leads there", () => {
    expect(problemsOf(model("M[i]"))[0].help).toBe("embed(i, W) is the row of W that an index selects");
  });

  it("of a dimension without a number is looked at when it has one", () => {
    const text =
      "fn tail(x, n) { x[n:] }\ncell c(D, H) {\n  input x : [D]\n  state h : [H] = 0\n  h' = h + tail(x, D - H)\n  output h'\n}\n";
    expect(problemsOf(text)).toEqual([]);
    expect(() => compile(text, { dims: { D: 5, H: 3 } })).not.toThrow();
    expect(() => compile(text, { dims: { D: 3, H: 5 } })).toThrow(/there is no entry D \+ -1H = -2|no entry/);
  });

  it("has no next value and takes none", () => {
    expect(codes(problemsOf("cell c(H) {\n  state h : [H] = 0\n  h'[0] = 1\n  output h'\n}\n"))).not.toEqual([]);
  });
});
