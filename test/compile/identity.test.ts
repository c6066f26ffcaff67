/** Which models are the same: every edit of meaning tells two apart, and nothing else does. */

import { readFileSync } from "node:fs";
import { describe, expect, it, test } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { compile } from "../../compiler/compile.ts";
import { CompileError } from "../../compiler/diagnostics/diagnostic.ts";
import { hash } from "../../compiler/hash.ts";
import { identityOf } from "../../compiler/model-identity.ts";
import type { CompileOptions } from "../../compiler/options.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import { parsePlacements } from "../../compiler/semantics/placements.ts";
import type { Target } from "../../compiler/target.ts";
import { differencesOf } from "../../runtime/identity.ts";
import type { Identity } from "../../runtime/plan.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { wgsl } from "../../targets/wgsl/target.ts";
import { examplesIn } from "./examples.ts";

const cells = examplesIn("examples/cells", "cell").map((at) => ({ ...at, text: readFileSync(at.path, "utf8") }));

type Cell = (typeof cells)[number];

interface Asked {
  readonly entry?: string;
  readonly place?: string;
  readonly dims?: Readonly<Record<string, number>>;
}

/** The identity of what `text` says, as if it stood at `path`. */
function identity(path: string, text: string, { place, ...asked }: Asked = {}): Identity {
  const host = { ...fileHost, read: (file: string) => (file === path ? text : fileHost.read(file)) };
  const options = { ...asked, place: place === undefined ? [] : parsePlacements(place) };
  const { graph, dims, sites, parameters } = elaborate(path, host, options);
  return identityOf(graph, dims, [], [...sites, ...parameters]);
}

/** The same, or undefined for a text that means nothing. */
function identityIfAny({ path, entry }: Cell, text: string): Identity | undefined {
  try {
    return identity(path, text, { entry });
  } catch (error) {
    if (error instanceof CompileError) return undefined;
    throw error;
  }
}

/** A cell's body, after its head. */
function bodyOf({ text, entry }: Cell): { readonly from: number; readonly to: number } {
  const from = text.indexOf("{", text.search(new RegExp(`^cell ${entry}\\b`, "m"))) + 1;
  return { from, to: text.indexOf("\n}", from) };
}

/** The text with `body` for the cell's body. */
function withBody(cell: Cell, edit: (body: string) => string): string {
  const { from, to } = bodyOf(cell);
  return cell.text.slice(0, from) + edit(cell.text.slice(from, to)) + cell.text.slice(to);
}

/** A line that names a value: its names, and what it reads. */
const EQUATION = /^( *)(?:site )?([\w, ]+) = (.*)$/;
const isEquation = (line: string): boolean => EQUATION.test(line) && !/^ *(param|input|state) /.test(line);
const isStep = (line: string): boolean => isEquation(line) || /^ *\w+' = |^ *output /.test(line);

/** The texts with one match of `pattern` replaced, in one line that `where` accepts. */
function edits(cell: Cell, where: (line: string) => boolean, pattern: RegExp, by: (match: string) => string): string[] {
  const { from, to } = bodyOf(cell);
  const lines = cell.text.slice(from, to).split("\n");
  return lines.flatMap((line, at) => {
    const code = line.split("//")[0];
    if (!where(code)) return [];
    return [...code.matchAll(pattern)].map(({ 0: match, index }) => {
      const edited = code.slice(0, index) + by(match) + code.slice(index + match.length);
      return withBody(cell, () => lines.with(at, edited).join("\n"));
    });
  });
}

const isState = (line: string): boolean => /^ *state /.test(line);
const other: Readonly<Record<string, string>> = {
  sigmoid: "tanh",
  tanh: "sigmoid",
  relu: "softplus",
  softplus: "relu",
};

/** Edits of meaning: some text of each kind is in some cell. */
const kinds: Readonly<Record<string, (cell: Cell) => readonly string[]>> = {
  "two parts of a split swapped": (cell) =>
    edits(cell, isEquation, /^ *\w+, \w+/g, (names) => names.replace(/(\w+), (\w+)/, "$2, $1")),
  "another function": (cell) => edits(cell, isStep, /\b(sigmoid|tanh|relu|softplus)(?=\()/g, (name) => other[name]),
  "a difference for a sum": (cell) => edits(cell, isStep, / \+ /g, () => " - "),
  "a sum for a product": (cell) => edits(cell, isStep, / \* /g, () => " + "),
  "another constant": (cell) => edits(cell, isStep, /\b\d+(\.\d+)?\b/g, (number) => `${Number(number) + 0.5}`),
  "another first state": (cell) => edits(cell, isState, /= \d+/g, () => "= 0.25"),
  "a first state of noise": (cell) => edits(cell, isState, /= \d+/g, () => "= noise(0.1)"),
  "an output of the step before": (cell) =>
    edits(
      cell,
      (line) => /^ *output \w+'$/.test(line),
      /'$/g,
      () => "",
    ),
};

describe.each(Object.entries(kinds))("%s", (_, edited) => {
  it("tells every cell from what it was, and names an equation", () => {
    let tried = 0;
    for (const cell of cells) {
      const before = identity(cell.path, cell.text, { entry: cell.entry });
      for (const text of edited(cell)) {
        const after = identityIfAny(cell, text);
        if (after === undefined) continue;
        tried++;
        expect(after.fingerprint, text).not.toBe(before.fingerprint);
        const named = differencesOf(before, after, "loss");
        expect(named.join("; "), text).toMatch(/`\w+`/);
      }
    }
    expect(tried).toBeGreaterThan(5);
  });
});

test("hashes of a hundred thousand texts that are alike all differ, in each half", () => {
  const hashes = Array.from({ length: 100_000 }, (_, i) => hash(`add {} ${i.toString(16).padStart(16, "0")}`));
  expect(new Set(hashes).size).toBe(hashes.length);
  // Of as many random numbers of 32 bits one or two pairs are the same.
  for (const half of [hashes.map((h) => h.slice(0, 8)), hashes.map((h) => h.slice(8))])
    expect(hashes.length - new Set(half).size).toBeLessThan(20);
});

/** Other ways to write the same cell. */
const rewritings: Readonly<Record<string, (body: string) => string>> = {
  "comments and empty lines": (body) => body.replaceAll("\n", "  // said otherwise\n\n"),
  "other spaces": (body) => body.replaceAll(/(?<=\S) (?=[*+-] )/g, "   "),
  "other names of intermediate values": (body) => {
    const lines = body.split("\n").filter((line) => isEquation(line) && !/^ *(?:site|dim) /.test(line));
    // An output's name is not the cell's own.
    const outputs: readonly string[] = (/^ *output (.*)$/m.exec(body)?.[1] ?? "").split(", ");
    const names = lines.flatMap((line) => EQUATION.exec(line)![2].split(", ")).filter((n) => !outputs.includes(n));
    return names.reduce(
      (text, name) => text.replaceAll(new RegExp(`\\b${name}\\b(?!')`, "g"), `${name}_renamed`),
      body,
    );
  },
  "independent equations in another order": (body) => {
    const lines = body.split("\n").map((line) => line.split("//")[0]);
    const words = (text: string): readonly string[] => text.match(/\w+/g) ?? [];
    for (const [at, line] of lines.entries()) {
      const [first, second] = [line, lines[at + 1] ?? ""];
      if (!isEquation(first) || !isEquation(second)) continue;
      const made = (text: string): readonly string[] => words(EQUATION.exec(text)![2]);
      const apart = (a: string, b: string): boolean => !made(a).some((name) => words(b).includes(name));
      if (apart(first, second) && apart(second, first)) lines.splice(at, 2, second, first);
    }
    return lines.join("\n");
  },
  "a site without a norm": (body) => body.replace(/^( *)(\w+) = (?!split)/m, "$1site $2 = "),
  "sums and products the other way round": (body) =>
    body.replaceAll(/sigmoid\((\w+)\) \* (\w+)\b(?![('])/g, "$2 * sigmoid($1)"),
  "parameters that begin otherwise": (body) => body.replaceAll(/= orthogonal/g, "= xavier"),
};

describe.each(Object.entries(rewritings))("%s", (_, rewrite) => {
  it("leave every cell what it was", () => {
    let changed = 0;
    for (const cell of cells) {
      const text = withBody(cell, rewrite);
      if (text === cell.text) continue;
      changed++;
      const before = identity(cell.path, cell.text, { entry: cell.entry });
      const after = identity(cell.path, text, { entry: cell.entry });
      expect(after.fingerprint, text).toBe(before.fingerprint);
      expect(after.measures, text).toEqual(before.measures);
    }
    expect(changed).toBeGreaterThan(3);
  });
});

describe("norms", () => {
  const lstm = cells.find(({ entry }) => entry === "lstm")!;
  const placed = (place: string): Identity => identity(lstm.path, lstm.text, { dims: { H: 16 }, place });

  it("of other kinds, arguments and sites are all distinguished", () => {
    const all = [
      "hh=none",
      "hh=group(4)",
      "hh=group(2)",
      "hh=group(4, eps = 1e-6)",
      "hh=group(4, beta = none)",
      "hh=instance(4)",
      "hh=layer",
      "hh=rms",
      "hh=cosine",
      "xh=layer",
      "cc=layer",
      "hh=batch",
      "hh=batch(eps = 1e-3)",
      "hh=batch(stats = shared)",
      "hh=batch(stats = per_step(10))",
      "hh=batch_renorm",
      "hh=batch_renorm(r_max = 2)",
      "hh=batch_renorm(d_max = ramp(0, 5, 5000, 30000))",
      "xh=batch",
      "xh=sequence",
      "Wh=weight",
      "Wh=weight(eps = 1e-3)",
    ].map((place) => placed(place).fingerprint);
    expect(new Set(all).size).toBe(all.length);
  });

  it("are the same however their arguments are written, and whatever their parameters begin with", () => {
    const { fingerprint } = placed("hh=group(4)");
    for (const same of ["hh=group", "hh = group( k = 4,eps = 0.00001 )", "hh=group(k=H/4)", "hh=group(4, gamma = 0.1)"])
      expect(placed(same).fingerprint).toBe(fingerprint);
  });

  it("are named with their policy", () => {
    const named = (there: string, here: string): string =>
      differencesOf(placed(there), placed(here), "loss").join("; ");
    expect(named("hh=group(4)", "hh=group(2)")).toBe(
      "`hh` has group(k = 4, gamma = 1, beta = 0, eps = 1e-5) in it, group(k = 2, gamma = 1, beta = 0, eps = 1e-5) here",
    );
    expect(named("hh=layer", "hh=none")).toBe("`hh` has layer(gamma = 1, beta = 0, eps = 1e-5) in it, no norm here");
  });
});

describe("a model", () => {
  const text = readFileSync("examples/smnist.cell", "utf8");
  const model = (edit: (text: string) => string = (t) => t): Identity => identity("examples/smnist.cell", edit(text));

  it("is another with another cell, and its loss is distinguished from its outputs", () => {
    const before = model();
    const deeper = model((t) => t.replace("noise(0.1)", "0"));
    expect(differencesOf(before, deeper, "loss").join()).toContain("state `h` before the first step");
    const loss = model((t) => t.replace("loss cross_entropy(logits, y)", "loss cross_entropy(2 * logits, y)"));
    expect(loss.fingerprint).toBe(before.fingerprint);
    expect(differencesOf(before, loss, "loss")).toEqual(["the equation of the loss differs"]);
    const untrained = model((t) => t.replace("loss cross_entropy(logits, y)", ""));
    expect(differencesOf(before, untrained, "loss")).toEqual([]);
    expect(differencesOf(untrained, before, "loss")).toEqual(["it has no loss"]);
  });

  it("is the same with other metrics, but does not stand in for one whose metrics differ", () => {
    const other = model((t) => t.replace("correct(logits, y)", "correct(-logits, y)"));
    expect(differencesOf(model(), other, "loss")).toEqual([]);
    expect(differencesOf(model(), other, "all")).toEqual(["the equation of metric `accuracy` differs"]);
  });

  it("is another that runs the other way, or in two layers that are swapped", () => {
    const two = (cell: (a: string, b: string) => string): Identity =>
      identity(
        "two.cell",
        `cell a(D, H) { param W : [D, H] = 0  input x : [D]  state h : [H] = 0  h' = tanh(h + x @ W)  output h' }
         cell b(D, H) { param W : [D, H] = 0  input x : [D]  state h : [H] = 0  h' = sin(h + x @ W)   output h' }
         model m(D = 4) { input x : [D] over time  ${cell("a", "b")}  output y  loss mse(y, y) }`.replaceAll(
          "  ",
          "\n",
        ),
      );
    const forward = two((a, b) => `u = scan ${a}(D, D) over x  y = scan ${b}(D, D) over u`);
    const backward = two((a, b) => `u = scan ${a}(D, D) over x  y = scan ${b}(D, D) over u reverse`);
    const swapped = two((a, b) => `u = scan ${b}(D, D) over x  y = scan ${a}(D, D) over u`);
    expect(new Set([forward, backward, swapped].map(({ fingerprint }) => fingerprint)).size).toBe(3);
    expect(differencesOf(forward, backward, "loss").join()).toContain("scan 2 runs forward in it, reverse here");
    expect(differencesOf(forward, swapped, "loss").join()).toContain("state `h of scan 2`");
  });

  it("does not depend on the order in which parameters and states are declared", () => {
    const lstm = cells.find(({ entry }) => entry === "lstm")!;
    const reordered = lstm.text
      .replace(/( *state h.*\n)( *state c.*\n)/, "$2$1")
      .replace(/( *param Wx.*\n)( *param Wh.*\n)/, "$2$1");
    expect(reordered).not.toBe(lstm.text);
    const compiled = (source: string): string => {
      const host = { ...fileHost, read: () => source };
      return compile(lstm.path, { dims: { H: 8 }, entries: ["infer"] }, wasm, host).executable.plan.fingerprint;
    };
    expect(compiled(reordered)).toBe(compiled(lstm.text));
  });
});

describe("states that begin alike", () => {
  /** What comes out is what came in some steps ago: a state a step. */
  const delay = (
    steps: number,
    order: (numbers: number[]) => number[] = (numbers) => numbers,
    last = steps,
  ): string => {
    const numbers = order(Array.from({ length: steps }, (_, i) => i + 1));
    const states = numbers.map((n) => `  state s${n} : [D] = 0\n`).join("");
    const next = numbers.map((n) => `  s${n}' = ${n === 1 ? "x" : `s${n - 1}`}\n`).join("");
    return identity("d.cell", `cell delay(D = 2) {\n  input x : [D]\n${states}${next}  output s${last}\n}\n`)
      .fingerprint;
  };

  it("are distinguished by their uses, in any order of declaration", () => {
    const lengths = Array.from({ length: 12 }, (_, i) => delay(i + 1));
    const taps = Array.from({ length: 11 }, (_, i) => delay(12, (numbers) => numbers, i + 1));
    expect(new Set([...lengths, ...taps]).size).toBe(23);
    expect(delay(12, (numbers) => numbers.reverse())).toBe(delay(12));
  });

  it("and stay alike are one to those that read them", () => {
    const two = (read: string): string =>
      identity(
        "t.cell",
        `cell twins(D = 2) {\n  input x : [D]\n  state a : [D] = 0\n  state b : [D] = 0\n  a' = a + x\n  b' = b + x\n  output ${read}\n}\n`,
      ).fingerprint;
    expect(two("a * b")).toBe(two("b * b"));
    expect(two("a * b")).not.toBe(two("a + b"));
  });
});

describe("what is compiled of a model", () => {
  const path = "examples/cells/bnlstm.cell";
  const dims = { D: 2, H: 8 };
  const made = (options: CompileOptions, target: Target = wasm): Identity => {
    const { fingerprint, measures, equations } = compile(
      path,
      { dims, entries: ["infer"], ...options },
      target,
      fileHost,
    ).executable.plan;
    return { fingerprint, measures, equations };
  };

  it("is the same model with every option that keeps its meaning", () => {
    const all: readonly CompileOptions[] = [
      { batch: 3 },
      { time: 7 },
      { entries: ["train", "estimate", "infer", "update"] },
      { entries: ["start", "step"] },
      { ragged: true },
      { memory: 1e9 },
      { loops: { forward: "whole" } },
      { parts: 1 },
      { optimizer: "sgd" },
      { inputGradients: true },
    ];
    const whole = made({});
    for (const options of all) expect(made(options), JSON.stringify(options)).toEqual(whole);
    expect(made({}, wgsl)).toEqual(whole);
    expect(made({ storage: "f16" }, wgsl)).toEqual(whole);
  });

  it("is another with other dimensions", () => {
    expect(made({ dims: { D: 2, H: 12 } }).fingerprint).not.toBe(made({}).fingerprint);
  });
});
