/** What a header may have besides dimensions: numbers that no shape can have. */
import { describe, expect, it } from "vitest";
import { printGraph } from "../../compiler/ir/text.ts";
import { dimensionsOf } from "../../compiler/semantics/elaborate.ts";
import { compile, files, problemsOf } from "./sources.ts";

const cell = (header: string, leak: string, shape = "H"): string => `cell esn(${header}) {
  param U : [H, H] = orthogonal
  input x : [${shape}]
  state h : [H] = 0
  h' = (1 - ${leak}) * h + ${leak} * tanh(x + h @ U)
  output h'
}
`;

const scan = (args: string): string => `${cell("H = 3, leak = 0.25", "leak")}model m(H = 3, margin = -1) {
  input x : [H] over time
  hs = scan esn(${args}) over x
  loss mean(relu(margin - hs))
}`;

const said = (text: string): readonly string[] => problemsOf(text).map(({ code, message }) => `${code} ${message}`);

describe("a number in a header that is no extent", () => {
  it.each(["0.25", "0", "-2", "1 / 4"])("= %s is that number in values", (n) => {
    const [named, written] = [cell(`H = 3, leak = ${n}`, "leak"), cell("H = 3", `(${n})`)].map((text) => compile(text));
    expect(printGraph(named.graph)).toBe(printGraph(written.graph));
    expect(named.dims).toEqual({ H: 3 });
  });

  it("may be given by a scan, by name or in order", () => {
    const text = (args: string) => printGraph(compile(scan(args)).graph);
    expect(text("H, leak = 0.5")).toBe(text("H, 0.5"));
    expect(text("H, leak = 0.5")).toBe(text("H, 0.25").replaceAll("0.25", "0.5").replaceAll("0.75", "0.5"));
    expect(text("H")).toBe(text("H, 0.25"));
    expect(said(scan("H, x"))).toEqual(["C0222 this number must be known while compiling"]);
  });

  it("is no extent, and no dimension", () => {
    expect(said(cell("H = 3, leak = 0.25", "leak", "leak"))).toContain("C0222 the number 0.25 is not an extent");
    const host = files({ "main.cell": cell("H = 3, leak = 0.25", "leak") });
    expect(dimensionsOf("main.cell", host).map(({ name }) => name)).toEqual(["H"]);
  });
});
