import { describe, expect, it } from "vitest";
import { problemsOf } from "./sources.ts";
import { type Given, modelOf, numbersOf } from "./values.ts";

const given: Given = {
  x: ["[H]", [10, 11, 12, 13]],
  u: ["[H]", [1, 2, 3, 4]],
  w: ["[K]", [1, 2]],
  s: ["[]", [7]],
  M: ["[K, 3]", [0, 1, 2, 3, 4, 5]],
  N: ["[3, K]", [1, 0, 2, 1, 0, 3]],
  Q: ["[2, K, 3]", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
};

/** Einstein's summation of two operands, term by term. */
function einsum(a: string, b: string, labels: string): readonly number[] {
  const [la, lb, out] = labels.split(/,|->/);
  const extents: Record<string, number> = {};
  const H = 4;
  const K = 2;
  const shapeOf = (name: string): readonly number[] =>
    given[name][0]
      .slice(1, -1)
      .split(", ")
      .filter((d) => d !== "")
      .map((d) => (d === "H" ? H : d === "K" ? K : Number(d)));
  for (const [name, l] of [
    [a, la],
    [b, lb],
  ])
    [...l].forEach((letter, i) => {
      extents[letter] = shapeOf(name)[i];
    });
  const letters = [...out, ...Object.keys(extents).filter((l) => !out.includes(l))];
  const place = (l: string, at: Readonly<Record<string, number>>): number =>
    [...l].reduce((flat, letter) => flat * extents[letter] + at[letter], 0);
  const y = Array<number>([...out].reduce((n, l) => n * extents[l], 1)).fill(0);
  const loop = (depth: number, at: Record<string, number>): void => {
    if (depth === letters.length) {
      y[place(out, at)] += given[a][1][place(la, at)] * given[b][1][place(lb, at)];
      return;
    }
    for (let i = 0; i < extents[letters[depth]]; i++) loop(depth + 1, { ...at, [letters[depth]]: i });
  };
  loop(0, {});
  return y;
}

describe("a product with labels", () => {
  it.each([
    ["M", "N", "nk,km->nm"],
    ["M", "N", "nk,km->mn"],
    ["M", "M", "nk,nk->n"],
    ["M", "M", "nk,mk->nm"],
    ["Q", "M", "bnk,nk->bn"],
    ["Q", "M", "bnk,mk->bnm"],
    ["Q", "N", "bnk,kn->b"],
    ["Q", "Q", "bnk,bnk->kb"],
    ["Q", "M", "bnk,nk->nkb"],
    ["Q", "w", "bnk,n->bk"],
    ["x", "u", "i,i->"],
    ["x", "u", "i,j->ij"],
    ["x", "u", "i,i->i"],
    ["x", "w", "i,j->j"],
    ["s", "u", ",j->j"],
    ["Q", "x", "bnk,j->"],
  ])("of %s and %s, %s", (a, b, labels) => {
    expect(numbersOf(`dot(${a}, ${b}, "${labels}")`, given).data).toEqual(einsum(a, b, labels));
  });

  it("may have spaces", () => {
    expect(numbersOf('dot(x, u, " i, i -> ")', given).data).toEqual([120]);
  });
});

it.each([
  ["dot(x, u)", [], [120]],
  ["outer(w, u)", [2, 4], [1, 2, 3, 4, 2, 4, 6, 8]],
] as const)("%s", (text, shape, data) => {
  expect(numbersOf(text, given)).toEqual({ shape, data });
});

it.each([
  ["dot(M, N)", "C0204", "`dot` without labels multiplies two vectors"],
  ["dot(x, w)", "C0204", "`dot` multiplies vectors of one extent"],
  ['dot(M, N, "nk,mk->nm")', "C0204", "the letter k is 3 on the left and K on the right"],
  ['dot(M, N, "n,km->nm")', "C0204", '"n" labels 1, and this value has 2 feature axes'],
  ['dot(M, M, "nn,nk->k")', "C0234", 'the letter n stands twice in "nn"'],
  ['dot(M, M, "nk,nk->nz")', "C0234", "the letter z of the result stands on neither side"],
  ['dot(M, M, "nk,nk")', "C0234", '"nk,nk" does not label two values and their product'],
  ['dot(M, M, "n1,n1->n")', "C0234", '"n1,n1->n" does not label two values and their product'],
  ["dot(M, M, 2)", "C0234", "the number 2 does not label the axes of a product"],
  ["outer(M, x)", "C0204", "`outer` multiplies two vectors"],
])("%s is refused", (text, code, message) => {
  const [found, ...others] = problemsOf(modelOf(text, given));
  expect(others).toEqual([]);
  expect([found.code, found.message]).toEqual([code, message]);
});
