/** Values taken apart, joined, moved and added up, in cells and in models. */
import { describe } from "vitest";
import { inEveryWay } from "./in-every-way.ts";

describe("a window of the last inputs, and entries moved along axes", () => {
  inEveryWay(
    `cell c(D = 5, H = 6, K = 3) {
  param Wx : [D, H + 1] = xavier
  param Wk : [K, H]     = uniform(0.5)
  param Wh : [H, H]     = xavier
  input x : [D]
  state h : [H] = 0.1
  state past : [K, H] = 0.2
  a, t = split(x @ Wx, [H, 1])
  past' = push(past, h)
  r = sum(flip(past', over first) * Wk, over first)
  w = [h, a, 0.5] @ (0.5 * Wh)
  g = concat(shift(h, 1), roll(a, -2), over first)
  p, q = split(tanh(g + 0.1), [H, H], over first)
  h' = tanh(reshape(r, [H]) + w[0] * flip(w[1]) + roll(w[2], 5)) * t[0] + 0.5 * shift(p, -2) * q
  output h'
}
model m(D = 5, H = 6) {
  input x : [D] over time
  target y : [2H] over time
  hs = scan c(D, H) over x
  both = roll(concat(repeat(hs[:H / 2], 2), tile(hs[H / 2:], 2)), 1)
  output both
  loss mse(both + [0.1, 0.2][0], y)
}
`,
    { memory: 60_000, output: "both", elements: 5 },
  );
});

describe("ordered gates (Shen et al. 2019)", () => {
  inEveryWay(
    `fn cumax(x) { cumsum(softmax(x), over last) }
cell onlstm(D = 5, P = 3, C = 2) {
  param Wx : [D, (4 * C + 2) * P] = xavier
  param Wh : [C * P, (4 * C + 2) * P] = xavier
  input x : [D]
  state h : [C * P] = 0
  state c : [C * P] = 0.1
  gates, master = split(x @ Wx + h @ Wh, [4 * C * P, 2P])
  f, i, o, g = split(gates, 4)
  mf, mi = split(master, 2)
  F = repeat(cumax(mf), C)
  I = repeat(1 - cumax(mi), C)
  w = F * I
  c' = (sigmoid(f) * w + F - w) * c + (sigmoid(i) * w + I - w) * tanh(g)
  h' = sigmoid(o) * tanh(c')
  output h'
}
model m(D = 5, P = 3, C = 2) {
  input x : [D] over time
  target y : [C * P] over time
  hs = scan onlstm(D, P, C) over x
  output hs
  loss mse(hs, y)
}
`,
    { memory: 60_000, output: "hs", elements: 5 },
  );
});
