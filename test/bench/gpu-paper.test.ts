import fc from "fast-check";
import { expect, test } from "vitest";
import { gpuDevices } from "../../bench/gpu-devices.ts";
import { estimateOf, estimateRun } from "../../bench/gpu-estimate.ts";
import { schedulesOf, weightBytes } from "../../bench/gpu-schedules.ts";
import { countsOfKernel, type Dispatched, dispatchesOf, onnxWebDispatches } from "../../bench/gpu-work.ts";
import { productsOfForward, productsOfStep } from "../../bench/workloads.ts";
import { fileHost } from "../../cli/api/file-host.ts";
import { summarise } from "../../cli/report/plan-summary.ts";
import { compile } from "../../compiler/compile.ts";
import type { KExpr, Kernel } from "../../compiler/kernel-ir/types.ts";
import { wgsl } from "../../targets/wgsl/target.ts";

const small = { B: 8, H: 12, T: 6, D: 3 };
const large = { B: 64, H: 100, T: 784, D: 1 };

const int = (value: number): KExpr => ({ k: "int", value });
const extent = (fixed: number, perStep = 0) => ({ fixed, perStep });

test("a kernel's operations, accesses and barriers are those of its loops, for a sequence's length", () => {
  const region = { kind: "region", region: "work" } as const;
  const tile = { kind: "tile", name: "tile" } as const;
  const kernel: Kernel = {
    ...{ name: "k", doc: "", lanes: 4, tiles: [{ name: "tile", size: 16 }] },
    grid: [extent(3), extent(0, 1), extent(2)],
    regions: [{ region: "work", access: "read_write" }],
    body: [
      {
        ...{ s: "for", kind: "serial", name: "step", from: int(0), to: { k: "uniform", name: "T" }, step: 1 },
        body: [
          {
            ...{ s: "for", kind: "lanes", name: "i", from: int(0), to: int(4), step: 1 },
            body: [
              {
                ...{ s: "store", memory: tile, index: int(0), type: "f32x4" },
                value: { k: "load", memory: region, index: int(0), type: "f32x4" },
              },
            ],
          },
          { s: "barrier", only: "tiles" },
          { s: "barrier" },
          {
            ...{ s: "for", kind: "lanes", name: "i", from: int(0), to: int(4), step: 1 },
            body: [
              {
                ...{ s: "store", memory: region, index: int(0), type: "f32" },
                value: {
                  ...{ k: "fma", type: "f32" },
                  a: { k: "load", memory: tile, index: int(0), type: "f32" },
                  b: { k: "float", value: 2 },
                  c: { k: "float", value: 1 },
                },
              },
            ],
          },
        ],
      },
    ],
  };
  const T = 5;
  expect(countsOfKernel(kernel, T, { times: 1, bytes: 0 })).toEqual({
    ...{ kernel: "k", times: 1, bytes: 0, lanes: 4, groups: 3 * T * 2 },
    ...{ flops: T * 4 * 2, tileFloats: T * 4 * (4 + 1), regionFloats: T * 4 * (4 + 1), tileBarriers: T, barriers: T },
  });
});

test.each(["training", "inference"] as const)(
  "in %s every dispatch of the plan is counted, as often as it runs",
  (use) => {
    const { B, H, T, D } = small;
    for (const cell of ["lstm", "bnlstm"] as const) {
      const entry = use === "training" ? "train" : "infer";
      const options = {
        entry: cell,
        batch: B,
        time: use === "training" ? T : 1,
        dims: { D, H },
        entries: [entry] as const,
      };
      const { plan } = compile(`examples/cells/${cell}.cell`, options, wgsl, fileHost).executable;
      const counted = dispatchesOf(cell, small, use);
      expect(counted.reduce((n, { times }) => n + times, 0)).toBe(summarise(plan, T).entries[entry]!.dispatches);
      // No less than the algebra needs, of operations and of bytes: x comes in, and h goes out.
      const products = use === "training" ? productsOfStep(small) : productsOfForward(small);
      const total = (of: (one: Dispatched) => number): number => counted.reduce((n, one) => n + one.times * of(one), 0);
      expect(total(({ groups, flops }) => groups * flops)).toBeGreaterThanOrEqual(T * products);
      expect(total(({ bytes }) => bytes)).toBeGreaterThanOrEqual(4 * T * B * (D + H));
    }
  },
);

test("bytes of a longer sequence are counted from short ones", () => {
  const bytes = (T: number): number =>
    dispatchesOf("lstm", { ...small, T }, "inference").reduce((n, one) => n + one.times * one.bytes, 0);
  expect(bytes(9) - bytes(6)).toBe(3 * (bytes(7) - bytes(6)));
});

/** What is found is said in docs/bench.md. */
test("at B=64 H=100 an LSTM's sequence is one dispatch for many workgroups, and a batch-normalized one's in training for one", () => {
  const loop = (cell: "lstm" | "bnlstm", use: "training" | "inference") =>
    dispatchesOf(cell, large, use).find(({ kernel }) => kernel.includes("forward"));
  expect(loop("lstm", "training")).toMatchObject({ times: 1, groups: 32, lanes: 256 });
  expect(loop("bnlstm", "inference")).toMatchObject({ times: 1, groups: 32, lanes: 256 });
  expect(loop("bnlstm", "training")).toMatchObject({ times: 1, groups: 1, lanes: 256 });
  const [step] = dispatchesOf("bnlstm", large, "training", { forward: "column", backward: "column" }).filter(
    ({ times }) => times === large.T,
  );
  expect(step.groups).toBeGreaterThan(1);
});

test("ONNX Runtime Web dispatches once a step, and no invocation shares what it loads", () => {
  const counted = onnxWebDispatches(large);
  const cell = counted.find(({ kernel }) => kernel === "LstmCell")!;
  expect(counted.reduce((n, { times }) => n + times, 0)).toBe(large.T + 6);
  expect(cell).toMatchObject({ times: large.T, groups: 25, lanes: 256, barriers: 0, tileBarriers: 0, tileFloats: 0 });
  // Five loads for four multiply-adds.
  expect(cell.regionFloats / 256).toBe(5 * (large.D + large.H) + 12);
  expect(cell.groups * cell.flops).toBeGreaterThan(productsOfForward(large));
});

test("a persistent schedule brings the weights once and waits in each step; the others bring them in each step", () => {
  for (const { name, launches, waits, weightBytes: bytes } of schedulesOf(large)) {
    const persistent = bytes === weightBytes(large);
    expect(persistent ? launches : launches - 1).toBe(persistent ? 2 : 2 * large.T);
    expect(waits).toBe(persistent ? large.T + 2 : launches);
    expect(name).not.toContain("above");
  }
  expect(weightBytes(large)).toBe(160_000);
  expect(schedulesOf({ H: 1000, T: 100 }).some(({ name }) => name.includes("above 192"))).toBe(true);
});

const dispatched: fc.Arbitrary<Dispatched> = fc.record({
  ...{ kernel: fc.constant("k"), lanes: fc.constant(256) },
  ...{ times: fc.integer({ min: 1, max: 1000 }), groups: fc.integer({ min: 1, max: 2000 }) },
  ...{
    flops: fc.nat(1e9),
    tileFloats: fc.nat(1e9),
    regionFloats: fc.nat(1e9),
    tileBarriers: fc.nat(1e5),
    barriers: fc.nat(1e5),
    bytes: fc.nat(1e9),
  },
});

test("an estimate is no less than any of its parts, and no device with more of something takes longer", () => {
  fc.assert(
    fc.property(dispatched, fc.constantFrom(...gpuDevices), (work, device) => {
      const { microseconds, busy } = estimateOf(work, device);
      const each = microseconds / work.times;
      const slack = 1 + 1e-9;
      expect(each * slack).toBeGreaterThanOrEqual(device.dispatch + work.bytes / (device.gigabytes * 1000));
      // All operations at the peak of all cores.
      const peak = device.cores * 256 * device.gigahertz * 1000;
      expect(each * slack).toBeGreaterThanOrEqual(device.dispatch + (work.groups * work.flops) / peak);
      expect(busy).toBeGreaterThan(0);
      expect(busy).toBeLessThanOrEqual(1);
      for (const better of [{ cores: 2 * device.cores }, { gigahertz: 2 * device.gigahertz }, { gigabytes: 1e6 }])
        expect(estimateOf(work, { ...device, ...better }).microseconds).toBeLessThanOrEqual(microseconds * slack);
    }),
  );
});

test("a run takes what its dispatches take together", () => {
  fc.assert(
    fc.property(fc.array(dispatched, { minLength: 1, maxLength: 5 }), (works) => {
      const [device] = gpuDevices;
      const sum = works.reduce((n, work) => n + estimateOf(work, device).microseconds, 0);
      const { milliseconds, dispatching } = estimateRun(works, device);
      expect(milliseconds).toBeCloseTo(sum / 1000, 6);
      expect(dispatching).toBeLessThanOrEqual(1);
    }),
  );
});
