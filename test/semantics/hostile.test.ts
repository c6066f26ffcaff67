/** Texts that nobody would write, except to break the compiler. */
import { describe, expect, it } from "vitest";
import { check } from "../../compiler/check.ts";
import { compile as compileFor } from "../../compiler/compile.ts";
import { CompileError } from "../../compiler/diagnostics/diagnostic.ts";
import { limitDiagnostics, maxDiagnostics } from "../../compiler/diagnostics/limit.ts";
import { renderAll } from "../../compiler/diagnostics/render.ts";
import { format } from "../../compiler/syntax/format.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { hostileTexts } from "../fuzz/hostile-texts.ts";
import { mutateCell } from "../fuzz/mutate-cell.ts";
import { uniform } from "../ir/numbers.ts";
import { cellWith, codes, compile, files, problemsOf, refusal } from "./sources.ts";

describe("a hostile text", () => {
  it.each(hostileTexts().map((text) => [text.name, text] as const))("is read as it should be: %s", (_, text) => {
    const all = check("main.cell", files(text.files));
    const refused = all.some(({ severity }) => severity === "error");
    // What is right in itself may be too large, or nothing: that is for the compilation to say.
    if (text.outcome === "refused" && !refused)
      expect(() => compileFor("main.cell", {}, wasm, files(text.files))).toThrow(CompileError);
    else if (text.outcome !== "either") expect(refused ? "refused" : "compiled").toBe(text.outcome);
    expect(all.length).toBeLessThanOrEqual(2 * maxDiagnostics + 2);
    const said = renderAll(all, new Map(Object.entries(text.files)), { color: false });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
    expect(said).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    expect(said.length).toBeLessThan(200_000);
  });

  it("is formatted, or left as it is with what is wrong", () => {
    for (const text of hostileTexts().map(({ files: texts }) => texts["main.cell"])) {
      // The longest are formatted once, when they are fuzzed.
      if (text.length > 100_000) continue;
      const { text: after, diagnostics } = format(text, "main.cell");
      if (diagnostics.length > 0) expect(after).toBe(text);
      else expect(format(after, "main.cell").text).toBe(after);
    }
  });

  it("is made of any cell by the same numbers in the same way", () => {
    const made = (seed: number): string => mutateCell(cellWith("site s = h @ Wh"), uniform(seed));
    expect(made(1)).toBe(made(1));
    expect(new Set(Array.from({ length: 50 }, (_, seed) => made(seed))).size).toBeGreaterThan(40);
  });
});

describe("many mistakes", () => {
  it("are reported up to a limit, and the others counted", () => {
    const many = Array.from({ length: 300 }, (_, i) => `a${i} = zz${i}`).join("\n  ");
    const all = problemsOf(cellWith(many));
    expect(all.filter((d) => d.code === "C0201")).toHaveLength(maxDiagnostics);
    expect(all.at(-1)).toMatchObject({ code: "C0124", severity: "error", message: "250 more mistakes are not shown" });
  });

  it("come before warnings", () => {
    const at = { file: "a", start: 0, end: 1 };
    const warnings = Array.from({ length: 60 }, () => ({
      ...{ code: "W0601", severity: "warning", message: "m", span: at },
    })) as Parameters<typeof limitDiagnostics>[0];
    const error = { code: "C0201", severity: "error", message: "m", span: at } as const;
    expect(limitDiagnostics([...warnings, error])).toContain(error);
    expect(limitDiagnostics([...warnings, error]).at(-1)?.message).toBe("11 more mistakes are not shown");
  });
});

describe("an index", () => {
  const model = (size: string, rows: string): string => `model m(V = 10, W = 10, E = 3) {
  input w : index(${size}) over time
  param T : [${rows}, E] = 1
  output embed(w, T)
}`;

  it("is compared with a table by the numbers that dimensions have, not by their names", () => {
    expect(() => compile(model("V", "W"))).not.toThrow();
    expect(() => compile(model("V", "W"), { dims: { W: 12 } })).not.toThrow();
    expect(codes(refusal(model("V", "W"), { dims: { V: 12 } }))).toEqual(["C0228"]);
    expect(refusal(model("V", "W"), { dims: { V: 12 } })[0].message).toBe(
      "an index below V = 12 selects among W = 10 rows",
    );
  });

  it("is refused by names alone where no numbers could make it fit", () => {
    const text = model("V + 1", "V").replace("V = 10, W = 10", "V, W");
    expect(codes(problemsOf(text))).toContain("C0228");
    expect(codes(problemsOf(text.replace("[V, E]", "[2V, E]")))).not.toContain("C0228");
  });

  it("has no more values than f32 has whole numbers", () => {
    expect(() => compile(model("16777216", "16777216"))).not.toThrow();
    expect(codes(refusal(model("16777217", "16777217")))).toContain("C0228");
  });
});
