/** What is saved for the backward pass, stored as f16: how much it saves, and that nothing else is touched. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatOf } from "../../compiler/buffers/format.ts";
import { sharedTensors } from "../../compiler/buffers/shared.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import { parseGraph } from "../../compiler/ir/parse-text.ts";
import type { Graph, OpOf, Value } from "../../compiler/ir/types.ts";
import { verify } from "../../compiler/ir/verify.ts";
import { verifyKernel } from "../../compiler/kernel-ir/verify.ts";
import { lower, segmented } from "../../compiler/lower.ts";
import type { LoopChoice } from "../../compiler/partition/loop-strategy.ts";
import { halfResiduals } from "../../compiler/passes/half-residuals.ts";
import { materialise } from "../../compiler/passes/materialise.ts";
import { definitions, reads } from "../../compiler/passes/rewrite.ts";
import { scheduleSegments } from "../../compiler/schedule.ts";
import { regionNames, widthOf } from "../../runtime/layout.ts";
import type { Entry } from "../../runtime/plan.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { wgsl } from "../../targets/wgsl/target.ts";
import { randomPrograms } from "../compile/random-cell.ts";
import { tolerance } from "../compile/tolerances.ts";
import { numbersFor } from "../passes/meaning.ts";
import { cells, elaborated, planned } from "../schedule/cells.ts";
import { runScheduled } from "../schedule/run-scheduled.ts";
import { compile } from "../semantics/sources.ts";

const byStep = { forward: "column", backward: "column" } as const;

const bytesPerStep = ({ regions }: Entry): number =>
  regionNames.reduce((sum, region) => sum + widthOf(region) * regions[region].frame, 0);

const both = Object.fromEntries(
  Object.entries(cells).map(([name, cell]) => [
    name,
    { f32: planned(cell, wgsl, { loops: byStep }), f16: planned(cell, wgsl, { loops: byStep, storage: "f16" }) },
  ]),
);

describe.each(Object.keys(both))("%s", (name) => {
  const { f32, f16 } = both[name];

  it("takes as many dispatches and no more memory", () => {
    for (const entry of ["train", "estimate", "infer", "update"] as const) {
      const [before, after] = [f32.plan.entries[entry]!, f16.plan.entries[entry]!];
      expect(after.commands).toEqual(before.commands);
      expect(bytesPerStep(after)).toBeLessThanOrEqual(bytesPerStep(before));
    }
  });

  it("has kernels that obey the machine's limits, among them that of bindings", () => {
    for (const kernel of f16.kernels) expect(() => verifyKernel(kernel, wgsl.machine)).not.toThrow();
  });

  it("only stores what is saved for a backward pass so: in other entries nothing changes", () => {
    for (const entry of ["estimate", "infer", "update"] as const)
      expect(f16.plan.entries[entry]).toEqual(f32.plan.entries[entry]);
    const ofTraining = ({ name: kernel }: { readonly name: string }): boolean => kernel.startsWith("train");
    const others = f16.kernels.filter((kernel) => !ofTraining(kernel));
    expect(others).toEqual(f32.kernels.filter((kernel) => !ofTraining(kernel)));
  });
});

it("the batch-normalized LSTM saves 11 of a step's 20 values for each unit and example as f16", () => {
  const { f32, f16 } = both.bnlstm;
  const unit = 64 * 100;
  const [before, after] = [f32, f16].map(({ plan }) => plan.entries.train!.regions);
  expect(before.half.frame).toBe(0);
  // The four gates, c, BN's input and tanh of its result, and x @ Wx, centred. The other product's cotangent is its alias.
  expect(after.half.frame).toBe(11 * unit);
  // h, both products' cotangents, and statistics.
  expect([before, after].map(({ work }) => work.frame)).toEqual([20 * unit + 3648, 9 * unit + 3648]);
  const input = 4 * (8192 + 16);
  expect(bytesPerStep(f32.plan.entries.train!) - input).toBe(526_592);
  expect(bytesPerStep(f16.plan.entries.train!) - input).toBe(385_792);
});

it.each([
  ["lstm", 281_600, 206_400],
  ["lnlstm", 718_080, 644_224],
  // Cotangents reuse the memory of what it saves: f16 would only need memory of its own.
  ["gru_before", 180_544, 180_544],
])("%s stores %i bytes a step, with f16 %i", (name, before, after) => {
  const { f32, f16 } = both[name];
  const framed = (entry: Entry): number => bytesPerStep({ ...entry, regions: { ...entry.regions, input: none } });
  const none = { fixed: 0, frame: 0 };
  expect([f32, f16].map(({ plan }) => framed(plan.entries.train!))).toEqual([before, after]);
});

/** What of a graph's outermost block is stored as f16. */
function halvesOf({ ops }: Graph): ReadonlySet<Value> {
  const defs = definitions(ops);
  return new Set(ops.flatMap((op) => op.results).filter((v) => formatOf(v, defs) === "f16"));
}

describe("what is halved", () => {
  const made = halfResiduals.run(materialise().run(lower(elaborated(cells.bnlstm).graph).entries.train));
  const halves = halvesOf(made);
  const scans = made.ops.filter((op): op is OpOf<"scan"> => op.op === "scan");

  it("is no state, result or cotangent", () => {
    expect(scans.map(({ attrs }) => attrs.reverse)).toEqual([false, true]);
    const [forward, backward] = scans;
    const carried = forward.body!.results.slice(0, forward.attrs.states);
    forward.results.forEach((v, i) => {
      const value = forward.body!.results[i];
      if (halves.has(v)) expect([...forward.body!.params, ...carried]).not.toContain(value);
    });
    for (const { value } of made.results) expect(halves.has(value)).toBe(false);
    const later = made.ops.slice(made.ops.indexOf(backward)).flatMap((op) => op.results);
    expect(later.filter((v) => halves.has(v))).toEqual([]);
    for (const v of halves) expect(v.type).toMatchObject({ time: true, batch: true });
  });

  it("is read by the backward pass alone", () => {
    const [forward, backward] = scans;
    for (const op of made.ops.slice(0, made.ops.indexOf(backward)))
      if (op !== forward) expect(reads(op).filter((v) => halves.has(v) && op.op !== "split")).toEqual([]);
    expect(reads(backward).filter((v) => halves.has(v)).length).toBeGreaterThan(6);
  });

  it("is nothing that the backward pass compares or divides by, or makes that of", () => {
    // The derivative of a maximum over examples looks for those that are as large. %4 is computed again for it, from %3. %depth is divided by.
    const largest = parseGraph(`graph largest {
      %x = leaf input "x" : f32[time, batch, H]
      %w = leaf param "w" constant(1) : f32[H]
      %0 = const 0 : f32[]
      %first = broadcast %0 : f32[batch, H]
      %last, %y = scan (%s = %first) over (%x.1 = %x) {
        %1 = mul %x.1, %w : f32[batch, H]
        %2 = add %s, %1 : f32[batch, H]
        %3 = tanh %2 : f32[batch, H]
        %4 = mul %3, %1 : f32[batch, H]
        %5 = maximum %4 {batch} : f32[H]
        %gate = sigmoid %s : f32[batch, H]
        %depth = exp %s : f32[batch, H]
        %10 = div %gate, %depth : f32[batch, H]
        %7 = mul %10, %3 : f32[batch, H]
        %8 = sub %7, %5 : f32[batch, H]
        yield %8; %5
      } : f32[batch, H], f32[time, H]
      %9 = sum %y {time, features=[0]} : f32[]
      result loss "loss" %9
    }`);
    const found = halfResiduals.run(materialise().run(lower(largest).entries.train));
    const names = halvesOf(found);
    const backward = found.ops.findLast((op): op is OpOf<"scan"> => op.op === "scan")!;
    expect(backward.body!.ops.some(({ op }) => op === "ge")).toBe(true);
    expect([...names].map(({ name }) => name)).toEqual(["gate"]);
  });

  it("means the same in random programs: a copy is its original", () => {
    fc.assert(
      fc.property(randomPrograms({ lines: 7, states: 3 }), ({ text, entry, D, H, batch, time }) => {
        const program = compile(text, { entry, dims: { D, H } });
        const settled = materialise().run(lower(program.graph).entries.train);
        const halved = halfResiduals.run(settled);
        const dims = { ...program.dims, batch, time, steps: time };
        const numbers = numbersFor(settled, dims);
        const leaf = (name: string) => numbers[name];
        verify(halved, { placed: true });
        expect(interpret(halved, { dims, leaf })).toEqual(interpret(settled, { dims, leaf }));
      }),
      { seed: 7, numRuns: 40 },
    );
  });
});

it("WebAssembly stores f32 only, and says so", () => {
  expect(() => planned(cells.lstm, wasm, { storage: "f16" })).toThrow(
    expect.objectContaining({ diagnostics: [expect.objectContaining({ code: "C0307" })] }),
  );
});

describe.each([cells.lstm, cells.lnlstm, cells.bnlstm])("$file", (cell) => {
  const { graph } = elaborated(cell);
  const whole = lower(graph);
  const pieces = segmented(graph);
  const time = 5;
  const dims = { time, steps: time, D: 2, H: 8, batch: 4 };
  const leaves = numbersFor(whole.placed, dims);
  const numbers = Object.fromEntries(Object.entries(leaves).map(([name, data]) => [name, Float32Array.from(data)]));
  const truth = interpret(whole.entries.train, { dims, leaf: (name) => numbers[name] });
  const shared = sharedTensors(whole.placed, dims, []);
  const inputs = whole.placed.ops.filter(
    (op): op is OpOf<"leaf"> => op.op === "leaf" && op.attrs.leaf.kind === "input",
  );
  const rowsWait = cell.file === "cells/bnlstm";
  const choices: readonly LoopChoice["forward"][] = rowsWait ? ["column", "whole"] : ["column", "row", "whole"];

  it.each(
    choices.flatMap((owner) => [
      { owner, segments: false },
      { owner, segments: true },
    ]),
  )(
    "has the reference's results but for rounding, loops owned by $owner, in segments: $segments",
    ({ owner, segments }) => {
      const loops = { forward: owner, backward: owner };
      const errors = (["f32", "f16"] as const).map((storage) => {
        const options = { entry: "train", dims, machine: wgsl.machine, shared, inputs, loops, storage };
        const program = segments
          ? pieces.train!
          : { pieces: [{ graph: whole.entries.train, loop: undefined }], carries: new Map(), cotangents: new Map() };
        const scheduled = scheduleSegments(program, segments ? 2 : undefined, options);
        for (const { kernel } of scheduled.kernels) verifyKernel(kernel, wgsl.machine);
        const found = runScheduled(scheduled, time, numbers);
        const of = (gradients: boolean): number =>
          Math.max(
            ...[...truth]
              .filter(([key]) => key.startsWith("grad:") === gradients)
              .map(([key, { data }]) => relativeError(data, found.get(key)!)),
          );
        return { forward: of(false), gradient: of(true) };
      });
      const [f32, f16] = errors;
      expect(f16.forward).toBeLessThan(tolerance.forward);
      expect(f16.gradient).toBeLessThan(tolerance.half);
      expect(f16.gradient).toBeGreaterThan(10 * f32.gradient);
    },
  );
});
