import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { catalogue } from "../../compiler/diagnostics/catalogue.ts";
import { printExpr } from "../../compiler/syntax/format.ts";
import { validateGrammar } from "../../compiler/syntax/grammar.ts";
import { parse } from "../../compiler/syntax/parse.ts";
import { allTokens, validateWords } from "../../compiler/syntax/tokens.ts";
import { program, withoutSpans, write } from "./programs.ts";

const parsed = (text: string) => {
  const { file, diagnostics } = parse(text, "a.cell");
  expect(diagnostics).toEqual([]);
  return file;
};

/** Brackets around every operation of the result of a function. */
function grouped(text: string): string {
  const [fn] = parsed(`fn f(x) { ${text} }`).declarations;
  const group = (e: Parameters<typeof printExpr>[0]): string =>
    e.kind === "binary"
      ? `(${group(e.left)} ${e.op} ${group(e.right)})`
      : e.kind === "unary"
        ? `(${e.op === "not" ? "not " : "-"}${group(e.operand)})`
        : printExpr(e);
  return fn.kind === "fn" ? group(fn.result) : "";
}

test("chevrotain finds nothing wrong with words and grammar", () => {
  expect(validateWords).not.toThrow();
  expect(validateGrammar).not.toThrow();
});

describe("the grammar", () => {
  test.each([
    ["a - b - c", "((a - b) - c)"],
    ["a / b * c @ d", "(((a / b) * c) @ d)"],
    ["a + b * c", "(a + (b * c))"],
    ["-a^2", "(-(a ^ 2))"],
    ["-a * b", "((-a) * b)"],
    ["2^-b^c", "(2 ^ (-(b ^ c)))"],
    ["a + b < c * d", "((a + b) < (c * d))"],
    ["x / 4H^2", "(x / (4 * (H ^ 2)))"],
    ["1e-5", "1e-5"],
    ["1 - 5", "(1 - 5)"],
    ["2e", "(2 * e)"],
    ["h' - 1", "(h' - 1)"],
    ["-a[1]^2 * b[c + 1 : d][:, 2]", "((-(a[1] ^ 2)) * b[c + 1:d][:, 2])"],
    ['f(x, "a b", w = "c") + 1', '(f(x, "a b", w = "c") + 1)'],
    ["f(x)[H:] - (a + b)[:2]", "(f(x)[H:] - (a + b)[:2])"],
    ["a or b and not c < d + 1", "(a or (b and (not (c < (d + 1)))))"],
    ["a and b and c or d", "(((a and b) and c) or d)"],
    ["not not a", "(not (not a))"],
    ["not (a or b) and c", "((not (a or b)) and c)"],
    ["and(a, b > 0) * or(c, d, e)", "((a and (b > 0)) * ((c or d) or e))"],
    ["a * not(b)", "(a * (not b))"],
    ["-not(b)", "(-(not b))"],
    ["nota + or1 * and_", "(nota + (or1 * and_))"],
  ])("reads %s as %s", (text, expected) => {
    expect(grouped(text)).toBe(expected);
  });

  test("gives every node the place it was read from", () => {
    const text = "cell a(D) {\n  h' = tanh( 4H ) // c\n}";
    const [cell] = parsed(text).declarations;
    const let_ = cell.kind === "cell" ? cell.body[0] : undefined;
    if (let_?.kind !== "let" || let_.value.kind !== "call") throw new Error("not read as an equation");
    const at = (s: { start: number; end: number }) => text.slice(s.start, s.end);
    expect(at(cell.span)).toBe(text);
    expect(at(let_.span)).toBe("h' = tanh( 4H )");
    expect(at(let_.names[0].span)).toBe("h'");
    expect(at(let_.value.args[0].value.span)).toBe("4H");
  });

  test("ends statements at line ends and semicolons, but not in brackets or after an operator", () => {
    const text = `fn f(x) {
      a = f(
        x
      ,
        2
      )
      b = a +

        1; c =
          2
      d, e,
        g = split(a, 3)
      -a
    }`;
    const [fn] = parsed(text).declarations;
    expect(fn.body.map((s) => s.kind === "let" && s.names.map((n) => n.text).join())).toEqual(["a", "b", "c", "d,e,g"]);
  });

  test("reads a header whose brace is on the next line", () => {
    expect(parsed("cell a(\n  D,\n  H = 2\n)\n{\n}").declarations).toHaveLength(1);
  });

  test("reads a scan's name, first states and direction in this order", () => {
    const { file, diagnostics } = parse(
      "model m(D) {\n as = scan a(D) as as over x, y from h = last(z), c = 0 reverse\n z = f(scan a over x reverse from h = as, enc.Wh)\n}",
      "m.cell",
    );
    expect(diagnostics).toEqual([]);
    const [first, second] = file.declarations[0].body.map((s) => (s.kind === "let" ? printExpr(s.value) : ""));
    expect(first).toBe("scan a(D) as as over x, y from h = last(z), c = 0 reverse");
    expect(second).toBe("f(scan a over x from h = as reverse, enc.Wh)");
  });

  test("reads where a scan begins anew, in any order of the parts after `over`", () => {
    const body = "reset = scan a over x, reset reset reset > 0 reverse from h = 0, c = reset";
    const { file, diagnostics } = parse(
      `model m(D) {\n ${body}\n z = f(scan a over x from h = 0 reset y, 1)\n}`,
      "m.cell",
    );
    expect(diagnostics.map((d) => d.message)).toEqual([]);
    const [first, second] = file.declarations[0].body.map((s) => (s.kind === "let" ? printExpr(s.value) : ""));
    expect(first).toBe("scan a over x, reset reset reset > 0 from h = 0, c = reset reverse");
    expect(second).toBe("f(scan a over x reset y from h = 0, 1)");
  });

  test("reports a part of a scan that stands there twice", () => {
    const body = "hs = scan a over x reset y from h = 0 reverse reset z from c = 0 reverse";
    const { diagnostics } = parse(`model m(D) {\n ${body}\n}`, "m.cell");
    expect(diagnostics.map(({ code, message, help }) => [code, message, help])).toEqual([
      ["C0110", "`reset` stands here twice", "remove one"],
      ["C0110", "`from` stands here twice", "separate first states by commas: from h = a, c = b"],
      ["C0110", "`reverse` stands here twice", "remove one"],
    ]);
  });

  test("gives all sequences after `over` to the scan, except among arguments", () => {
    const [model] = parsed(
      "model m(D) {\n hs = scan a(D) over x, y reverse\n z = f(scan a(D) over x, y)\n}",
    ).declarations;
    const [first, second] = model.body.map((s) => s.kind === "let" && s.value);
    expect(first && first.kind === "scan" && [first.over.length, first.reverse]).toEqual([2, true]);
    expect(second && second.kind === "call" && second.args.length).toBe(2);
  });

  test("lets the words of axes and of index inputs be names", () => {
    parsed("fn f(batch, time, feature, last, index, none) {\n  last = batch + time\n  last\n}");
  });

  test("reads a program that was read and one that was written as the same tree", () => {
    fc.assert(
      fc.property(program, (tree) => {
        expect(withoutSpans(parsed(write(tree)))).toEqual(withoutSpans(tree));
      }),
      { numRuns: 100 },
    );
  });
});

describe("recovery", () => {
  const bad = readdirSync("test/syntax/samples").filter((n) => n.endsWith(".bad.cell"));
  test.each(bad)("every mistake in %s is reported on its line, and no other", (name) => {
    const text = readFileSync(`test/syntax/samples/${name}`, "utf8");
    const expected = text.split("\n").flatMap((line, i) => {
      const codes = line.split("//!")[1]?.trim().split(" ") ?? [];
      return codes.map((code) => `${i + 1}: ${code}`);
    });
    const found = parse(text, name).diagnostics.map(
      (d) => `${text.slice(0, d.span.start).split("\n").length}: ${d.code}`,
    );
    expect(found).toEqual(expected);
  });

  test("a statement that cannot be read does not take its neighbours with it", () => {
    const text = readFileSync("test/syntax/samples/mistakes.bad.cell", "utf8");
    const { file } = parse(text, "mistakes.cell");
    const names = file.declarations.flatMap((d) => d.body.flatMap((s) => (s.kind === "let" ? s.names : [])));
    const read = names.map((n) => n.text);
    for (const name of ["fine1", "fine2", "fine3", "aa", "cc", "fine5"]) expect(read).toContain(name);
    for (const name of ["q", "k", "o", "bb", "n", "z"]) expect(read).not.toContain(name);
    expect(file.declarations.map((d) => d.name.text)).toEqual(["a", "n", "g", "h", "d", "last"]);
  });

  const spansHold = (text: string): void => {
    for (const d of parse(text, "a.cell").diagnostics) {
      expect(Object.keys(catalogue)).toContain(d.code);
      expect(d.span.start).toBeGreaterThanOrEqual(0);
      expect(d.span.end).toBeGreaterThanOrEqual(d.span.start);
      expect(d.span.end).toBeLessThanOrEqual(text.length);
    }
  };

  test("no text makes it throw", () => {
    const words = allTokens.flatMap((t) => (typeof t.PATTERN === "string" ? [t.PATTERN] : []));
    const soup = fc.array(fc.constantFrom(...words, " ", "\n", "a ", "b'", "4", "4H", ".5", '"', "'", "/*", "//", "$"));
    fc.assert(
      fc.property(
        soup.map((all) => all.join("")),
        spansHold,
      ),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(
        soup.map((all) => `cell a(D) {\n${all.join(" ")}\n}`),
        spansHold,
      ),
      { numRuns: 1000 },
    );
    fc.assert(fc.property(fc.string({ unit: "binary" }), spansHold), { numRuns: 300 });
  });

  test.each([
    "(",
    "[",
    "-",
    "{",
    "}",
    "2^",
    "a+",
    "f(",
    "f(scan a over ",
    "scan a as b over c from d = ",
    "a.b.",
    "import {",
    "cell a(D) {",
    "(((^",
  ])("endless repetition of `%s` is refused, not followed", (piece) => {
    for (const head of ["", "fn f(x) {\n y = "]) {
      const { diagnostics } = parse(head + piece.repeat(20_000), "a.cell");
      expect(diagnostics.length).toBeGreaterThan(0);
    }
  });
});
