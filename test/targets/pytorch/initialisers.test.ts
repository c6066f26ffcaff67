/** `reset_parameters` of a printed module draws from the distributions of `runtime/initialise.ts`, and computes what it computes. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, it } from "vitest";
import { moduleForm } from "../../../compiler/module-form.ts";
import { initialise } from "../../../runtime/initialise.ts";
import { keyOf } from "../../../runtime/random.ts";
import { pytorchModule } from "../../../targets/pytorch/module.ts";
import { compile } from "../../semantics/sources.ts";
import { runPython } from "./python.ts";

/** By the name of the parameter: its shape and its initial value. */
const declared = {
  zero: ["[n]", "0"],
  one: ["[n]", "1"],
  number: ["[n, k]", "-2.5"],
  scalar: ["[]", "0.25"],
  u: ["[n, n]", "uniform(0.5)"],
  u2: ["[n, n]", "uniform(-0.25, 1)"],
  nor: ["[n, n]", "normal(0.3)"],
  nor2: ["[n, n]", "normal(1, 0.5)"],
  xa: ["[n, k]", "xavier"],
  xag: ["[n, k]", "xavier(gain = 3)"],
  ka: ["[n, k]", "kaiming"],
  wide: ["[k, n]", "orthogonal"],
  tall: ["[n, k]", "orthogonal(gain = 2)"],
  id: ["[k, 3k]", "identity(0.5)"],
  idt: ["[n, k]", "identity"],
  bl: ["[4k]", "blocks(1, 0, 0.5, -1)"],
  bl2: ["[n, 2n]", "blocks(orthogonal, blocks(0, uniform(0.1)))"],
  li: ["[2, 3]", "[[1, 2, 3.5], [-1, 0, 1]]"],
  li2: ["[n, 3]", "[1, 2, 3]"],
  ra: ["[n]", "range"],
  ra2: ["[n, k]", "range(1, 0.5)"],
  ro: ["[n, k]", "rows"],
  co: ["[n, k]", "tall"],
  fo: ["[n, k]", "where(rows < range, cos(range), exp(-rows)) + 2 * tall"],
  fo2: ["[n, n]", "1 + 2 * abs(normal(0.3)) + uniform(0.1)"],
  fo3: ["[k, n]", "0.5 * orthogonal"],
  fo4: ["[n]", "sqrt(1 + range) * unread"],
  fo5: ["[n]", "max(range / 7, 3) - log1p(range)"],
} as const;

const [n, k] = [60, 12];

const names = Object.keys(declared) as (keyof typeof declared)[];

const text = `cell c(n = ${n}, k = ${k}) {
  const unread : [n] = range(2, 3)
  ${names.map((name) => `param ${name} : ${declared[name][0]} = ${declared[name][1]}`).join("\n  ")}
  input x : []
  state h : [] = 0
  t = ${names.map((name) => (declared[name][0] === "[]" ? name : `sum(${name}, over feature)`)).join(" + ")}
  site w = x * t
  h' = h + w
  output h'
}
`;

const SCRIPT = `
import importlib.util, json, sys, torch
spec = importlib.util.spec_from_file_location("printed", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
torch.manual_seed(1)
net = module.C()
made = {name: p.detach().double().reshape(-1).tolist() for name, p in net.named_parameters()}
print(json.dumps({"made": made, "shapes": {name: list(p.shape) for name, p in net.named_parameters()}}))
`;

/** The mean, the deviation, the smallest and the largest number. */
function moments(values: ArrayLike<number>): readonly number[] {
  const all = Array.from(values);
  const mean = all.reduce((a, b) => a + b, 0) / all.length;
  const deviation = Math.sqrt(all.reduce((a, b) => a + (b - mean) ** 2, 0) / all.length);
  return [mean, deviation, Math.min(...all), Math.max(...all)];
}

const isDrawn = (init: string): boolean => /uniform|normal|xavier|kaiming|orthogonal|tall/.test(init);

/** Products of the rows, or of the columns, whichever are fewer. */
function gram(values: readonly number[], columns: number): readonly (readonly number[])[] {
  const rows = values.length / columns;
  const [count, length] = rows < columns ? [rows, columns] : [columns, rows];
  const at = (i: number, j: number): number => (rows < columns ? values[i * columns + j] : values[j * columns + i]);
  return Array.from({ length: count }, (_, a) =>
    Array.from({ length: count }, (_, b) =>
      Array.from({ length }, (_, j) => at(a, j) * at(b, j)).reduce((x, y) => x + y, 0),
    ),
  );
}

it("what is drawn has the runtime's distribution, and what is computed its numbers", () => {
  const { graph, dims } = compile(text, { entry: "c" });
  const form = moduleForm(graph);
  const printed = pytorchModule(form, { about: [], source: "", dims, steps: 3, momentum: 0.1, isCell: true });
  const folder = mkdtempSync(join(inject("scratch"), "initial-"));
  writeFileSync(join(folder, "printed.py"), printed.text);
  writeFileSync(join(folder, "run.py"), SCRIPT);
  const { made, shapes } = JSON.parse(runPython([join(folder, "run.py"), join(folder, "printed.py")])) as {
    made: Readonly<Record<string, readonly number[]>>;
    shapes: Readonly<Record<string, readonly number[]>>;
  };
  const first = (name: string): Float32Array => {
    const { leaf } = form.declared.find(({ attrs }) => attrs.leaf.name === name)!.attrs;
    if (leaf.kind !== "param") throw new Error(`${name} is no parameter`);
    return initialise(leaf.init, shapes[pathOf(name)] ?? [n], keyOf(3, name), first);
  };
  const pathOf = (name: string): string => printed.paths.get(name)?.join(".") ?? "";
  for (const name of names) {
    const own = made[pathOf(name)];
    const truth = first(name);
    expect(own.length, name).toBe(truth.length);
    if (!isDrawn(declared[name][1])) {
      const worst = Math.max(...own.map((x, i) => Math.abs(x - truth[i]) / Math.max(1, Math.abs(x))));
      expect(worst, name).toBeLessThan(1e-6);
      continue;
    }
    const [mean, deviation, least, most] = moments(own);
    const [mean2, deviation2, least2, most2] = moments(truth);
    // Of N numbers, a mean is off by some σ/√N.
    const unsure = 6 * deviation2 * Math.sqrt(2 / own.length);
    expect(Math.abs(mean - mean2), `${name}: mean`).toBeLessThan(unsure);
    expect(Math.abs(deviation - deviation2), `${name}: deviation`).toBeLessThan(unsure);
    if (!/^(uniform|xavier)/.test(declared[name][1]) || own.length < 1000) continue;
    expect(Math.abs(least - least2), `${name}: least`).toBeLessThan(0.1 * deviation2);
    expect(Math.abs(most - most2), `${name}: most`).toBeLessThan(0.1 * deviation2);
  }
  for (const [name, gain, columns] of [
    ["wide", 1, n],
    ["tall", 2, k],
    ["fo3", 0.5, n],
  ] as const)
    for (const [a, row] of gram(made[pathOf(name)], columns).entries()) {
      const worst = Math.max(...row.map((x, b) => Math.abs(x - (a === b ? gain ** 2 : 0))));
      expect(worst, name).toBeLessThan(1e-5);
    }
  // What is made of a parameter is made of the value that it has.
  expect(made[pathOf("co")]).toEqual(made[pathOf("tall")]);
});

it("the length of a weight's columns is that of the weight as it begins", () => {
  const norm = compile(`cell c(D = 5, H = 4) {
  param W : [D, H] = normal(1)
  input x : [D]
  state h : [H] = 0
  h' = tanh(x @ W) + 0 * h
  output h'
  place W : weight(gamma = lengths)
}
`);
  const about = { about: [], source: "", dims: norm.dims, steps: 3, momentum: 0.1, isCell: true };
  const { text: file } = pytorchModule(moduleForm(norm.graph), about);
  expect(file).toContain("self.W_norm.g.copy_(self.W.reshape(-1, self.W.shape[-1]).norm(dim=0))");
});
