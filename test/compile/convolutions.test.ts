/** Convolutions in cells and models, over axes and over time, and products with labels. */
import { describe } from "vitest";
import { inEveryWay } from "./in-every-way.ts";

describe("in a cell, over two axes", () => {
  inEveryWay(
    `cell c(N = 3, M = 4, C = 2, H = 4) {
  param Wx : [3, 3, C, 2H] = xavier_of
  param Wh : [3, 2, H, 2H] = xavier_of
  param Wd : [3, 3, H]     = uniform(0.5)
  input x : [N, M, C]
  state h : [N, M, H] = 0.1
  z, n = split(conv(x, Wx) + conv(h, Wh), 2)
  h' = h + sigmoid(z) * (tanh(n + conv(h, Wd)) - h)
  output h'
}
model m(N = 3, M = 4, C = 2, H = 4) {
  param V : [2, 2, H, 3] = uniform(0.5)
  input x : [N, M, C] over time
  target y : [N - 1, M - 1, 3] over time
  hs = scan c(N, M, C, H) over x
  made = conv(hs, V, padding = "valid")
  output made
  loss mse(made, y)
}
`.replaceAll("xavier_of", "uniform(0.4)"),
    { memory: 200_000, output: "made", elements: 24 },
  );
});

describe("in a cell, over one axis, in strides and with holes", () => {
  inEveryWay(
    `cell c(N = 6, C = 2, H = 3) {
  param Wx : [3, C, H] = uniform(0.5)
  param Wh : [2, H, H] = uniform(0.5)
  param Wd : [3, H]    = uniform(0.5)
  input x : [N, C]
  state h : [N / 2, H] = 0.1
  a = conv(x, Wx, stride = 2, padding = 1)
  b = conv(h, Wh, padding = "causal", dilation = 2)
  h' = tanh(a + b + conv(h, Wd))
  output h'
}
model m(N = 6, C = 2, H = 3) {
  input x : [N, C] over time
  target y : [N / 2, H] over time
  hs = scan c(N, C, H) over x
  output hs
  loss mse(hs, y)
}
`.replace("a = conv(x, Wx, stride = 2, padding = 1)", "a = conv(x, Wx, stride = 2)"),
    { memory: 60_000, output: "hs", elements: 12 },
  );
});

describe("over time, and heads with labels", () => {
  inEveryWay(
    `cell c(H = 4) {
  input z : [H]
  input f : [H]
  state c : [H] = 0
  c' = sigmoid(f) * c + (1 - sigmoid(f)) * tanh(z)
  output c'
}
model m(D = 3, H = 4, K = 3, N = 2) {
  param W  : [K, D, 2H] = uniform(0.5)
  param Wd : [K, H]     = uniform(0.5)
  param Q  : [N, H, 3]  = uniform(0.5)
  input x : [D] over time
  target y : [N, N] over time
  z, f = split(conv(x, W, over time), 2)
  hs = scan c(H) over z, f
  q = dot(conv(hs, Wd, dilation = 2, over time), Q, "h,nhd->nd")
  made = dot(q, tanh(q), "nd,md->mn") + outer(q[0, :N], q[1, :N])
  output made
  loss mse(made, y)
}
`,
    { memory: 60_000, output: "made", elements: 3 },
  );
});
