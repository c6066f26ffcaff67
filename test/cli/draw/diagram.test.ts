import { describe, expect, it } from "vitest";
import { diagramOf } from "../../../cli/draw/diagram.ts";
import { drawDiagram } from "../../../cli/draw/draw-diagram.ts";
import type { CellDecl, ModelDecl } from "../../../compiler/syntax/ast.ts";
import { parse } from "../../../compiler/syntax/parse.ts";

function diagram(text: string, norms: Readonly<Record<string, string>> = {}) {
  const { file, diagnostics } = parse(text, "x.cell");
  expect(diagnostics).toEqual([]);
  return diagramOf(file.declarations[0] as CellDecl | ModelDecl, (site) => norms[site]);
}

const cell = `cell c(D = 2, H = 3) {
  param W : [D, H] = xavier
  input x : [D]
  state h : [H] = 0
  state m : [H] = 1
  site a = x @ W
  u, v = split(concat(a, h), 2)
  m' = u + m
  h' = v + m'
  output h', u
}`;

describe("the diagram of a cell", () => {
  const { boxes, arrows } = diagram(cell, { a: "layer" });
  const reads = (text: string): readonly string[] =>
    arrows.flatMap(([from, to]) => (boxes[to].text.startsWith(text) ? [boxes[from].text] : []));

  it("has a box for each input, state, equation, site and output, and none for parameters", () => {
    expect(boxes.map(({ kind, text }) => `${kind}: ${text}`)).toEqual([
      "input: x : [D]",
      "state: h : [H] = 0",
      "state: m : [H] = 1",
      "site: a = x @ W",
      "equation: u, v = split(concat(a, h), 2)",
      "equation: m' = u + m",
      "equation: h' = v + m'",
      "result: output h'",
      "result: output u",
    ]);
  });

  it("has an arrow from each box to those that read it, a single one for several names", () => {
    expect(reads("u, v")).toEqual(["a = x @ W", "h : [H] = 0"]);
    expect(reads("h'")).toEqual(["u, v = split(concat(a, h), 2)", "m' = u + m"]);
    expect(reads("output u")).toEqual(["u, v = split(concat(a, h), 2)"]);
  });

  it("gives a state and its next value the same number, and a site its norm", () => {
    expect(boxes.map(({ state }) => state)).toEqual([
      undefined,
      0,
      1,
      undefined,
      undefined,
      1,
      0,
      undefined,
      undefined,
    ]);
    expect(boxes[3].norm).toBe("layer");
  });
});

it("the diagram of a model has its scans, losses and metrics", () => {
  const { boxes, arrows } = diagram(`model m(D = 2, cell rnn = lstm) {
    input x : [D] over time
    target y : [D]
    hs = scan rnn(D, D) over x reverse
    loss mse(last(hs), y)
    metric error = mse(last(hs), y)
  }`);
  expect(boxes.map(({ kind }) => kind)).toEqual(["input", "input", "scan", "result", "result"]);
  expect(arrows).toEqual([
    [0, 2],
    [2, 3],
    [1, 3],
    [2, 4],
    [1, 4],
  ]);
});

describe("a drawn diagram", () => {
  it("has every text, escaped for XML", () => {
    const svg = drawDiagram(
      diagram("cell c(D = 2) { input x : [D]\n y = where(x < 1, x, 2)\n output y }"),
      "c & d",
      "D = 2",
    );
    expect(svg).toContain("y = where(x &lt; 1, x, 2)");
    expect(svg).toContain("<title>c &amp; d</title>");
  });

  it("breaks long equations, and loses nothing of them", () => {
    const sum = Array.from({ length: 30 }, (_, k) => `x * ${k + 1}`).join(" + ");
    const svg = drawDiagram(diagram(`cell c() { input x : []\n y = ${sum}\n output y }`), "c", "");
    const lines = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(60);
    expect(lines.join("").replaceAll(" ", "")).toContain(sum.replaceAll(" ", ""));
  });

  it("keeps boxes apart", () => {
    const svg = drawDiagram(diagram(cell), "c", "");
    const numbersOf = (attributes: string): readonly number[] =>
      ["x", "y", "width", "height"].map((name) => Number(new RegExp(` ${name}="([^"]*)"`).exec(attributes)?.[1]));
    // The first is the background.
    const boxes = [...svg.matchAll(/<rect([^>]*)>/g)].slice(1).map(([, attributes]) => numbersOf(attributes));
    expect(boxes.length).toBe(9);
    for (const [i, [x, y, w, h]] of boxes.entries())
      for (const [u, v, p, q] of boxes.slice(i + 1))
        expect(x + w <= u || u + p <= x || y + h <= v || v + q <= y).toBe(true);
  });
});

it("what reads a parameter or a state of a scan has an arrow from it", () => {
  const { arrows } = diagram(`model m(D = 2) {
    input x : [D] over time
    input begins : [] over time
    a = last(scan rnn(D, D) as enc over x)
    b = scan enc over x reset begins > 0 from h = a
    loss sum(square(enc.Wh), over feature)
    loss mse(last(b), a)
  }`);
  expect(arrows.filter(([, to]) => to === 3 || to === 4)).toEqual([
    [0, 3],
    [1, 3],
    [2, 3],
    [2, 4],
  ]);
});
