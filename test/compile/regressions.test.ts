import { describe, expect, it } from "vitest";
import { Builder } from "../../compiler/ir/builder.ts";
import type { Graph, Leaf, Result, Value } from "../../compiler/ir/types.ts";
import { type } from "../ir/op-samples.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

/** Graphs that once came out wrong, each with what was wrong. */
class Made {
  readonly b = new Builder();
  private readonly results: Result[] = [];

  param = (name: string, of: string): Value =>
    this.leaf({ kind: "param", name, init: { kind: "constant", value: 0 } }, of);
  input = (name: string, of: string): Value => this.leaf({ kind: "input", name }, of);
  index = (name: string, of: string): Value => this.leaf({ kind: "index", name, size: "D" }, `index ${of}`);

  private leaf(leaf: Leaf, of: string): Value {
    return this.b.one("leaf", [], { leaf, type: type(of) }, leaf.name);
  }

  output(name: string, value: Value): void {
    this.results.push({ kind: "output", name, value });
  }

  /** The sum of `v` as the loss. */
  graph(v: Value): Graph {
    const { time, batch, shape } = v.type;
    const value = this.b.sum(v, { time, batch, features: [...shape.keys()] });
    this.results.push({ kind: "loss", name: "loss", value });
    return { name: "made", ops: this.b.ops, results: this.results, norms: new Map() };
  }
}

const cases: Readonly<Record<string, (m: Made) => Graph>> = {
  "a sum over an axis of one element is that element": (m) => {
    const p = m.param("p", "1");
    const sum = m.b.sum(m.b.mul(p, m.param("q", "1")), { features: [0] });
    return m.graph(m.b.add(sum, m.b.sum(m.input("x", "batch 1 D"), { batch: true, features: [0, 1] })));
  },
  "numbers looked up side by side have an index each": (m) => {
    const rows = m.b.one("gather", [m.param("table", "D"), m.index("i", "batch H")], {});
    m.output("rows", rows);
    return m.graph(m.b.square(rows));
  },
  "what is looked up in a sum's loop is not read before it": (m) => {
    const rows = m.b.one("gather", [m.param("table", "D 1"), m.index("i", "time batch")], {});
    const mean = m.b.sum(m.b.square(rows), { time: true });
    return m.graph(m.b.mul(mean, m.input("w", "batch 1")));
  },
  "a kernel may fold more than workgroup memory has room for at once": (m) => {
    const x = m.input("x", "batch H");
    const folds = Array.from({ length: 40 }, (_, k) => {
      const scaled = m.b.elementwise("sin", [m.b.mul(x, m.b.scalar(1 + k / 10))]);
      return m.b.sum(scaled, { batch: true, features: [0] });
    });
    for (const [k, v] of folds.entries()) m.output(`y${k}`, v);
    return m.graph(folds.reduce((a, c) => m.b.add(a, m.b.square(c))));
  },
  "a product counts only examples and steps that it has": (m) => {
    const y = m.b.dot(m.input("x", "batch H"), m.param("W", "H D"), { a: "k", b: "kn", out: "n", time: true });
    m.output("y", y);
    return m.graph(m.b.square(y));
  },
  "a loss without parameters has gradients of inputs": (m) => m.graph(m.b.square(m.input("x", "time batch H"))),
};

/** Cells that once came out wrong, likewise. */
const cells: Readonly<Record<string, string>> = {
  "a statistic is overwritten last, also where what else reads it ends in results and no loop": `
cell c(D = 5, H = 9) {
  param W : [D, H] = xavier
  input x : [D]
  state h : [H] = 0
  site xh = x @ W
  place xh : batch_renorm(r_max = 2, d_max = 1)
  site n = tanh(xh)
  place n : batch_renorm(r_max = 2, d_max = 1)
  h' = tanh(n)
  output h'
}`,
};

const graphs: readonly (readonly [string, () => Graph])[] = [
  ...Object.entries(cases).map(([name, make]) => [name, () => make(new Made())] as const),
  ...Object.entries(cells).map(([name, text]) => [name, () => compile(text).graph] as const),
];

describe.each(Object.values(places))("on $name", (place) => {
  const backend = opened(place);

  it.each(graphs)("%s", async (_, make) => {
    const study = new Study(make(), { dims: { H: 9, D: 5 }, batch: 3, time: 4 });
    expect(study.differenceError()).toBeLessThan(tolerance.differences);
    const errors = await study.targetErrors(place.target, backend(), ["train"]);
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});
