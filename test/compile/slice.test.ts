/** Parts of values, in a cell and in a model: whole, ragged, in segments, and step by step. */
import { describe } from "vitest";
import { inEveryWay } from "./in-every-way.ts";

/** Gates by hand; a state whose halves are read apart; parts that no vector is aligned with, and single entries. */
describe("parts of a state, of inputs and of parameters", () => {
  inEveryWay(
    `cell c(D = 5, H = 6) {
  param Wx : [D - 2, 3H] = xavier
  param Wh : [H / 2, 3H] = xavier
  param w  : [2, H] = uniform(0.5)
  input x : [D]
  state h : [H] = 0.1
  a = x[1:D - 1] @ Wx + h[H / 2:] @ Wh
  z = sigmoid(a[:H])
  h' = z * h * w[0] + (1 - z) * tanh(a[H:2H] + w[1, 3] * a[2H:] * x[D - 1])
  output h'
}
model m(D = 5, H = 6) {
  input x : [D] over time
  target y : [H] over time
  hs = scan c(D, H) over x
  rolled = concat(hs[1:], hs[:1])
  output rolled
  loss mse(rolled, y)
}
`,
    { memory: 34_000, output: "rolled", elements: 5 },
  );
});

describe("parts that only numbers show to end with the axis", () => {
  inEveryWay(
    `cell c(D = 5, H = 6) {
  param Wx : [3, H] = xavier
  param Wh : [H, 2] = xavier
  input x : [D]
  state h : [H] = 0.1
  a, b = split(h @ Wh * h[5] + h[0:6][1], [1, 1])
  p, q = split(h, [4, 2])
  h' = tanh(x[2:5] @ Wx * a[0] + b[0] * concat(q, p)[:6][3])
  output h'
}
model m(D = 5, H = 6) {
  input x : [D] over time
  target y : [H] over time
  hs = scan c(D, H) over x
  output hs
  loss mse(hs, y)
}
`,
    { memory: 34_000, output: "hs", elements: 5 },
  );
});
