import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { syntaxMessages } from "../../compiler/diagnostics/catalogue-syntax.ts";
import { builtins } from "../../compiler/semantics/builtins.ts";
import { preludeTexts } from "../../compiler/semantics/prelude/texts.ts";
import { format } from "../../compiler/syntax/format.ts";
import { parse } from "../../compiler/syntax/parse.ts";
import { reservedWords } from "../../compiler/syntax/tokens.ts";
import { problemsWith } from "../semantics/snippets.ts";

const reference = readFileSync("docs/language.md", "utf8");

/** The indented blocks of a page, without their margin. */
const blocks = [...reference.matchAll(/(?:^ {4}.*\n|^\n(?= {4}))+/gm)].map((m) => m[0].replace(/^ {4}/gm, "").trim());
const programs = blocks.filter(
  (b) => /^(\/\/|import|cell|norm|fn|model)\b/m.test(b) && /\}$/.test(b) && !/…|DIMENSIONS/.test(b),
);
const statements = blocks.filter(
  (b) => /^(param|input|state|site|place|output|a =|loss|hs)\b/.test(b) && !/…|::=/.test(b),
);

/** Reads single statements as the body of a cell, whatever kind of body they belong to. */
const codes = (text: string): readonly string[] => {
  const whole = parse(text, "a.cell").diagnostics;
  const inside = parse(`cell a(D) {\n${text}\n}`, "a.cell").diagnostics;
  return [whole, inside].map((all) => all.map((d) => d.code).join(" "));
};

describe("the language reference", () => {
  test("has programs and statements to check", () => {
    expect(programs.length).toBeGreaterThanOrEqual(6);
    expect(statements.length).toBeGreaterThanOrEqual(8);
  });

  test.each(programs)("shows programs in their canonical form: %s", (text) => {
    const result = format(text, "a.cell");
    expect(result.diagnostics).toEqual([]);
    // Comments are wherever the page has room for them.
    expect(result.text.replace(/ +\/\//g, " //").trim()).toBe(text.replace(/ +\/\//g, " //"));
  });

  test.each(statements)("shows statements that can be read: %s", (text) => {
    expect(codes(text)[1].replace(/C0223 ?/g, "")).toBe("");
  });

  test.each([...programs, ...statements])("shows only what the compiler accepts: %s", (text) => {
    expect(problemsWith(text, "error")).toContain("");
  });

  test("lists every function, and every norm of the prelude", () => {
    const declared = preludeTexts.flatMap(([, text]) =>
      [...text.matchAll(/^(?:fn|norm) (\w+)/gm)].map(([, name]) => name),
    );
    const words = new Set([...reference.matchAll(/`([^`\n]+)`/g)].flatMap(([, code]) => code.match(/\w+/g) ?? []));
    expect([...Object.keys(builtins), ...declared].filter((name) => !words.has(name))).toEqual([]);
  });

  test("lists every reserved word", () => {
    const listed = /\*\*Reserved words\*\*: `([^`]*)`/.exec(reference)?.[1].split(/\s+/) ?? [];
    expect(listed.sort()).toEqual([...reservedWords].sort());
  });
});

test("the README shows programs that the compiler accepts", () => {
  const snippets = [...readFileSync("README.md", "utf8").matchAll(/^```text\n(.*?)^```/gms)].map((match) => match[1]);
  expect(snippets.length).toBeGreaterThanOrEqual(3);
  expect(problemsWith(snippets.join("\n"), "error")).toContain("");
});

describe("the catalogue of syntax messages", () => {
  const complete = Object.entries(syntaxMessages).filter(([, m]) => !`${m.example}${m.fix}`.includes("…"));
  test.each(complete)("shows for %s a text that makes the mistake, and one that does not", (code, { example, fix }) => {
    expect(codes(example)).toContainEqual(expect.stringMatching(code));
    expect(codes(fix).some((found) => !found.includes("C01"))).toBe(true);
  });
});
