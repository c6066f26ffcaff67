import { describe, expect, it } from "vitest";
import { compile as compileFile } from "../../compiler/compile.ts";
import type { CompileOptions } from "../../compiler/options.ts";
import { degenerateStatistics } from "../../compiler/proofs/degenerate-statistics.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { cellWith, compile, files } from "../semantics/sources.ts";

/** One site that does not depend on a norm, and what is placed there. */
const model = (norm: string, before = "", value = "x"): string => `${before}model m(D = 3) {
  input x : [D] over time
  site s = ${value}
  output s
  loss sum(s, over feature)
  place s : ${norm}
}
`;
const found = (text: string): Readonly<Record<string, string>> => {
  const { graph, dims } = compile(text);
  return Object.fromEntries(
    [...degenerateStatistics(graph, dims)].map(([name, { steps, total }]) => [
      name,
      `${steps}${total ? ", total" : ""}`,
    ]),
  );
};

describe("a batch of one example says nothing of", () => {
  it.each([
    ["a variance, step by step", "batch", { "s/v": "any, total" }],
    ["one that all steps share", "batch(stats = shared)", { "s/v": "any, total" }],
    ["a deviation, which is averaged as it is", "batch_renorm", { "s/s": "any" }],
    ["a variance over the steps too, where there is one step", "sequence", { "s/v": "one, total" }],
    ["nothing that norms over features have", "layer", {}],
  ])("%s", (_, norm, expected) => {
    expect(found(model(norm))).toEqual(expected);
  });

  it("a spread that is no variance, and something of what is not about the batch's mean", () => {
    const own = `norm own(x) {
  stat m = mean(x, over batch)
  stat d = max(abs(x - m), over batch)
  stat q = mean(x^2, over batch)
  x * rsqrt(d + q)
}
`;
    expect(found(model("own", own))).toEqual({ "s/d": "any" });
  });

  it("a variance of the last step's value, which has no steps", () => {
    expect(found(model("batch", "", "last(x)"))).toEqual({ "s/v": "any, total" });
  });

  it("any statistic that depends on a norm that makes all examples the same; in a recurrence, its own too", () => {
    const both = "site s = x @ Wx\nsite r = h @ Wh\nplace s, r : batch";
    const all = { "s/v": "any, total", "r/m": "any", "r/v": "any" };
    expect(found(cellWith(both, "tanh(s + r)"))).toEqual(all);
    expect(found(cellWith("site r = h @ Wh\nplace r : batch", "tanh(r + x @ Wx)"))).toEqual({
      "r/m": "any",
      "r/v": "any",
    });
    expect(
      found(cellWith("site s = x @ Wx\nsite r = h @ Wh\nplace s : batch\nplace r : layer", "tanh(s + r)")),
    ).toEqual({
      "s/v": "any, total",
    });
  });
});

describe("W0603", () => {
  const warned = (text: string, options: CompileOptions): readonly string[] =>
    compileFile("main.cell", options, wasm, files({ "main.cell": text })).warnings.flatMap(({ code, message }) =>
      code === "W0603" ? [message] : [],
    );

  it("is warned of for each such norm when a batch of one is compiled to train or to estimate", () => {
    const cell = cellWith("site s = x @ Wx\nsite r = h @ Wh\nplace s, r : batch", "tanh(s + r)");
    expect(warned(cell, { batch: 1 })).toEqual([expect.stringContaining("`s`"), expect.stringContaining("`r`")]);
    expect(warned(cell, { batch: 1, entries: ["estimate"] })).toHaveLength(2);
    expect(warned(cell, { batch: 1, entries: ["infer", "step"] })).toEqual([]);
    expect(warned(cell, { batch: 2 })).toEqual([]);
  });

  it("is not warned of for norms over one example, or over all its steps", () => {
    for (const norm of ["layer", "sequence"]) expect(warned(model(norm), { batch: 1 })).toEqual([]);
  });
});
