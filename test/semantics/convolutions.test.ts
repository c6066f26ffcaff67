import { describe, expect, it } from "vitest";
import { problemsOf } from "./sources.ts";
import { type Given, modelOf, numbersOf } from "./values.ts";

const numbers = (n: number, from = 1): readonly number[] =>
  Array.from({ length: n }, (_, i) => ((i * 7 + from) % 11) - 5);

const given: Given = {
  x: ["[6, K]", numbers(12)],
  y5: ["[5, K]", numbers(10, 4)],
  d: ["[H, K]", numbers(8, 5)],
  p: ["[4, 6, K]", numbers(48, 2)],
  W: ["[3, K, 2]", numbers(12, 3)],
  V: ["[2, K, 2]", numbers(8, 7)],
  U: ["[1, K, 2]", numbers(4, 8)],
  D: ["[3, K]", numbers(6, 9)],
  A: ["[3, 2, K, 2]", numbers(24, 10)],
  B: ["[3, 3, K]", numbers(18, 6)],
};

interface How {
  readonly stride?: number;
  readonly dilation?: number;
  /** Zeros before and after, along each axis. */
  readonly zeros: readonly (readonly [number, number])[];
}

const shapes: Readonly<Record<string, readonly number[]>> = {
  ...{ x: [6, 2], y5: [5, 2], d: [4, 2], p: [4, 6, 2], W: [3, 2, 2], V: [2, 2, 2], U: [1, 2, 2], D: [3, 2] },
  ...{ A: [3, 2, 2, 2], B: [3, 3, 2] },
};

/** A convolution by its sum. One axis is the second of two, the first of which has one entry. */
function convolved(x: string, W: string, { stride = 1, dilation = 1, zeros }: How): readonly number[] {
  const one = shapes[x].length === 2;
  const [n, m, c] = one ? [1, ...shapes[x]] : shapes[x];
  const kernel = one ? [1, ...shapes[W]] : shapes[W];
  const [k, l] = kernel;
  const f = kernel[3];
  const sides = one ? [[0, 0], ...zeros] : zeros;
  const count = (size: number, taps: number, [before, after]: readonly number[]): number =>
    Math.floor((size + before + after - (taps - 1) * dilation - 1) / stride) + 1;
  const data: number[] = [];
  const at = (i: number, j: number, q: number): number =>
    i < 0 || j < 0 || i >= n || j >= m ? 0 : given[x][1][(i * m + j) * c + q];
  for (let i = 0; i < count(n, k, sides[0]); i++)
    for (let j = 0; j < count(m, l, sides[1]); j++)
      for (let g = 0; g < (f ?? c); g++) {
        let sum = 0;
        for (let a = 0; a < k; a++)
          for (let b = 0; b < l; b++)
            for (let q = f === undefined ? g : 0; q < (f === undefined ? g + 1 : c); q++) {
              const [r, s] = [i * stride + a * dilation - sides[0][0], j * stride + b * dilation - sides[1][0]];
              const w = f === undefined ? (a * l + b) * c + q : ((a * l + b) * c + q) * f + g;
              sum += at(r, s, q) * given[W][1][w];
            }
        data.push(sum);
      }
  return data;
}

describe("a convolution", () => {
  it.each<readonly [text: string, shape: readonly number[], x: string, W: string, how: How]>([
    ["conv(x, W)", [6, 2], "x", "W", { zeros: [[1, 1]] }],
    ["conv(x, V)", [6, 2], "x", "V", { zeros: [[0, 1]] }],
    ["conv(x, U)", [6, 2], "x", "U", { zeros: [[0, 0]] }],
    ["conv(d, W)", [4, 2], "d", "W", { zeros: [[1, 1]] }],
    ['conv(x, W, padding = "valid")', [4, 2], "x", "W", { zeros: [[0, 0]] }],
    ['conv(d, W, padding = "valid")', [2, 2], "d", "W", { zeros: [[0, 0]] }],
    ['conv(x, W, padding = "causal")', [6, 2], "x", "W", { zeros: [[2, 0]] }],
    ["conv(x, W, padding = 2)", [8, 2], "x", "W", { zeros: [[2, 2]] }],
    ["conv(x, W, padding = 0)", [4, 2], "x", "W", { zeros: [[0, 0]] }],
    ["conv(x, W, dilation = 2)", [6, 2], "x", "W", { dilation: 2, zeros: [[2, 2]] }],
    ['conv(x, W, dilation = 2, padding = "causal")', [6, 2], "x", "W", { dilation: 2, zeros: [[4, 0]] }],
    ["conv(x, W, stride = 2)", [3, 2], "x", "W", { stride: 2, zeros: [[0, 1]] }],
    ["conv(y5, W, stride = 2)", [3, 2], "y5", "W", { stride: 2, zeros: [[1, 1]] }],
    ["conv(x, W, stride = 2, padding = 1)", [3, 2], "x", "W", { stride: 2, zeros: [[1, 1]] }],
    ['conv(x, W, stride = 2, padding = "valid")', [2, 2], "x", "W", { stride: 2, zeros: [[0, 0]] }],
    ["conv(x, U, stride = 2)", [3, 2], "x", "U", { stride: 2, zeros: [[0, 0]] }],
    ["conv(d, V, stride = 2)", [2, 2], "d", "V", { stride: 2, zeros: [[0, 0]] }],
    ["conv(x, D)", [6, 2], "x", "D", { zeros: [[1, 1]] }],
    [
      "conv(p, A)",
      [4, 6, 2],
      "p",
      "A",
      {
        zeros: [
          [1, 1],
          [0, 1],
        ],
      },
    ],
    [
      "conv(p, B)",
      [4, 6, 2],
      "p",
      "B",
      {
        zeros: [
          [1, 1],
          [1, 1],
        ],
      },
    ],
    [
      'conv(p, A, padding = "valid")',
      [2, 5, 2],
      "p",
      "A",
      {
        zeros: [
          [0, 0],
          [0, 0],
        ],
      },
    ],
    [
      "conv(p, A, stride = 2)",
      [2, 3, 2],
      "p",
      "A",
      {
        stride: 2,
        zeros: [
          [0, 1],
          [0, 0],
        ],
      },
    ],
    [
      "conv(p, A, stride = 2, padding = 1)",
      [2, 4, 2],
      "p",
      "A",
      {
        stride: 2,
        zeros: [
          [1, 1],
          [1, 1],
        ],
      },
    ],
  ])("%s", (text, shape, x, W, how) => {
    const found = numbersOf(text, given);
    expect(found.shape).toEqual(shape);
    expect(found.data).toEqual(convolved(x, W, how));
  });

  it.each([
    ["conv(x, M)", "C0201", "there is no `M` here"],
    ["conv(x, A)", "C0204", "`conv` takes x [n, c] and W [k, c, f], or x [n, m, c] and W [k, l, c, f]"],
    ["conv(x, transpose(W)[:, :1])", "C0204", "x has K channels, and W is for 1"],
    ['conv(x, W, padding = "full")', "C0233", 'the text "full" is no padding of `conv`'],
    ['conv(p, A, padding = "causal")', "C0233", 'padding = "causal" is for one axis'],
    ["conv(x, W, stride = 0)", "C0222", "`conv` cannot have stride = 0"],
    ['conv(x, W, stride = "two")', "C0222", "this number must be known while compiling"],
    ["conv(x, W, strides = 2)", "C0206", "`conv` has no option `strides`"],
    ["conv(x, W, stride = 2, stride = 1)", "C0206", "`conv` is given `stride` twice"],
    ["conv(x, W, 2)", "C0205", "`conv` cannot take 3 arguments"],
    ["conv(x, W, over first)", "C0215", "`conv` works along one axis: over feature or over time"],
    ["conv(x, W, over time)", "C0215", "`conv` over time needs a value that varies over time"],
  ])("%s is refused", (text, code, message) => {
    const [found, ...others] = problemsOf(modelOf(text, given));
    expect(others).toEqual([]);
    expect([found.code, found.message]).toEqual([code, message]);
  });
});
