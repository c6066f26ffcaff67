import { expect, test } from "vitest";
import type { KExpr, Kernel, KStmt } from "../../compiler/kernel-ir/types.ts";
import { workOf } from "../../compiler/kernel-ir/work.ts";

const int = (value: number): KExpr => ({ k: "int", value });
const T: KExpr = { k: "uniform", name: "T" };
const variable = (name: string): KExpr => ({ k: "var", name, type: "i32" });
const least = (a: KExpr, b: KExpr): KExpr => ({ k: "int2", op: "min", a, b });
const plus = (a: KExpr, b: KExpr): KExpr => ({ k: "int2", op: "add", a, b });
const work = { kind: "region", region: "work" } as const;
const load = (type: "f32" | "f32x4"): KExpr => ({ k: "load", memory: work, index: int(0), type });
const store = (value: KExpr, type: "f32" | "f32x4"): KStmt => ({
  s: "store",
  memory: work,
  index: int(0),
  type,
  value,
});
const loop = (name: string, from: KExpr, to: KExpr, step: number, ...body: KStmt[]): KStmt => {
  return { s: "for", kind: "serial", name, from, to, step, body };
};
const kernel = (...body: KStmt[]): Kernel => {
  const one = { fixed: 1, perStep: 0 };
  return { name: "k", doc: "", lanes: 1, grid: [one, one, one], regions: [], tiles: [], body };
};

test("a vector counts four times, a fused product and sum twice, a load and a store once", () => {
  const copy = store(load("f32"), "f32");
  const fused = store({ k: "fma", type: "f32x4", a: load("f32x4"), b: load("f32x4"), c: load("f32x4") }, "f32x4");
  expect(workOf(kernel(copy))).toEqual({ fixed: 2, perStep: 0 });
  expect(workOf(kernel(fused))).toEqual({ fixed: 8 + 12 + 4, perStep: 0 });
});

test("an op costs what the op table says", () => {
  expect(workOf(kernel(store({ k: "math", op: "tanh", type: "f32", args: [load("f32")] }, "f32")))).toEqual({
    fixed: 12 + 2,
    perStep: 0,
  });
});

test("a loop counts as often as it runs, over the sequence too, in blocks too", () => {
  const copy = store(load("f32"), "f32");
  const blocked = loop(
    "block",
    int(0),
    int(100),
    32,
    loop("i", variable("block"), least(plus(variable("block"), int(32)), int(100)), 4, copy),
  );
  // Four blocks, all taken to be as long as the first.
  expect(workOf(kernel(blocked))).toEqual({ fixed: 4 * 8 * 2, perStep: 0 });
  expect(workOf(kernel(copy, loop("k", int(0), T, 1, loop("i", int(0), int(5), 1, copy))))).toEqual({
    fixed: 2,
    perStep: 10,
  });
});

test("of two branches the longer one counts", () => {
  const condition: KExpr = { k: "compare", op: "lt", a: variable("i"), b: int(3) };
  const copy = store(load("f32"), "f32");
  expect(workOf(kernel({ s: "if", condition, then: [copy], else: [copy, copy] }))).toEqual({ fixed: 4, perStep: 0 });
});
