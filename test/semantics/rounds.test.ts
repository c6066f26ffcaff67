/** Inner loops of fixed length, and the weights of their rounds. */

import { describe, expect, it } from "vitest";
import { interpret } from "../../compiler/ir/interpret.ts";
import { printGraph } from "../../compiler/ir/text.ts";
import { lower } from "../../compiler/lower.ts";
import { compile, problemsOf } from "./sources.ts";

const cell = (body: string, fn = "fn step(y, l, b) { 2 * y + l * b }"): string => `${fn}
cell c(H = 2, L = 3) {
  param b : [H] = 1
  param W : [L, H] = 0
  input x : [H]
  state h : [H] = 0
  ${body}
  output h'
}`;

/** What is wrong, as the help line or the label says it. */
const said = (text: string): readonly string[] =>
  problemsOf(text)
    .filter(({ severity }) => severity === "error")
    .map(({ code, message }) => `${code} ${message}`);

describe("rounds of a function", () => {
  it("are applied one after the other, counted from 0", () => {
    const { graph } = compile(cell("h' = iterate(step, L, x, b) + 0 * row(W, 0)"));
    const dims = { H: 2, L: 3, batch: 1, time: 1, steps: 1 };
    const leaves: Readonly<Record<string, readonly number[]>> = { x: [1, 10], b: [1, 2], W: Array(6).fill(0) };
    const out = interpret(lower(graph).entries.infer, {
      dims,
      leaf: (name) => Float64Array.from(leaves[name] ?? [0, 0]),
    });
    // 2 (2 (2 x + 0 b) + 1 b) + 2 b = 8 x + 4 b
    expect([...out.get("output:h")!.data]).toEqual([8 + 4, 80 + 8]);
  });

  it("return their start if there are none", () => {
    const [none, without] = ["iterate(step, 0, x, b)", "x"].map(
      (e) => compile(cell(`h' = ${e} * b + row(W, 0)`)).graph,
    );
    expect(printGraph(none)).toBe(printGraph(without));
  });

  it.each([
    ["h' = iterate(x, L, x, b)", "C0205 this is not a function"],
    ["h' = iterate(step, L)", "C0205 `iterate` cannot take 2 arguments"],
    ["h' = iterate(step, L, x)", "C0205 `step` is not given `b`"],
    ["h' = iterate(step, 1.5, x, b)", "C0222 1.5 is not a number of rounds"],
    ["h' = x + row(W, 3)", "C0222 there is no entry 3 among 3"],
    ["h' = x + row(W, -1)", "C0222 there is no entry -1 among 3"],
    ["h' = headwise(x, W)", "C0204 `headwise` multiplies [k, n] and [k, n, m]"],
  ])("%s: %s", (body, message) => {
    expect(said(cell(body))).toEqual([message]);
  });

  it("do not end where the function calls itself", () => {
    const own = cell("h' = iterate(step, L, x, b)", "fn step(y, l, b) { iterate(step, 2, y, b) }");
    expect(said(own)).toEqual(["C0220 `step` is expanded inside itself"]);
  });

  it("may be in a function, and use one that is declared after it", () => {
    const fns = "fn outer(y, b) { iterate(step, 2, y, b) }\nfn step(y, l, b) { 2 * y + l * b }";
    const [inside, outside] = [
      cell("h' = outer(x, b) + row(W, 0)", fns),
      cell("h' = iterate(step, 2, x, b) + row(W, 0)"),
    ];
    expect(printGraph(compile(inside).graph)).toBe(printGraph(compile(outside).graph));
    expect(said(cell("h' = outer(x, b)", "fn outer(y, b) { iterate(b, 2, y, b) }"))).toEqual([
      "C0205 this is not a function",
    ]);
  });
});
