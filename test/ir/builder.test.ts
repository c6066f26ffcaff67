import { describe, expect, it } from "vitest";
import { Builder } from "../../compiler/ir/builder.ts";
import * as dim from "../../compiler/ir/dim.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import { type Bindings, count, extents } from "../../compiler/ir/tensor.ts";
import { showType } from "../../compiler/ir/type.ts";
import type { Type, Value } from "../../compiler/ir/types.ts";
import { verify } from "../../compiler/ir/verify.ts";
import { sample, uniform } from "./numbers.ts";

const dims: Bindings = { time: 3, batch: 2, H: 4, D: 3 };

const type = (flags: string, ...shape: string[]): Type => ({
  dtype: "f32",
  time: flags.includes("t"),
  batch: flags.includes("b"),
  shape: shape.map(dim.parse),
});

/** The numbers of what `build` makes of a leaf of each type, the same for each number of leaves. */
function evaluate(types: readonly Type[], build: (b: Builder, x: readonly Value[]) => Value): number[] {
  const b = new Builder();
  const x = types.map((t, i) => b.one("leaf", [], { leaf: { kind: "input", name: `${i}` }, type: t }));
  const value = build(b, x);
  const graph = { name: "g", ops: b.ops, results: [{ kind: "output", name: "y", value }] as const, norms: new Map() };
  verify(graph);
  const leaf = (name: string, _: unknown, t: Type): Float64Array =>
    sample(count(extents(t, dims)), [-1, 1], uniform(Number(name)));
  return [...interpret(graph, { dims, leaf }).get("output:y")!.data];
}

describe("unbroadcast", () => {
  it.each<[Type, Type]>([
    [type("", "H"), type("tb", "H")],
    [type(""), type("tb", "D", "H")],
    [type("b", "1", "H"), type("tb", "D", "H")],
    [type("t", "H", "1"), type("tb", "D", "H", "H")],
    [type("", "1"), type("b", "H")],
    [type("b", "H"), type("b", "H")],
  ])("sums what broadcasting repeats: %o in %o", (small, large) => {
    const dot = (b: Builder, x: Value, w: Value): Value => {
      const y = b.mul(x, w);
      return b.sum(y, { batch: true, time: true, features: [...y.type.shape.keys()] });
    };
    const spread = evaluate([small, large], (b, [x, w]) => dot(b, b.broadcast(x, large), w));
    const summed = evaluate([small, large], (b, [x, w]) => {
      const v = b.unbroadcast(w, small);
      expect(showType(v.type)).toBe(showType(small));
      return dot(b, x, v);
    });
    expect(summed[0]).toBeCloseTo(spread[0], 12);
  });

  it("repeats what has fewer axes than the operand", () => {
    const row = evaluate([type("", "H")], (_, [x]) => x);
    expect(evaluate([type("", "H")], (b, [x]) => b.unbroadcast(x, type("", "1", "H")))).toEqual(row);
    expect(evaluate([type("", "H")], (b, [x]) => b.unbroadcast(x, type("b", "H")))).toEqual([...row, ...row]);
    expect(evaluate([type("")], (b, [x]) => b.unbroadcast(x, type("", "H")))).toHaveLength(4);
  });
});

describe("scan", () => {
  it("gives states the type they start with, and outputs time", () => {
    const b = new Builder();
    const x = b.one("leaf", [], { leaf: { kind: "input", name: "x" }, type: type("tb", "H") });
    const zero = b.zeros(type("b", "H"));
    const body = b.body();
    const [h, xt] = [body.value(type("b", "H"), "h"), body.value(type("b", "H"), "xt")];
    const next = body.add(h, xt);
    const block = { params: [h, xt], ops: body.ops, results: [next, h] };
    const { finals, outputs } = b.scan([zero], [x], block, { reverse: false, names: ["h_T", "hs"] });
    expect(finals.map((v) => [v.name, showType(v.type)])).toEqual([["h_T", "f32[batch, H]"]]);
    expect(outputs.map((v) => [v.name, showType(v.type)])).toEqual([["hs", "f32[time, batch, H]"]]);
    expect(new Set([x, zero, h, xt, next, ...finals, ...outputs].map((v) => v.id)).size).toBe(7);
  });
});
