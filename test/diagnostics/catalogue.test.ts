import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Code, catalogue } from "../../compiler/diagnostics/catalogue.ts";
import { explain } from "../../compiler/diagnostics/explain.ts";
import { nearest } from "../../compiler/diagnostics/nearest.ts";
import { readTree, treeFiles } from "../house/tree.ts";
import { problemsWith } from "../semantics/snippets.ts";

const codes = Object.keys(catalogue) as Code[];

describe("the catalogue", () => {
  test.each(codes)("%s says what is wrong, why, and what to do", (code) => {
    const { title, explanation, example, fix } = catalogue[code];
    expect(code).toMatch(/^(C0[1-5]|W06)\d\d$/);
    expect(title.length).toBeGreaterThan(5);
    expect(explanation).toMatch(/^[^a-z].{40,}[.]$/s);
    expect(example.trim()).not.toBe("");
    expect(fix.trim()).not.toBe("");
    expect(fix).not.toBe(example);
  });

  test("gives no two codes the same title", () => {
    expect(new Set(codes.map((c) => catalogue[c].title)).size).toBe(codes.length);
  });

  test("has every syntax code that the sample of mistakes raises, and the sample raises almost every one", () => {
    const sample = readFileSync("test/syntax/samples/mistakes.bad.cell", "utf8");
    const raised = new Set(sample.match(/C01\d\d/g));
    const syntax = codes.filter((c) => c.startsWith("C01"));
    expect(syntax.filter((c) => !raised.has(c))).toEqual(["C0121", "C0124", "C0126"]);
  });
});

/** Codes that a snippet alone cannot raise: they need numbers for dimensions or the batch, a task to train on, or a hundred functions. */
const beyondSnippets: readonly Code[] = ["C0218", "C0221", "C0227", "C0243"];

describe("the examples of the catalogue", () => {
  const ofMeaning = codes.filter((c) => c.startsWith("C02") && !beyondSnippets.includes(c));
  test.each(ofMeaning)("for %s show that mistake alone, and how to do without it", (code) => {
    const { example, fix } = catalogue[code];
    expect(problemsWith(example, "error")).toContain(code);
    expect(problemsWith(fix, "error")).toContain("");
  });

  test.each(["W0601", "W0604", "W0605", "W0606"] as const)("for %s show what is warned of, and what is not", (code) => {
    const { example, fix } = catalogue[code];
    expect(problemsWith(example)).toContain(code);
    expect(problemsWith(fix)).toContain("");
  });

  test("are of messages that something raises", () => {
    const sources = treeFiles(".ts").filter((file) => /^(?:cli|compiler|runtime|targets)\//.test(file));
    const text = sources
      .filter((file) => !file.includes("diagnostics/catalogue"))
      .map(readTree)
      .join("\n");
    expect(codes.filter((code) => !new RegExp(`["[]${code}["\\]]`).test(text))).toEqual([]);
  });
});

describe("explain", () => {
  test("prints the entry of a code, in any case", () => {
    expect(explain("c0109")).toBe(`C0109: comparisons do not chain

A comparison gives 1 where it holds and 0 where it does not, so \`a < b < c\`
would compare that 0 or 1 with c. It is refused, because it is never meant.

For example

    inside = a < b < c

Instead

    inside = a < b and b < c
`);
  });

  test("offers the nearest code for one that does not exist", () => {
    expect(explain("C020")).toBe("There is no message C020. Did you mean C0120?\n");
    expect(explain("nonsense")).toBe("There is no message nonsense.\n");
  });
});

describe("nearest", () => {
  test.each([
    ["bach", ["layer", "batch", "rms"], "batch"],
    ["gmama", ["gamma", "beta"], "gamma"],
    ["WH", ["Wx", "Wh"], "Wh"],
    ["hh", ["xh", "cc"], "xh"],
    ["epsilno", ["epsilon"], "epsilon"],
    ["x", ["y", "zz"], undefined],
    ["softmax", ["sigmoid"], undefined],
    ["batch", [], undefined],
  ])("takes %s, among %j, for %s", (word, candidates, expected) => {
    expect(nearest(word, candidates)).toBe(expected);
  });
});
