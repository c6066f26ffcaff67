import { describe, expect, it } from "vitest";
import { Builder } from "../../compiler/ir/builder.ts";
import * as dim from "../../compiler/ir/dim.ts";
import { type ElementwiseOp, type ElementwiseRow, elementwise } from "../../compiler/ir/elementwise.ts";
import { finiteDifferences, relativeError } from "../../compiler/ir/finite-differences.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import { type StructuralOp, structuralRow } from "../../compiler/ir/ops.ts";
import { structural } from "../../compiler/ir/structural.ts";
import { type Bindings, count, extents } from "../../compiler/ir/tensor.ts";
import { ShapeError, scalar } from "../../compiler/ir/type.ts";
import type { Graph, OpAttrs, Result, Type, Value } from "../../compiler/ir/types.ts";
import { verify } from "../../compiler/ir/verify.ts";
import { sample, uniform } from "./numbers.ts";

/** Finite differences err by some 1e-10; a wrong derivative by about 1. */
const tolerance = 1e-7;

const dims: Bindings = { time: 3, batch: 2, H: 4, D: 3, V: 5 };

/** `"time batch H D"` as a type; a leading `index` makes it one of indices. */
function type(text: string): Type {
  const words = text.split(" ").filter((w) => w !== "");
  const flag = (w: string): boolean => words.includes(w);
  const shape = words.filter((w) => !["index", "time", "batch"].includes(w)).map(dim.parse);
  return { dtype: flag("index") ? "index" : "f32", time: flag("time"), batch: flag("batch"), shape };
}

interface Case {
  readonly types: readonly Type[];
  /** Adds the op and, given the cotangents of its results, those of its operands. */
  apply(b: Builder, x: readonly Value[]): readonly Value[];
  grad(b: Builder, x: readonly Value[], y: readonly Value[], dy: readonly (Value | undefined)[]): Cotangents;
  readonly domain: readonly [number, number];
}

type Cotangents = "zero" | readonly (Value | undefined)[];

/**
 * The graph of loss = Σ y·w over the results that `used` tells, with the row's own derivative of every operand x0, x1, …;
 * operands to which none flows have no `grad`.
 */
function gradientGraph(c: Case, used: (result: number) => boolean): Graph {
  const b = new Builder();
  const leaf = (name: string, t: Type): Value =>
    b.one(
      "leaf",
      [],
      { leaf: t.dtype === "index" ? { kind: "index", name, size: "D" } : { kind: "input", name }, type: t },
      name,
    );
  const x = c.types.map((t, i) => leaf(`x${i}`, t));
  const y = c.apply(b, x);
  const dy = y.map((v, i) => (used(i) ? leaf(`w${i}`, { ...v.type, dtype: "f32" }) : undefined));
  const terms = y.flatMap((v, i) => (dy[i] ? [b.mul(v, dy[i])] : []));
  const all = (v: Value): Value =>
    b.sum(v, { batch: v.type.batch, time: v.type.time, features: [...v.type.shape.keys()] });
  const loss = terms.map(all).reduce(b.add);
  const dx = c.grad(b, x, y, dy);
  const results: Result[] = [{ kind: "loss", name: "loss", value: loss }];
  y.forEach((value, i) => {
    results.push({ kind: "output", name: `y${i}`, value });
  });
  if (dx !== "zero") {
    dx.forEach((d, i) => {
      if (d) results.push({ kind: "grad", name: `x${i}`, value: b.unbroadcast(d, x[i].type) });
    });
  }
  return { name: "check", ops: b.ops, results, norms: new Map() };
}

function numbersOf(graph: Graph, domain: readonly [number, number]): Record<string, Float64Array> {
  const random = uniform(7);
  const leaves: Record<string, Float64Array> = {};
  for (const op of graph.ops) {
    if (op.op !== "leaf") continue;
    const n = count(extents(op.attrs.type, dims));
    leaves[op.attrs.leaf.name] =
      op.attrs.leaf.kind === "index"
        ? sample(n, [0, dims[op.attrs.leaf.size]], random).map(Math.floor)
        : sample(n, op.attrs.leaf.name.startsWith("w") ? [-1, 1] : domain, random);
  }
  return leaves;
}

/** Checks a case's types against its numbers, and its derivative against finite differences. */
function check(c: Case, moves: boolean, used: (result: number) => boolean = () => true): void {
  const graph = gradientGraph(c, used);
  verify(graph);
  const leaves = numbersOf(graph, c.domain);
  const results = interpret(graph, { dims, leaf: (name) => leaves[name] });
  for (const { kind, name, value } of graph.results) {
    const t = results.get(`${kind}:${name}`)!;
    expect(t.type, name).toEqual(value.type);
    expect(t.shape, name).toEqual(extents(value.type, dims));
    expect(t.data.length, name).toBe(count(t.shape));
    expect(t.data.every(Number.isFinite), name).toBe(true);
  }
  c.types.forEach((t, i) => {
    if (t.dtype === "index") {
      expect(results.has(`grad:x${i}`)).toBe(false);
      return;
    }
    const truth = moves ? finiteDifferences(graph, dims, leaves, `x${i}`) : new Float64Array(leaves[`x${i}`].length);
    const found = results.get(`grad:x${i}`)?.data ?? new Float64Array(truth.length);
    expect(relativeError(found, truth), `cotangent of operand ${i}`).toBeLessThan(tolerance);
  });
}

describe("every elementwise op", () => {
  const shapes = {
    1: [["H"], ["batch H D"], ["time batch H"], [""]],
    2: [
      ["H", "H"],
      ["time batch H", "batch H"],
      ["time batch 2H", "2H"],
      ["batch", "time H"],
      ["H 1", "1 D"],
      ["batch H D", "1 D"],
      ["", "time batch D"],
      ["time batch H 1", "1"],
    ],
    3: [
      ["H", "H", "H"],
      ["time batch 1", "batch H", "H"],
      ["", "time H 1", "batch D"],
      ["batch D", "", "time batch"],
    ],
  };
  for (const [op, row] of Object.entries(elementwise) as [ElementwiseOp, ElementwiseRow][]) {
    it(`${op}: has a doc, a meaning and the derivative that finite differences show`, () => {
      expect(row.doc).not.toBe("");
      expect(row.flops).toBeGreaterThan(0);
      for (const texts of shapes[row.arity]) {
        check(
          {
            types: texts.map(type),
            apply: (b, x) => [b.elementwise(op, x)],
            grad: (b, x, [y], [dy]) => (row.grad === "zero" ? "zero" : row.grad(b, { x, y, dy: dy! })),
            domain: row.domain ?? [-1.5, 1.5],
          },
          true,
        );
      }
    });
  }
});

type Samples<K extends StructuralOp> = readonly (readonly [operands: readonly string[], attrs: OpAttrs[K]])[];

const axes = { batch: false, time: false, features: [] as number[], keep: false };
const labels = { batch: false, time: false };

const reductions: Samples<"sum" | "maximum"> = [
  [["H D"], { axes: { ...axes, features: [0] } }],
  [["H D"], { axes: { ...axes, features: [1] } }],
  [["batch H D"], { axes: { ...axes, features: [0, 1] } }],
  [["time batch H D"], { axes: { ...axes, features: [0], keep: true } }],
  [["time batch H"], { axes: { ...axes, batch: true } }],
  [["time batch H"], { axes: { ...axes, time: true } }],
  [["time batch H D"], { axes: { batch: true, time: true, features: [1], keep: true } }],
  [["time batch H D"], { axes: { batch: true, time: true, features: [1], keep: false } }],
  [["time batch H"], { axes: { batch: true, time: true, features: [0], keep: false } }],
  // Asked to run over examples that are not there, a reduction leaves the value alone.
  [["time H"], { axes: { ...axes, batch: true } }],
  [["H 1"], { axes: { ...axes, features: [1] } }],
];

const cases: { readonly [K in StructuralOp]: Samples<K> } = {
  const: [
    [[], { value: 2.5, dims: [] }],
    [[], { value: -1, dims: ["batch", "4H", "time"] }],
  ],
  stop: [[["batch H"], {}]],
  site: [[["time batch H"], { name: "hh" }]],
  stat: [[["H"], { name: "m", policy: { kind: "per_step", steps: "T" } }]],
  sum: reductions,
  maximum: reductions,
  argmax: [
    [["time batch H D"], {}],
    [["D"], {}],
  ],
  dot: [
    [["batch H", "H D"], { ...labels, a: "k", b: "kn", out: "n" }],
    [["time batch H", "D H"], { ...labels, a: "k", b: "nk", out: "n" }],
    [["time batch H D", "time D H"], { ...labels, a: "mk", b: "kn", out: "mn" }],
    [["batch H", "batch D"], { ...labels, a: "m", b: "n", out: "mn" }],
    [["time batch H", "time batch D"], { a: "m", b: "n", out: "nm", batch: true, time: true }],
    [["time batch H", "batch D"], { ...labels, a: "m", b: "n", out: "mn", batch: true }],
    [["time batch H", "H"], { ...labels, a: "k", b: "k", out: "", time: true }],
    [["batch H", "batch H"], { ...labels, a: "k", b: "k", out: "k" }],
    // Axes, examples and steps that one side alone has.
    [["H D", "D"], { ...labels, a: "kn", b: "n", out: "n" }],
    [["time batch H", "H D"], { a: "k", b: "kn", out: "n", batch: true, time: true }],
    [["H", ""], { ...labels, a: "k", b: "", out: "" }],
  ],
  split: [
    [["time batch 4H"], { axis: 0, parts: 4 }],
    [["batch D 2H"], { axis: 1, parts: 2 }],
    [["H D"], { axis: 0, parts: 2 }],
  ],
  concat: [
    [["batch H", "batch H", "batch H"], { axis: 0 }],
    [["batch H", "time D"], { axis: 0 }],
    [["time D H", "batch 1 D"], { axis: 1 }],
    [["H D", "1 D"], { axis: 0 }],
    [["batch H"], { axis: 0 }],
  ],
  cut: [
    [["batch D+2H"], { axis: 0, widths: ["D", "2H"] }],
    [["time batch H+1 D"], { axis: 0, widths: ["1", "H"] }],
  ],
  reshape: [
    [["time batch H D"], { shape: ["D*H"] }],
    [["batch 4H"], { shape: ["4", "H"] }],
    [["H"], { shape: ["1", "H", "1"] }],
    [["1"], { shape: [] }],
  ],
  transpose: [
    [["time batch H D"], { permutation: [1, 0] }],
    [["batch H D V"], { permutation: [2, 0, 1] }],
    [["H"], { permutation: [0] }],
  ],
  broadcast: [
    [["H"], { type: type("time batch H") }],
    [[""], { type: type("batch H D") }],
    [["batch 1 D"], { type: type("batch H D") }],
  ],
  at: [
    [["time batch H"], { step: "first" }],
    [["time"], { step: "last" }],
  ],
  put: [
    [["batch H"], { step: "first" }],
    [[""], { step: "last" }],
  ],
  gather: [
    [["D H", "index time batch"], {}],
    [["D", "index batch H"], {}],
    [["D H V", "index"], {}],
  ],
  scatter: [
    [["index time batch", "time batch H"], { size: "D" }],
    [["index batch H", "batch H V"], { size: "D" }],
    [["index time batch", "batch H"], { size: "D" }],
    [["index batch", "time batch"], { size: "D" }],
  ],
  onehot: [
    [["index time batch"], { size: "D" }],
    [["index batch H"], { size: "V" }],
  ],
};

describe("every structural op", () => {
  it.each(Object.keys(structural) as StructuralOp[])(
    "%s: has a doc, a meaning and the derivative that finite differences show",
    (op) => {
      const row = structuralRow(op);
      expect(row.doc).not.toBe("");
      expect(cases[op].length).toBeGreaterThan(0);
      for (const [texts, attrs] of cases[op]) {
        const c: Case = {
          types: texts.map(type),
          apply: (b, x) => b.emit(op, x, attrs as never),
          grad: (b, x, y, dy) => (row.grad === "zero" ? "zero" : row.grad(b, { x, y, dy, attrs: attrs as never })),
          domain: [-1.5, 1.5],
        };
        // `stop` is there to hide that its value moves.
        check(c, op !== "stop");
        if (op === "split" || op === "cut") check(c, true, (result) => result === 1);
      }
    },
  );

  it("maximum shares the gradient among equal entries", () => {
    const b = new Builder();
    const x = b.one("leaf", [], { leaf: { kind: "input", name: "x" }, type: type("H") });
    const y = b.maximum(x, { features: [0] });
    const attrs = { axes: { ...axes, features: [0] } };
    const grad = structuralRow("maximum").grad;
    if (grad === "zero") throw new Error("maximum has a derivative");
    const [dx] = grad(b, { x: [x], y: [y], dy: [b.scalar(1)], attrs });
    const graph: Graph = {
      name: "ties",
      ops: b.ops,
      results: [{ kind: "grad", name: "x", value: dx! }],
      norms: new Map(),
    };
    const found = interpret(graph, { dims, leaf: () => [3, 1, 3, 2] }).get("grad:x")!;
    expect([...found.data]).toEqual([0.5, 0, 0.5, 0]);
  });
});

describe("a shape rule", () => {
  const b = new Builder();
  const value = (text: string): Value => b.value(type(text));
  it.each<[string, () => unknown]>([
    ["refuses shapes that do not align", () => b.add(value("H"), value("D"))],
    ["refuses a contraction over different extents", () => b.dot(value("H"), value("D"), { a: "k", b: "k", out: "" })],
    ["refuses a diagonal", () => b.dot(value("H H"), value("H"), { a: "kk", b: "k", out: "k" })],
    ["refuses a label from nowhere", () => b.dot(value("H"), value("H"), { a: "k", b: "k", out: "n" })],
    ["refuses parts that are not whole", () => b.emit("split", [value("3")], { axis: 0, parts: 2 })],
    ["refuses to cut past the axis", () => b.emit("cut", [value("H")], { axis: 0, widths: ["H", "1"] })],
    ["refuses to cut an axis that is not there", () => b.emit("cut", [value("H")], { axis: 1, widths: ["H"] })],
    ["refuses to reshape to other elements", () => b.emit("reshape", [value("H")], { shape: ["2H"] })],
    ["refuses a permutation that repeats", () => b.emit("transpose", [value("H D")], { permutation: [0, 0] })],
    ["refuses to broadcast to a smaller type", () => b.broadcast(value("batch H"), type("H"))],
    ["refuses a step of what has no time", () => b.one("at", [value("H")], { step: "last" })],
    ["refuses to put in time what is there", () => b.one("put", [value("time H")], { step: "last" })],
    ["refuses rows by what is no index", () => b.one("gather", [value("D H"), value("batch")], {})],
    ["refuses rows of what is per example", () => b.one("gather", [value("batch D H"), value("index")], {})],
    ["refuses rows without a place", () => b.one("scatter", [value("index batch H"), value("batch D")], { size: "V" })],
    ["refuses a reduction over no axis", () => b.sum(value("H"), { features: [1] })],
    ["refuses the position in a scalar", () => b.one("argmax", [value("batch")], {})],
    ["refuses too few operands", () => b.elementwise("add", [value("H")])],
    ["refuses too many operands", () => b.emit("stop", [value("H"), value("H")], {})],
  ])("%s", (_, build) => {
    expect(build).toThrow(ShapeError);
  });

  it("gives f32 for elementwise ops on indices", () => {
    expect(b.neg(value("index batch")).type).toEqual({ ...scalar, batch: true });
  });
});
