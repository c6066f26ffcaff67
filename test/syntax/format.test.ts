import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { format, printExpr } from "../../compiler/syntax/format.ts";
import { parse } from "../../compiler/syntax/parse.ts";
import { lex } from "../../compiler/syntax/tokens.ts";
import { exampleFolders } from "../compile/examples.ts";
import { expr, littered, program, withoutSpans, write } from "./programs.ts";

const formatted = (text: string): string => {
  const result = format(text, "a.cell");
  expect(result.diagnostics).toEqual([]);
  return result.text;
};

describe("the formatter", () => {
  test("prints every expression so that it reads back as itself", () => {
    fc.assert(
      fc.property(expr, (e) => {
        const read = parse(`fn f(x) {\n${printExpr(e)}\n}`, "a.cell");
        expect(read.diagnostics).toEqual([]);
        const [fn] = read.file.declarations;
        expect(withoutSpans(fn.kind === "fn" && fn.result)).toEqual(withoutSpans(e));
      }),
      { numRuns: 500 },
    );
  });

  test("keeps the tree of every program, and changes nothing the second time", () => {
    fc.assert(
      fc.property(program, (tree) => {
        const text = write(tree);
        expect(withoutSpans(parse(text, "a.cell"))).toEqual({ file: withoutSpans(tree), diagnostics: [] });
        const once = formatted(text);
        expect(withoutSpans(parse(once, "a.cell").file)).toEqual(withoutSpans(tree));
        expect(formatted(once)).toBe(once);
      }),
      { numRuns: 200 },
    );
  });

  test("keeps every comment, wherever it is, and changes nothing the second time", () => {
    const cases = program.chain((tree) => littered(write(tree)).map((litter) => ({ tree, ...litter })));
    fc.assert(
      fc.property(cases, ({ tree, text, comments }) => {
        const once = formatted(text);
        expect(
          lex(once)
            .comments.map((c) => c.image.trimEnd())
            .sort(),
        ).toEqual([...comments].sort());
        expect(withoutSpans(parse(once, "a.cell").file)).toEqual(withoutSpans(tree));
        expect(formatted(once)).toBe(once);
        expect(once).not.toMatch(/\n\n\n/);
      }),
      { numRuns: 300 },
    );
  });

  const folders = [...exampleFolders, "compiler/semantics/prelude"];
  const shipped = folders.flatMap((f) =>
    readdirSync(f)
      .filter((n) => n.endsWith(".cell"))
      .map((n) => `${f}/${n}`),
  );
  test.each(shipped)("%s is in its canonical form", (path) => {
    const text = readFileSync(path, "utf8");
    expect(formatted(text)).toBe(text);
  });

  const samples = readdirSync("test/syntax/samples").filter((n) => n.endsWith(".in.cell"));
  test.each(samples)("formats the sample %s as expected", (name) => {
    const path = `test/syntax/samples/${name}`;
    expect(formatted(readFileSync(path, "utf8"))).toBe(readFileSync(path.replace(".in.", ".out."), "utf8"));
  });

  test("leaves a text with mistakes alone and says what they are", () => {
    const text = "cell   a(D) {\n  x =\n}\n";
    const result = format(text, "a.cell");
    expect(result.text).toBe(text);
    expect(result.diagnostics.map((d) => d.code)).toEqual(["C0107"]);
  });

  test("reads Windows line ends and a byte order mark, and writes neither", () => {
    expect(formatted("\ufefffn f(x) {\r\n  // a\r\n  x\r\n}\r\n")).toBe("fn f(x) {\n  // a\n  x\n}\n");
  });

  test("makes an empty file empty", () => {
    expect(formatted("\n  \n")).toBe("");
  });
});
