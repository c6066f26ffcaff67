/** When two expressions are the same, and what one depends on. */
import { expect, it } from "vitest";
import { sameExpr, variablesIn } from "../../compiler/kernel-ir/equality.ts";
import * as x from "../../compiler/kernel-ir/expr.ts";
import type { KExpr } from "../../compiler/kernel-ir/types.ts";

const i = x.variable("i", "i32");
const k = x.variable("k", "i32");
const at = (index: KExpr): KExpr => x.load({ kind: "region", region: "work" }, index, "f32");

/** Expressions that differ from each other, each made anew. */
const different = (): readonly KExpr[] => [
  x.int(1),
  x.float(1),
  x.float(0),
  x.float(-0),
  i,
  k,
  x.variable("k", "f32"),
  x.uniform("t"),
  x.uniform("T"),
  { k: "group", axis: 0 },
  { k: "group", axis: 1 },
  { k: "groupEnd", axis: 0 },
  { k: "subgroupSize" },
  x.add(i, k),
  x.add(k, i),
  x.sub(i, k),
  x.compare("lt", i, k),
  x.compare("le", i, k),
  at(i),
  at(k),
  x.load({ kind: "region", region: "work" }, i, "f32x4"),
  x.load({ kind: "region", region: "param" }, i, "f32"),
  x.load({ kind: "tile", name: "work" }, i, "f32"),
  { k: "math", op: "add", type: "f32", args: [at(i), at(k)] },
  { k: "math", op: "sub", type: "f32", args: [at(i), at(k)] },
  { k: "fma", type: "f32", a: at(i), b: at(k), c: at(i) },
  { k: "splat", a: at(i) },
  { k: "vec4", lanes: [at(i), at(i), at(i), at(i)] },
  { k: "across", op: "add", a: { k: "splat", a: at(i) } },
  { k: "across", op: "max", a: { k: "splat", a: at(i) } },
  { k: "joint", op: "add", a: at(i) },
  { k: "extract", a: { k: "splat", a: at(i) }, lane: 0 },
  { k: "extract", a: { k: "splat", a: at(i) }, lane: 1 },
  { k: "toFloat", a: i },
  { k: "toInt", a: i },
];

it("expressions are the same exactly where they are written alike", () => {
  different().forEach((a, m) => {
    different().forEach((b, n) => {
      expect(sameExpr(a, b), `${JSON.stringify(a)} and ${JSON.stringify(b)}`).toBe(m === n);
    });
  });
});

it("an expression depends on the variables that it reads, in indices too, and on no tag of its own", () => {
  expect([...variablesIn(x.int(3))]).toEqual([]);
  expect([...variablesIn(x.add(x.mul(i, x.int(4)), x.uniform("t")))]).toEqual(["i"]);
  expect([...variablesIn({ k: "math", op: "add", type: "f32", args: [at(i), at(k)] })]).toEqual(["i", "k"]);
});
