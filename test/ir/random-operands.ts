/** What random graphs are made of: leaves with their numbers, and smooth ops with what they make of an interval. */
import * as dim from "../../compiler/ir/dim.ts";
import { erf } from "../../compiler/ir/error-function.ts";
import { type Bindings, count, extents } from "../../compiler/ir/tensor.ts";
import type { ElementwiseOp, Leaf, Type } from "../../compiler/ir/types.ts";
import { sample } from "./numbers.ts";

/** The interval that holds all numbers of a value. */
export type Range = readonly [low: number, high: number];

/** Numbers beyond this are scaled down. */
export const largest = 8;

/** Leaves made for what has kinks: `gap` has |x| ≥ 0.5; entries of `ranked` are 0.1 apart and 0.05 from whole numbers. */
export type Special = "gap" | "ranked";

const f32 = (flags: string, ...shape: string[]): Type => ({
  dtype: "f32",
  time: flags.includes("t"),
  batch: flags.includes("b"),
  shape: shape.map(dim.parse),
});

const index = (flags: string): Type => ({ ...f32(flags), dtype: "index", below: dim.parse("D") });

export interface LeafRow {
  readonly leaf: Leaf;
  readonly type: Type;
  readonly special?: Special;
}

const param = (name: string): Leaf => ({ kind: "param", name, init: { kind: "orthogonal", gain: 1 } });
const input = (name: string): Leaf => ({ kind: "input", name });

export const leafRows: readonly LeafRow[] = [
  { leaf: input("x"), type: f32("tb", "H") },
  { leaf: input("u"), type: f32("b", "D") },
  { leaf: input("gap"), type: f32("b", "H"), special: "gap" },
  { leaf: input("ranked"), type: f32("tb", "H"), special: "ranked" },
  { leaf: { kind: "index", name: "i", size: "D" }, type: index("tb") },
  { leaf: { kind: "noise", name: "n", distribution: "normal", scale: 0.5 }, type: f32("tb", "D") },
  { leaf: { kind: "population", name: "p", policy: { kind: "per_step", steps: "S" } }, type: f32("t", "H") },
  { leaf: { kind: "hyper", name: "k" }, type: f32("") },
  { leaf: param("Whh"), type: f32("", "H", "H") },
  { leaf: param("Whd"), type: f32("", "H", "D") },
  { leaf: param("Wdh"), type: f32("", "D", "H") },
  { leaf: param("bias"), type: f32("", "H") },
  { leaf: param("column"), type: f32("", "H", "1") },
];

export function numbersOf({ leaf, type, special }: LeafRow, dims: Bindings, random: () => number): Float64Array {
  const n = count(extents(type, dims));
  if (leaf.kind === "index") return sample(n, [0, dims[leaf.size]], random).map(Math.floor);
  if (special === "gap") return sample(n, [-1, 1], random).map((v) => v + 0.5 * Math.sign(v || 1));
  if (special === undefined) return sample(n, [-1, 1], random);
  const order = [...Array(n).keys()].map((k) => [random(), k]).sort(([p], [q]) => p - q);
  return Float64Array.from(order, ([, k]) => 0.05 + 0.1 * k);
}

/** Where each smooth elementwise op may be applied, and what it makes of an interval. */
export const smooth: Partial<
  Record<ElementwiseOp, { readonly on?: Range; readonly to: (a: Range, b: Range) => Range }>
> = {
  neg: { to: ([l, h]) => [-h, -l] },
  exp: { on: [-largest, 2], to: ([l, h]) => [Math.exp(l), Math.exp(h)] },
  log: { on: [0.2, largest], to: ([l, h]) => [Math.log(l), Math.log(h)] },
  expm1: { on: [-largest, 2], to: ([l, h]) => [Math.expm1(l), Math.expm1(h)] },
  log1p: { on: [-0.8, largest], to: ([l, h]) => [Math.log1p(l), Math.log1p(h)] },
  erf: { to: ([l, h]) => [erf(l), erf(h)] },
  atan: { to: ([l, h]) => [Math.atan(l), Math.atan(h)] },
  tanh: { to: ([l, h]) => [Math.tanh(l), Math.tanh(h)] },
  sigmoid: { to: ([l, h]) => [1 / (1 + Math.exp(-l)), 1 / (1 + Math.exp(-h))] },
  softplus: { to: ([l, h]) => [Math.log1p(Math.exp(l)), Math.log1p(Math.exp(h))] },
  sqrt: { on: [0.2, largest], to: ([l, h]) => [Math.sqrt(l), Math.sqrt(h)] },
  rsqrt: { on: [0.2, largest], to: ([l, h]) => [1 / Math.sqrt(h), 1 / Math.sqrt(l)] },
  recip: { on: [0.3, largest], to: ([l, h]) => [1 / h, 1 / l] },
  square: { to: ([l, h]) => [l > 0 ? l * l : h < 0 ? h * h : 0, Math.max(l * l, h * h)] },
  sin: { to: () => [-1, 1] },
  cos: { to: () => [-1, 1] },
  add: { to: ([l, h], [m, i]) => [l + m, h + i] },
  sub: { to: ([l, h], [m, i]) => [l - i, h - m] },
  mul: { to: ([l, h], [m, i]) => hull([l * m, l * i, h * m, h * i]) },
};

export const hull = (n: readonly number[]): Range => [Math.min(...n), Math.max(...n)];
export const within = ([l, h]: Range, [m, i]: Range): boolean => l >= m && h <= i;
