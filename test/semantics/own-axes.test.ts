/** Reductions that name no axes: over an example's features, and refused where something else may be meant. */
import { describe, expect, it } from "vitest";
import { printGraph } from "../../compiler/ir/text.ts";
import { compile, problemsOf } from "./sources.ts";

const model = (body: string): string => `model m(D = 3) {
  input x : [D] over time
  input n : [] over time
  param s : [] = 0
  ${body}
}`;

const graphOf = (body: string): string => printGraph(compile(model(body)).graph);

const found = (text: string): readonly string[] =>
  problemsOf(text)
    .filter(({ severity }) => severity === "error")
    .map(({ code, help }) => `${code} ${help}`);

const says = "a loss or metric is by itself the mean over steps and examples";

describe("a reduction without axes", () => {
  it.each(["sum", "mean", "max", "min"])("%s(x) is over features", (f) => {
    expect(graphOf(`y = ${f}(x)\noutput y`)).toBe(graphOf(`y = ${f}(x, over feature)\noutput y`));
  });

  it.each([
    ["y = mean(n)\noutput y", `C0205 say which: mean(x, over time); ${says}`],
    ["y = sum(whole(x))\noutput y", "C0205 say which: sum(x, over feature), or sum(x, over whole)"],
    ["loss n * mean(n)", `C0205 say which: mean(x, over time); ${says}`],
    ["loss sqrt(mean(n))", `C0205 say which: mean(x, over time); ${says}`],
  ])("is refused where it may mean something else: %s", (body, message) => {
    expect(found(model(body))).toEqual([message]);
  });

  it("is refused in a statistic", () => {
    const norm = "norm centred(x) {\n  stat m = mean(x)\n  x - m\n}\n";
    expect(found(`${norm}${model("site u = x\nloss u\nplace u : centred")}`)).toEqual([
      "C0205 say which: mean(x, over feature), or mean(x, over batch)",
    ]);
  });
});

describe("a term mean(e) of a loss or metric", () => {
  it("is the mean over everything that e has", () => {
    expect(graphOf("loss mean(n)")).toBe(graphOf("loss n"));
    expect(graphOf("metric e = mean(square(x))\nloss n")).toBe(graphOf("metric e = square(x)\nloss n"));
    expect(graphOf("loss -mean(x) * exp(s) / 2")).toContain("mul");
  });

  it("belongs to whatever function the file calls mean", () => {
    const own = `fn mean(x) { 2 * x }\n${model("loss mean(n)")}`;
    expect(printGraph(compile(own).graph)).toBe(graphOf("loss 2 * n"));
  });
});
