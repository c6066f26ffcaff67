import { expect, test } from "vitest";
import { countsOf } from "../../bench/counts.ts";
import { footprintOf, loopsOverTime, READ, WRITTEN } from "../../bench/footprint.ts";
import { trafficOf } from "../../bench/traffic.ts";
import type { KExpr, Kernel, KStmt } from "../../compiler/kernel-ir/types.ts";
import type { Command, Plan, RegionName, Tensor } from "../../runtime/plan.ts";
import { wgsl } from "../../targets/wgsl/target.ts";

const int = (value: number): KExpr => ({ k: "int", value });
const plus = (a: KExpr, b: KExpr): KExpr => ({ k: "int2", op: "add", a, b });
const i: KExpr = { k: "var", name: "i", type: "i32" };
const load = (index: KExpr, type: "f32" | "f32x4" = "f32"): KExpr => ({
  k: "load",
  memory: { kind: "region", region: "work" },
  index,
  type,
});
const store = (index: KExpr, value: KExpr): KStmt => ({
  s: "store",
  memory: { kind: "region", region: "work" },
  index,
  type: "f32",
  value,
});
const loop = (n: number, body: readonly KStmt[]): KStmt => ({
  s: "for",
  kind: "lanes",
  name: "i",
  from: int(0),
  to: int(n),
  step: 1,
  body,
});
const kernel = (name: string, body: readonly KStmt[]): Kernel => ({
  name,
  doc: "",
  lanes: 1,
  grid: [1, 1, 1].map((fixed) => ({ fixed, perStep: 0 })) as unknown as Kernel["grid"],
  regions: [{ region: "work", access: "read_write" }],
  tiles: [],
  body,
});

function marked(body: readonly KStmt[]): readonly number[] {
  const work = new Uint8Array(8);
  footprintOf(kernel("k", body))({ work }, 2, 3);
  return [...work];
}

test("a float is marked once, however often a kernel touches it", () => {
  expect(marked([loop(2, [store(plus(i, int(6)), load(int(0)))])])).toEqual([READ, 0, 0, 0, 0, 0, WRITTEN, WRITTEN]);
});

test("what a kernel reads of its own writing comes from nowhere; what it changes in place is both", () => {
  expect(marked([store(int(0), load(int(1))), store(int(2), load(int(0))), store(int(3), load(int(3)))])).toEqual([
    WRITTEN,
    READ,
    WRITTEN,
    READ | WRITTEN,
    0,
    0,
    0,
    0,
  ]);
});

test("four at a time are four, and t is the step", () => {
  const sum: KExpr = { k: "across", op: "add", a: load(int(0), "f32x4") };
  expect(marked([store(plus({ k: "uniform", name: "t" }, int(4)), sum)])).toEqual([1, 1, 1, 1, 0, 0, WRITTEN, 0]);
});

test("an address made of data is refused", () => {
  expect(() => footprintOf(kernel("k", [store({ k: "toInt", a: load(int(0)) }, load(int(1)))]))).toThrow(
    "depends on data",
  );
});

test("a kernel goes through the sequence where it stores each step's results elsewhere, not where it sums them up", () => {
  const overTime = (body: readonly KStmt[]): KStmt => ({
    ...{ s: "for", kind: "serial", name: "step", from: int(0), to: { k: "uniform", name: "T" }, step: 1 },
    body,
  });
  const step: KExpr = { k: "var", name: "step", type: "i32" };
  const at: KExpr = { k: "var", name: "at", type: "i32" };
  const named: KStmt = { s: "let", name: "at", type: "i32", value: plus(step, int(4)) };
  expect(loopsOverTime(kernel("k", [overTime([named, loop(1, [store(at, load(int(0)))])])]))).toBe(true);
  expect(loopsOverTime(kernel("k", [overTime([store(int(0), load(step))])]))).toBe(false);
  expect(loopsOverTime(kernel("k", [loop(4, [store(i, load(i))])]))).toBe(false);
});

/** `x` (floats 0 … 3) → by `first` → 4 … 7 → by `second` → the output, float 8, at every step. */
const first = kernel("first", [loop(4, [store(plus(i, int(4)), load(i))])]);
const second = kernel("second", [loop(4, [store(int(8), load(plus(i, int(4))))])]);

function planOf(names: readonly string[]): Plan {
  const one = { fixed: 1, perStep: 0 };
  const none = { fixed: 0, frame: 0 };
  const commands = names.map((name): Command => ({ do: "dispatch", kernel: name, grid: [one, one, one] }));
  const regions: Record<RegionName, { fixed: number; frame: number }> = {
    ...{ param: none, grad: none, slot: none, stat: none, input: none, half: none },
    work: { fixed: 16, frame: 0 },
  };
  const output: Tensor = {
    name: "y",
    role: { kind: "output" },
    region: "work",
    offset: 8,
    time: false,
    shape: [1],
    batch: false,
  };
  return {
    format: 4,
    name: "two",
    target: "wasm",
    dims: { batch: 1 },
    fingerprint: "",
    measures: {},
    equations: {},
    slots: [],
    optimizer: "sgd",
    entries: { infer: { tensors: [output], commands: [{ do: "steps", reverse: false, commands }], regions } },
    kernels: [],
  };
}

test("what goes from one dispatch of a step to the next is moved and need not be", () => {
  const { forward, backward } = trafficOf(planOf(["first", "second"]), [first, second], "infer");
  // Read 4, write 4, read 4, write 1; of these only x and the output have to cross.
  expect(forward).toEqual({ moved: 4 * 13, least: 4 * 4 });
  expect(backward).toEqual({ moved: 0, least: 0 });
});

test.each(["lstm", "bnlstm", "lnlstm"] as const)("a step of %s moves no less than has to cross memory", (cell) => {
  const [B, H] = [8, 16];
  const { traffic } = countsOf(cell, { name: "", about: "", kind: "train", B, H, T: 5, D: 3 }, wgsl);
  if ("error" in traffic) throw new Error(traffic.error);
  const pieces = [traffic.forward, traffic.backward, traffic.outside];
  for (const { moved, least } of pieces) expect(moved).toBeGreaterThanOrEqual(least);
  // A step's inputs come in and its outputs go out, wherever the schedule has put its work.
  const inputs = 4 * B * (3 + H);
  expect(pieces.reduce((sum, { least }) => sum + least, 0)).toBeGreaterThanOrEqual(inputs + 4 * B * H);
});
