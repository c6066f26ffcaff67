import { expect, test } from "vitest";
import { compare, judged, shareOfLimit } from "../../bench/comparisons.ts";
import { summarize } from "../../bench/measure.ts";
import type { Peak } from "../../bench/peak.ts";
import type { Row } from "../../bench/side-by-side.ts";
import { productsOfStep, workloads } from "../../bench/workloads.ts";

const row = (contender: string, threads: number, cell: Row["cell"], form: string, ms: number): Row => ({
  workload: "784",
  contender,
  threads,
  cell,
  form,
  times: summarize([ms]),
});

test("a ratio is of the fastest of both sides", () => {
  const rows = [
    row("cellc wasm", 1, "bnlstm", "compiled", 20),
    row("cellc wasm", 2, "bnlstm", "compiled", 10),
    row("PyTorch", 1, "bnlstm", "eager", 70),
    row("PyTorch", 2, "bnlstm", "eager", 90),
    row("PyTorch", 2, "bnlstm", "TorchScript", 30),
  ];
  const named = new Map(compare({ rows, peaks: {} }, workloads).map((found) => [found.name, found]));
  expect(named.get("eager BN-LSTM / BN-LSTM")).toMatchObject({ ratio: 7, wanted: "≥ 5", reached: true });
  expect(named.get("TorchScript BN-LSTM / BN-LSTM")).toMatchObject({ ratio: 3, workload: "784" });
  expect(named.has("nn.LSTM / BN-LSTM")).toBe(false);
});

test("a row that failed or computed something else is in no ratio", () => {
  const rows = [
    row("cellc wasm", 1, "bnlstm", "compiled", 20),
    { ...row("cellc wasm", 1, "lstm", "compiled", 1), error: "it computes something else" },
    row("cellc wasm", 2, "lstm", "compiled", 16),
  ];
  expect(compare({ rows, peaks: {} }, workloads)).toEqual([
    { name: "BN-LSTM / LSTM", workload: "784", ratio: 1.25, wanted: "≤ 1.1", reached: false },
  ]);
});

const peak = (threads: number, gflops: number): Peak => ({
  ...{ threads, fused: true },
  ...{ gflops: summarize([gflops]), gigabytes: summarize([10]) },
});

test("a training step multiplies h three times with a matrix as large as Wh, and x twice", () => {
  expect(productsOfStep({ B: 64, H: 100, D: 1 })).toBe(15_360_000 + 102_400);
  expect(productsOfStep({ B: 64, H: 512, D: 50 })).toBe(24 * 64 * 512 ** 2 + 16 * 64 * 50 * 512);
});

test("the share of the limit is what a step's products take at the peak of the most threads", () => {
  const rows = [row("cellc wasm", 1, "bnlstm", "compiled", 300), row("cellc wasm", 2, "bnlstm", "compiled", 200)];
  const peaks = { "784": [peak(2, 130), peak(1, 66)] };
  const [found] = compare({ rows, peaks }, workloads).filter(({ name }) => name.startsWith("share"));
  expect(found).toMatchObject({ workload: "784", wanted: "≥ 0.8", reached: false });
  expect(found.ratio).toBeCloseTo((15_462_400 * 784) / 130e9 / 0.2, 10);
  // A step of 117 µs of products alone would be all that the machine can do.
  const [pixels] = workloads.filter(({ name }) => name === "784");
  expect(shareOfLimit(pixels, peak(2, 130), (15_462_400 * 784) / 130e6)).toBeCloseTo(1, 10);
});

test("more than the limit means that the limit was not measured", () => {
  const rows = [row("cellc wasm", 2, "bnlstm", "compiled", 200)];
  const [found] = compare({ rows, peaks: { "784": [peak(2, 40)] } }, workloads);
  expect(found.remark).toContain("the machine was busy");
  expect(found.reached).toBeUndefined();
});

test("without a measured peak there is no share", () => {
  const rows = [row("cellc wasm", 2, "bnlstm", "compiled", 200)];
  expect(compare({ rows, peaks: {} }, workloads)).toEqual([]);
});

test("a goal is a least or a most, and both are reached where they are met exactly", () => {
  expect(judged(5, { least: 5 })).toEqual({ wanted: "≥ 5", reached: true });
  expect(judged(201, { most: 200 })).toEqual({ wanted: "≤ 200", reached: false });
  expect(judged(1, {})).toEqual({});
});
