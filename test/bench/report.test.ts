import { expect, test } from "vitest";
import { summarize } from "../../bench/measure.ts";
import { type Result, report } from "../../bench/report.ts";
import { workloads } from "../../bench/workloads.ts";

const nothing: Result = {
  date: "",
  machine: { cpu: "a processor", cores: 2, memoryGiB: 8, simd: ["avx2"], platform: "linux x64", node: "v20" },
  load: 0.1,
  withheld: ["OPENBLAS_CORETYPE"],
  workloads: [workloads[0]],
  sideBySide: { rows: [], facts: { "PyTorch, 1 thread": { torch: "1.13" } }, peaks: {} },
  comparisons: [],
  counts: [],
  cold: [],
  sizes: [],
};

test("the machine, the versions and what was withheld are on top; questions not asked are left out", () => {
  const lines = report(nothing).trim().split("\n");
  expect(lines).toHaveLength(4);
  expect(lines[0]).toContain("a processor, 2 cores, 8 GiB");
  expect(lines[2]).toBe("PyTorch, 1 thread: torch 1.13");
  expect(lines[3]).toContain("OPENBLAS_CORETYPE");
});

test("times taken on a busy machine come with a warning", () => {
  expect(report(nothing)).not.toContain("not idle");
  expect(report({ ...nothing, load: 2.5 })).toContain("the machine was not idle");
});

test("a row that could not be measured is empty and says why below", () => {
  const row = { workload: workloads[0].name, cell: "lstm", form: "compiled", threads: 1 } as const;
  const text = report({
    ...nothing,
    sideBySide: {
      rows: [
        { ...row, contender: "cellc wasm", times: summarize([20]), stepMicroseconds: 25.5, difference: 0 },
        {
          ...row,
          contender: "PyTorch",
          form: "nn.LSTM",
          times: summarize([50]),
          stepMicroseconds: 63.8,
          difference: 3e-7,
        },
        { ...row, contender: "cellc wgsl", error: "there is no GPU" },
      ],
      ...{ facts: {}, peaks: {} },
    },
  });
  const [ours, theirs, missing, reason] = text.split("\n").slice(-5);
  expect(ours.trim().split(/ {2,}/).slice(3)).toEqual(["20.0", "20.0", "20.0", "1", "25.5", "1.00", "–"]);
  expect(theirs.trim().split(/ {2,}/).slice(7)).toEqual(["63.8", "2.50", "3e-7"]);
  expect(missing.trim()).toMatch(/compiled$/);
  expect(reason).toBe("  no figures: cellc wgsl, 1 thread: there is no GPU");
});

test("cold compilations, sizes and peaks stand beside what is wanted of them", () => {
  const text = report({
    ...nothing,
    sideBySide: {
      ...{ rows: [], facts: {} },
      peaks: { "28": [{ threads: 2, fused: true, gflops: summarize([131.7]), gigabytes: summarize([39.4]) }] },
    },
    cold: [{ time: 10, imports: summarize([55]), compile: summarize([315]) }],
    sizes: [
      { target: "wasm", use: "inference", runtime: 15_000, cell: 5000, total: 20_000 },
      { target: "wasm", use: "training", runtime: 15_000, cell: 9000, total: 24_000 },
    ],
  });
  const line = (start: string): readonly string[] =>
    text
      .split("\n")
      .find((one) => one.startsWith(start))!
      .trim()
      .split(/ {2,}/);
  expect(line("2  ")).toEqual(["2", "131.7", "131.7", "131.7", "39.4", "39.4", "39.4"]);
  expect(line("10  ")).toEqual("10,55.0,≤ 60,reached,315,315,315,≤ 200,not reached".split(","));
  expect(line("wasm    inference")).toHaveLength(5);
  expect(line("wasm     training")).toEqual(["wasm", "training", "15,000", "9,000", "24,000", "≤ 25000", "reached"]);
});
