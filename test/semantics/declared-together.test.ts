/** Several names in one declaration. */
import { describe, expect, it } from "vitest";
import { printGraph } from "../../compiler/ir/text.ts";
import { format } from "../../compiler/syntax/format.ts";
import { compile, problemsOf } from "./sources.ts";

const together = `cell c(D = 2, H = 3) {
  param Wz, Wr : [D, H] = xavier // both
  const a, b : [] = 0.5
  input x, y : [D]
  state h, s : [H] = noise(0.1)
  h' = tanh(x @ Wz + a * s)
  s' = y @ Wr + b * h'
  output h'
}
`;

const apart = `cell c(D = 2, H = 3) {
  param Wz : [D, H] = xavier
  param Wr : [D, H] = xavier  // both
  const a  : [] = 0.5
  const b  : [] = 0.5
  input x  : [D]
  input y  : [D]
  state h  : [H] = noise(0.1)
  state s  : [H] = noise(0.1)
  h' = tanh(x @ Wz + a * s)
  s' = y @ Wr + b * h'
  output h'
}
`;

describe("names that are declared together", () => {
  it("are declared each", () => {
    expect(printGraph(compile(together).graph)).toBe(printGraph(compile(apart).graph));
  });

  it("are written each on a line by the formatter", () => {
    expect(format(together, "c.cell").text).toBe(apart);
  });

  it("are in a model's inputs and targets, and in `with`", () => {
    const text = `${apart}cell d = c with { state h, s : [H] = 0 }
model m(D = 2, H = 3) {
  input u, v : index(D) over time
  target p, q : [H] over time
  hs = scan d(D, H) over one_hot(u, D), one_hot(v, D)
  loss mse(hs, p) + mse(hs, q)
}`;
    expect(problemsOf(text)).toEqual([]);
  });

  it.each([
    ["state h, s : [H] = noise(0.1)", "state h, h : [H] = 0", "C0202 `h` already has a meaning"],
    ["param Wz, Wr : [D, H] = xavier", "param Wz, : [D, H] = xavier", "C0107"],
    ["const a, b : [] = 0.5", "const a, b : [q] = 0.5", "C0201 there is no `q` here"],
  ])("%s -> %s: %s", (before, after, message) => {
    const [found] = problemsOf(together.replace(before, after));
    expect(`${found.code} ${found.message}`).toContain(message);
  });
});
