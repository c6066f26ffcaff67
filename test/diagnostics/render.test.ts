import { describe, expect, test } from "vitest";
import type { Diagnostic } from "../../compiler/diagnostics/diagnostic.ts";
import { toJSON } from "../../compiler/diagnostics/json.ts";
import { render, renderAll } from "../../compiler/diagnostics/render.ts";
import { nowhere } from "../../compiler/diagnostics/span.ts";

const text = `cell lstm(D, H) {
  param W : [D, H] = orthogonal
\tsite hh = h @ Whh
  a = f(b,
    c,
    d) + 1
}
`;
const sources = new Map([
  ["lstm.cell", text],
  ["empty.cell", ""],
  ["wide.cell", `  a = "重み" + b${" + x".repeat(100)}\n`],
  ["long.cell", `a = b${" + x".repeat(100)}\n`],
  ["windows.cell", "a\r\nb\r\n"],
]);

const at = (part: string, more: Partial<Diagnostic> = {}): Diagnostic => ({
  code: "C0201",
  severity: "error",
  message: "unknown name `Whh`",
  span: { file: "lstm.cell", start: text.indexOf(part), end: text.indexOf(part) + part.length },
  ...more,
});
const plain = (d: Diagnostic): string => render(d, sources, { color: false });

describe("render", () => {
  test("shows the place, carets under it, why, and what to do", () => {
    expect(plain(at("[D, H]", { label: "not declared", help: "did you mean `Wh`?" }))).toBe(
      `error[C0201]: unknown name \`Whh\`
 ┌─ lstm.cell:2:13
 │
2│   param W : [D, H] = orthogonal
 │             ^^^^^^ not declared
 = help: did you mean \`Wh\`?`,
    );
  });

  test("puts carets under the right columns after a tab", () => {
    expect(plain(at("Whh"))).toBe(
      `error[C0201]: unknown name \`Whh\`
 ┌─ lstm.cell:3:16
 │
3│     site hh = h @ Whh
 │                   ^^^`,
    );
  });

  test("shows the first and the last line of a place over several lines", () => {
    expect(plain(at("f(b,\n    c,\n    d)", { label: "this call" }))).toBe(
      `error[C0201]: unknown name \`Whh\`
 ┌─ lstm.cell:4:7
 │
4│   a = f(b,
 │       ^^^^
 │ …
6│     d) + 1
 │     ^^ this call`,
    );
  });

  test("points at the end of the file", () => {
    const end = { file: "lstm.cell", start: text.length, end: text.length };
    expect(plain(at("", { span: end, label: "here" }))).toBe(
      `error[C0201]: unknown name \`Whh\`
 ┌─ lstm.cell:8:1
 │
8│
 │ ^ here`,
    );
  });

  test("points into an empty file, and at a place beyond a text's end", () => {
    const empty = plain(at("", { span: { file: "empty.cell", start: 0, end: 0 } }));
    expect(empty.split("\n").slice(1)).toEqual([" ┌─ empty.cell:1:1", " │", "1│", " │ ^"]);
    expect(plain(at("", { span: { file: "empty.cell", start: 9, end: 12 } }))).toBe(empty);
  });

  test("counts wide characters as two columns", () => {
    const span = { file: "wide.cell", start: 13, end: 14 };
    const [, , , line, carets] = plain(at("", { span })).split("\n");
    // Two wide characters before it: the carets stand two columns further than the characters say.
    expect(line.indexOf("b") - line.indexOf("a")).toBe(11);
    expect(carets.indexOf("^")).toBe(line.indexOf("b") + 2);
  });

  test("cuts a long line around the place", () => {
    const span = { file: "long.cell", start: 200, end: 201 };
    const [, , , line, carets] = plain(at("", { span })).split("\n");
    expect(line.length).toBeLessThan(120);
    expect(line[carets.indexOf("^")]).toBe(sources.get("long.cell")?.[200]);
    expect(line).toMatch(/^1│ ….*…$/);
  });

  test("does not take a Windows line end for a part of the line", () => {
    const span = { file: "windows.cell", start: 3, end: 4 };
    expect(plain(at("", { span }))).toContain(" ┌─ windows.cell:2:1\n │\n2│ b\n │ ^");
  });

  test("shows other places with their own words, numbers in one gutter", () => {
    const many = `${"x\n".repeat(9)}a = b\n`;
    const d = at("", {
      span: { file: "m.cell", start: 22, end: 23 },
      notes: [
        { span: { file: "m.cell", start: 0, end: 1 }, message: "first here" },
        { span: nowhere, message: "set by --dims" },
      ],
    });
    expect(render(d, new Map([["m.cell", many]]), { color: false })).toBe(
      `error[C0201]: unknown name \`Whh\`
  ┌─ m.cell:10:5
  │
10│ a = b
  │     ^
  ┌─ m.cell:1:1
  │
 1│ x
  │ - first here
  = note: set by --dims`,
    );
  });

  test("says what it can about a place in no file or in an unknown one", () => {
    expect(plain(at("", { span: nowhere, help: "give --dims" }))).toBe(
      "error[C0201]: unknown name `Whh`\n = help: give --dims",
    );
    expect(plain(at("", { span: { file: "gone.cell", start: 3, end: 4 } }))).toBe(
      "error[C0201]: unknown name `Whh`\n ┌─ gone.cell",
    );
  });

  test("colours only when asked to, and colour changes no character", () => {
    const d = at("Whh", { severity: "warning", label: "l", help: "h" });
    const colored = render(d, sources, { color: true });
    expect(colored).toContain("\u001b[33m");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the colours
    expect(colored.replace(/\u001b\[\d+m/g, "")).toBe(plain(d));
  });
});

describe("renderAll", () => {
  test("goes by place and ends with a count", () => {
    const all = [at("Whh"), at("[D, H]", { severity: "warning", code: "W0601" }), at("cell")];
    const out = renderAll(all, sources, { color: false });
    expect(out.match(/lstm\.cell:\d/g)).toEqual(["lstm.cell:1", "lstm.cell:2", "lstm.cell:3"]);
    expect(out.endsWith("\n\n2 errors, 1 warning\n")).toBe(true);
  });

  test("is empty for nothing", () => {
    expect(renderAll([], sources, { color: false })).toBe("");
  });
});

describe("toJSON", () => {
  test("has lines and columns from 1 and leaves out what is not known", () => {
    const note = { span: nowhere, message: "n" };
    expect(toJSON(at("Whh", { help: "h", notes: [note] }), sources)).toEqual({
      code: "C0201",
      severity: "error",
      message: "unknown name `Whh`",
      help: "h",
      file: "lstm.cell",
      start: 65,
      end: 68,
      from: { line: 3, column: 16 },
      to: { line: 3, column: 19 },
      notes: [{ file: "", start: 0, end: 0, message: "n" }],
    });
  });
});
