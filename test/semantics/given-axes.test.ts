/** Functions that are given axes: `fn softmax(x, over axes = feature)`. */

import { describe, expect, it } from "vitest";
import { interpret } from "../../compiler/ir/interpret.ts";
import { printGraph } from "../../compiler/ir/text.ts";
import { lower } from "../../compiler/lower.ts";
import { format } from "../../compiler/syntax/format.ts";
import { compile, problemsOf } from "./sources.ts";

const model = (body: string, fns = ""): string => `${fns}
model m(D = 3) {
  input x : [D] over time
  ${body}
}`;

const said = (text: string): readonly string[] =>
  problemsOf(text)
    .filter(({ severity }) => severity === "error")
    .map(({ code, message }) => `${code} ${message}`);

/** Both as the compiler's own text. */
const same = (a: string, b: string): void => {
  const [first, second] = [a, b].map((text) => printGraph(compile(text).graph));
  expect(first).toBe(second);
};

const centred = "fn centred(x, over axes = feature) { x - mean(x, over axes) }";

describe("functions that are given axes", () => {
  it("reduce over those of the call, or over their defaults", () => {
    same(model("output centred(x, over time)", centred), model("output x - mean(x, over time)"));
    same(model("output centred(x)", centred), model("output x - mean(x, over feature)"));
    same(model("output centred(x, over (time, last))", centred), model("output x - mean(x, over (time, last))"));
  });

  it("pass them on", () => {
    const fns = `${centred}\nfn twice(x, over all) { a = centred(x, over all); centred(a, over all) + centred(x) }`;
    const written = "a = x - mean(x, over time)\noutput a - mean(a, over time) + (x - mean(x, over feature))";
    same(model("output twice(x, over time)", fns), model(written));
  });

  it("may name several axes of which some are their own", () => {
    const fn = "fn f(x, over axes) { sum(x, over (axes, last)) }";
    same(model("output f(x, over time)", fn), model("output sum(x, over (time, last))"));
  });

  it("have softmax of the prelude among them", () => {
    const { graph } = compile(model("a = softmax(x, over time)\noutput a"));
    const x = [1, 2, 3, 4, 0, -1, 2, 2, 2];
    const out = interpret(lower(graph).entries.infer, {
      dims: { D: 3, batch: 1, time: 3, steps: 3 },
      leaf: () => Float64Array.from(x),
    }).get("output:a")!;
    for (let d = 0; d < 3; d++) {
      const e = [0, 1, 2].map((t) => Math.exp(x[3 * t + d]));
      const sum = e.reduce((p, q) => p + q);
      for (let t = 0; t < 3; t++) expect(out.data[3 * t + d]).toBeCloseTo(e[t] / sum, 12);
    }
  });

  it.each([
    ["softmax(x, over last)", "exp(x - stop(max(x, over last)))", "last"],
    ["softmax(x, over first)", "exp(x - stop(max(x, over first)))", "first"],
    ["softmax(x, over feature)", "exp(x - stop(max(x, over feature)))", "feature"],
    ["softmax(x, over (time, last))", "exp(x - stop(max(x, over (time, last))))", "(time, last)"],
  ])("%s broadcasts back", (call, e, axes) => {
    same(model(`y = ${call}\noutput y`), model(`e = ${e}\ny = e / sum(e, over ${axes})\noutput y`));
  });

  it.each([
    ["output mse(x, x, over time)", "", "C0206 `mse` does not reduce over axes"],
    ["output f(x)", "fn f(x, over axes) { sum(x, over axes) }", "C0205 `f` is not given axes"],
    ["output iterate(f, 2, x)", "fn f(x, n, over axes) { sum(x, over axes) }", "C0205 `f` is not given axes"],
    ["output softmax(last(x), over time)", "", "C0215 this value has no time axis to reduce over"],
    ["output f(x)", "fn f(x) { sum(x, over axes) }", "C0116 `axes` is not an axis"],
    ["output sum(x, over axes)", "fn f(x, over axes) { sum(x, over axes) }", "C0116 `axes` is not an axis"],
    ["output x", "fn f(x, over time) { x }", "C0112 `time` is an axis, and this names those that are given"],
    ["output x", "fn f(over axes, x) { x }", "C0118 `over` comes last among the parameters"],
    ["output x", "norm n(x, over axes) { x }", "C0112 only functions are given axes"],
  ])("%s: %s: %s", (body, fns, message) => {
    expect(said(model(body, fns))).toContain(message);
  });

  it("are formatted", () => {
    const text = "fn f ( x,over  axes=(batch,time) ) { sum( x , over axes ) }\n";
    const tidy = "fn f(x, over axes = (batch, time)) { sum(x, over axes) }\n";
    expect(format(text, "f.cell").text).toBe(tidy);
  });
});

describe("a reduction without axes", () => {
  it.each(["sum", "mean", "max", "min"])("%s is over features", (name) => {
    same(model(`output ${name}(x^2)`), model(`output ${name}(x^2, over feature)`));
  });

  it("needs some of a value without features", () => {
    const help = (body: string): readonly (string | undefined)[] =>
      problemsOf(model(body)).flatMap(({ severity, help }) => (severity === "error" ? [help] : []));
    expect(help("output mean(sum(x))")).toEqual([
      "say which: mean(x, over time); a loss or metric is by itself the mean over steps and examples",
    ]);
    expect(help("output mean(sum(last(x)))")).toEqual(["leave `mean` out"]);
    expect(said(model("output max(x, last(x), over time)"))).toEqual(["C0205 `max` reduces one value"]);
  });
});
