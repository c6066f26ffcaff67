import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { builtins } from "../../compiler/semantics/builtins.ts";
import { prelude } from "../../compiler/semantics/prelude.ts";
import { elsewhere } from "../../compiler/semantics/unknown-functions.ts";
import { parse } from "../../compiler/syntax/parse.ts";
import { cellWith, problemsOf } from "./sources.ts";

const list = "docs/language.md lists all functions under “Builtin functions”; others are written with `fn`";

const helpFor = (call: string): string | undefined => {
  const found = problemsOf(cellWith(`q = ${call}`, "h @ Wh + x @ Wx + q")).filter((d) => d.code === "C0201");
  expect(found).toHaveLength(1);
  return found[0].help;
};

describe("an unknown function", () => {
  it.each([
    // What is nearly right.
    ["tahn(h)", "did you mean `tanh`?"],
    ["sigmiod(h)", "did you mean `sigmoid`?"],
    ["LeakyReLU(h)", "did you mean `leaky_relu`?"],
    ["logSigmoid(h)", "did you mean `log_sigmoid`?"],
    ["hardtanh(h)", "did you mean `hard_tanh`?"],
    // What has another name elsewhere.
    ["sigm(h)", "did you mean `sigmoid`?"],
    ["fabs(h)", "did you mean `abs`?"],
    ["lag(h, 1)", "did you mean `delay`?"],
    ["rand(H)", "did you mean `uniform_noise`?"],
    ["ln(h)", "did you mean `log`?"],
    ["log2(h)", "write `log(x) / log(2)`"],
    ["nll_loss(h, 1)", "did you mean `cross_entropy`?"],
    ["bce(h, 1)", "did you mean `binary_cross_entropy`?"],
    ["cat(h, h)", "did you mean `concat`?"],
    ["concatenate(h, h)", "did you mean `concat`?"],
    ["matmul(h, Wh)", "write `x @ W`"],
    ["arange(H)", "did you mean `range`?"],
    ["zeros_like(h)", "write `0 * x`"],
    ["logical_and(h, h)", "write `a and b`"],
    ["randn(H)", "did you mean `noise`?"],
    ["layer_norm(h)", "norms are placed: `site s = …`, then `place s : layer`"],
    // What is said in another way.
    ["eye(H)", "declare it: `const I : [H, H] = identity`"],
    ["identity(H)", "declare it: `const I : [H, H] = identity`"],
    ["gumbel(1, H)", "write `-log(-log(uniform_noise(0.001, 0.999, [K])))`"],
    ["conv2d(h, Wh)", "write conv(x, W), channels last: x [n, m, c] with W [k, l, c, f]"],
    [
      "max_pool(h, 2)",
      "put neighbours beside each other: a, b = split(reshape(x, [N / 2, 2 * C]), 2), then max(a, b), or (a + b) / 2",
    ],
    ["gammaln(h)", "did you mean `lgamma`?"],
    ["bidirectional(h)", "scan twice, once with `reverse`, and concat(f, b)"],
    // What only looks similar.
    ["fold(h)", list],
    ["cross(h, h)", list],
    ["wibble(h)", list],
    ["constructor(h)", list],
  ])("%s", (call, help) => {
    expect(helpFor(call)).toBe(help);
  });

  it("in a function's body is told the same", () => {
    const [found] = problemsOf(`fn f(x) { fabs(x) }\n${cellWith("q = f(h)", "h @ Wh + x @ Wx + q")}`);
    expect([found.code, found.help]).toEqual(["C0201", "did you mean `abs`?"]);
  });

  it("may be one of the file's own", () => {
    const [found] = problemsOf(`fn gated(x) { x }\n${cellWith("q = gaetd(h)", "h @ Wh + x @ Wx + q")}`);
    expect(found.help).toBe("did you mean `gated`?");
  });

  it("that initialises is told where it may stand", () => {
    const [found] = problemsOf(cellWith("q = uniform(0.1)", "h @ Wh + x @ Wx + q"));
    expect([found.label, found.help]).toEqual([
      "an initialiser, which is only allowed after a parameter's `=`",
      "where a value is needed, write a number, such as 0: it stands for every element",
    ]);
  });
});

describe("a name without brackets", () => {
  it.each([
    ["identity", "declare it: `const I : [H, H] = identity`"],
    ["xavier", "it initialises: declare `const C : [H, H] = xavier`, and write C"],
    ["tanh", "it is a function: tanh(x)"],
  ])("%s says what it is", (name, help) => {
    const [found] = problemsOf(cellWith("", `h @ (Wh + ${name}) + x @ Wx`));
    expect([found.code, found.help]).toEqual(["C0201", help]);
  });
});

describe("an argument of another library", () => {
  it.each([
    ["weight = 2", "weigh the examples: docs/cookbook.md has it under “Class weights”"],
    ["label_smoothing = 0.1", "mix the classes: docs/cookbook.md has it under “Label smoothing”"],
    ["ignore_index = 0", "leave some out: docs/cookbook.md has it under “A mean over what was observed”"],
    [
      "reduction = 0",
      "cross_entropy is of one example and step; a loss is the mean over them, and sum(e, over time) a sum",
    ],
    ["wait = 1", "it is cross_entropy(logits, y)"],
  ])("%s leads to what is written here", (argument, help) => {
    const [found, ...others] = problemsOf(
      `model m(K = 3) {\n  input x : [K]\n  target y : index(K)\n  loss cross_entropy(x, y, ${argument})\n}`,
    );
    expect([found.code, found.help, others]).toEqual(["C0206", help, []]);
    const heading = /“(.*)”/.exec(help)?.[1];
    if (heading !== undefined) expect(readFileSync("docs/cookbook.md", "utf8")).toContain(`### ${heading}\n`);
  });
});

describe("the table of other libraries' names", () => {
  const ours = new Set([
    ...Object.keys(builtins),
    ...prelude().flatMap(({ file }) => file.declarations.map((d) => d.name.text)),
  ]);

  it("leads to functions that exist, and to expressions that can be read", () => {
    for (const to of Object.values(elsewhere)) {
      if (/^\w+$/.test(to)) expect(ours).toContain(to);
      // The labels of a product are text among the arguments.
      else expect(parse(`fn f(a, b, x, W) { ${to.replace(/"[^"]*"/, "1")} }\n`, "f.cell").diagnostics, to).toEqual([]);
    }
  });

  it("has no name that a function has, and none that only differs in how it is written", () => {
    const plain = new Set([...ours].map((name) => name.toLowerCase().replaceAll("_", "")));
    for (const name of Object.keys(elsewhere)) {
      expect(name).toMatch(/^[a-z0-9]+$/);
      expect(plain).not.toContain(name);
    }
  });
});
