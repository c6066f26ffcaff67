/** What people write first where a scan, its first states or a cell is meant, and what the compiler then says. */
import { describe, expect, it } from "vitest";
import { problemsOf } from "./sources.ts";

const lstm = `cell lstm(D = 3, H = 4) {
  param W : [D + H, H] = xavier
  input x : [D]
  state h : [H] = 0
  state c : [H] = 0
  c' = c + concat(x, h) @ W
  h' = tanh(c')
  output h'
}
cell pair(D = 3, S = 2) {
  input x : [D]
  input s : [S]
  state h : [] = 0
  h' = h + sum(x, over feature) * sum(s, over feature)
  output h'
}
`;

const inModel = (body: string): string => `${lstm}model m(D = 3, H = 4, S = 2) {
  input a : [D] over time
  input s : [S]
  input h0 : [H]
  ${body}
}
`;

const errorsOf = (text: string) =>
  problemsOf(text)
    .filter(({ severity }) => severity === "error")
    .map(({ code, message, help }) => [code, message, typeof help === "function" ? (help as () => string)() : help]);

describe("one message says what to write instead of", () => {
  it("a first state among the dimensions", () => {
    expect(errorsOf(inModel("output scan lstm(D, H, h = h0) over a"))).toEqual([
      ["C0206", "`h` is a state of `lstm`, not a dimension", "write scan lstm(D, H) over a from h = h0"],
    ]);
  });

  it("an input as a cell's initial value", () => {
    const text = "cell c(H = 4) { input x : [H]\ninput h0 : [H]\nstate h : [H] = h0\nh' = tanh(h + x)\noutput h' }";
    expect(errorsOf(text)).toEqual([
      ["C0222", "`h0` cannot be used here", "let a model begin the scan with it: scan c(…) over x from h = h0"],
    ]);
  });

  it.each(["cell enc = lstm(D, H)", "cell enc = lstm"])("a cell in a model's body: %s", (statement) => {
    const text = inModel(`${statement}\n  ha = scan enc over a\n  hb = scan enc over a\n  output ha, hb`);
    expect(errorsOf(text)).toEqual([
      [
        "C0110",
        "a body holds no cells",
        "name a scan, scan lstm(D, H) as enc over x, or make the cell a parameter of the model: model m(D, H, cell enc = lstm)",
      ],
    ]);
  });

  it("a missing `}` before a derived cell is still that", () => {
    const [first] = problemsOf(`${lstm}model m() {\n input a : [3] over time\n output a\ncell d = lstm with { }`);
    expect(first.message).toBe("this `{` is never closed");
  });

  it("a state that is an index", () => {
    const text = "cell c(V = 4) { input x : [V]\nstate w : index(V) = 0\nw' = argmax(x)\noutput w' }";
    expect(errorsOf(text)).toEqual([
      [
        "C0115",
        "a state holds numbers, and an index is none",
        "carry a vector for it, one_hot(i, V) or embed(i, E): state w : [V] = 0",
      ],
    ]);
  });

  it("several sequences of a scan among arguments", () => {
    const help = "a comma ends a scan among arguments: put brackets around it, (scan lstm(D, H) over a, s)";
    expect(errorsOf(inModel("output last(scan lstm(D, H) over a, s)"))).toEqual([
      ["C0205", "`last` is given two values", help],
    ]);
    expect(errorsOf(inModel("output first(scan lstm(D, H) over a, s)"))).toEqual([
      ["C0205", "`first` cannot take 2 arguments", help],
    ]);
    expect(errorsOf(inModel("output last(scan pair(D, S) over a)"))).toEqual([
      [
        "C0205",
        "`pair` reads 2 inputs, not 1",
        "name all of them: scan pair(…) over a, b; among arguments, with brackets around the scan",
      ],
    ]);
    expect(errorsOf(inModel("output last((scan pair(D, S) over a, s))"))).toEqual([]);
    expect(errorsOf(inModel("output last(scan lstm(D, H) over a, 2)"))).toEqual([]);
  });

  it("a cell that is called", () => {
    expect(errorsOf(inModel("output lstm(a, h0)"))).toEqual([
      [
        "C0201",
        "`lstm` is a cell, not a function",
        "scan it: scan lstm(…) over x, from h = … if it does not begin as the cell says",
      ],
    ]);
    const inCell = "cell two(D = 3) { input x : [D]\nstate h : [4] = 0\nh' = lstm(x, h)\noutput h' }";
    expect(errorsOf(lstm + inCell)).toEqual([
      [
        "C0201",
        "`lstm` is a cell, not a function",
        "cells do not call cells: a model scans one after the other, scan lstm(…) over x",
      ],
    ]);
  });
});
