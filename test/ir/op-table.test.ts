import { describe, expect, it } from "vitest";
import { Builder } from "../../compiler/ir/builder.ts";
import { finiteDifferences, relativeError } from "../../compiler/ir/finite-differences.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import { type ElementwiseRow, elementwise } from "../../compiler/ir/ops/elementwise.ts";
import { structural } from "../../compiler/ir/ops/structural.ts";
import { structuralRow } from "../../compiler/ir/ops.ts";
import { type Bindings, count, extents } from "../../compiler/ir/tensor.ts";
import { ShapeError, scalar } from "../../compiler/ir/type.ts";
import type { ElementwiseOp, Graph, Result, StructuralOp, Type, Value } from "../../compiler/ir/types.ts";
import { verify } from "../../compiler/ir/verify.ts";
import { sample, uniform } from "./numbers.ts";
import { axes, elementwiseSamples, structuralSamples, type } from "./op-samples.ts";

/** Finite differences err by some 1e-10; a wrong derivative by about 1. */
const tolerance = 1e-7;

const dims: Bindings = { time: 3, batch: 2, H: 4, D: 3, V: 5 };

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
function check(c: Case, used: (result: number) => boolean = () => true): void {
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
    const truth = finiteDifferences(graph, dims, leaves, `x${i}`);
    const found = results.get(`grad:x${i}`)?.data ?? new Float64Array(truth.length);
    expect(relativeError(found, truth), `cotangent of operand ${i}`).toBeLessThan(tolerance);
  });
}

describe("every elementwise op", () => {
  for (const [op, row] of Object.entries(elementwise) as [ElementwiseOp, ElementwiseRow][]) {
    it(`${op}: has a doc, a meaning and the derivative that finite differences show`, () => {
      expect(row.doc).not.toBe("");
      expect(row.flops).toBeGreaterThan(0);
      for (const texts of elementwiseSamples[row.arity]) {
        check({
          types: texts.map(type),
          apply: (b, x) => [b.elementwise(op, x)],
          grad: (b, x, [y], [dy]) => (row.grad === "zero" ? "zero" : row.grad(b, { x, y, dy: dy! })),
          domain: row.domain ?? [-1.5, 1.5],
        });
      }
    });
  }
});

describe("every structural op", () => {
  it.each(Object.keys(structural) as StructuralOp[])(
    "%s: has a doc, a meaning and the derivative that finite differences show",
    (op) => {
      const row = structuralRow(op);
      expect(row.doc).not.toBe("");
      expect(structuralSamples[op].length).toBeGreaterThan(0);
      for (const [texts, attrs] of structuralSamples[op]) {
        const c: Case = {
          types: texts.map(type),
          apply: (b, x) => b.emit(op, x, attrs as never),
          grad: (b, x, y, dy) => (row.grad === "zero" ? "zero" : row.grad(b, { x, y, dy, attrs: attrs as never })),
          domain: [-1.5, 1.5],
        };
        check(c);
        if (op === "split" || op === "cut") check(c, (result) => result === 1);
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
    ["refuses entries past the axis", () => b.emit("slice", [value("H")], { axis: 0, from: "1", to: "H + 1" })],
    ["refuses entries before the axis", () => b.emit("slice", [value("H")], { axis: 0, from: "-1", to: "H" })],
    ["refuses to take no entry", () => b.emit("slice", [value("H")], { axis: 0, from: "H", to: "H" })],
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
