/** A graph through the schedule, as Kernel IR means it: what kernels compute is what the reference does. */

import { expect } from "vitest";
import { sharedTensors } from "../../compiler/buffers/shared.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import type { Graph, OpOf } from "../../compiler/ir/types.ts";
import type { Kernel } from "../../compiler/kernel-ir/types.ts";
import { verifyKernel } from "../../compiler/kernel-ir/verify.ts";
import type { Machine } from "../../compiler/machine.ts";
import type { LoopChoice } from "../../compiler/partition/loop-strategy.ts";
import { schedule } from "../../compiler/schedule.ts";
import type { RandomGraph } from "../ir/random-graph.ts";
import { runScheduled } from "../schedule/run-scheduled.ts";

/** Stores round to f32, whose unit is 6e-8; random graphs lose some digits to sums of terms of either sign. */
const tolerance = 2e-4;

/** `placed` has the leaves. Answers with the kernels, for tests of what they look like. */
export function expectComputed(
  graph: Graph,
  placed: Graph,
  { dims, leaves }: Pick<RandomGraph, "dims" | "leaves">,
  machine: Machine,
  loops: LoopChoice = {},
): readonly Kernel[] {
  const bound = { S: dims.time, ...dims, steps: dims.time };
  const shared = sharedTensors(placed, bound, [], true, new Set(), machine.outputs?.width);
  const inputs = placed.ops.filter((op): op is OpOf<"leaf"> => op.op === "leaf" && op.attrs.leaf.kind === "input");
  const scheduled = schedule(graph, { entry: "random", dims: bound, machine, shared, inputs, loops });
  for (const { kernel } of scheduled.kernels) verifyKernel(kernel, machine);
  const numbers = Object.fromEntries(Object.entries(leaves).map(([name, data]) => [name, Float32Array.from(data)]));
  const found = runScheduled(scheduled, dims.time, numbers);
  for (const [key, { data }] of interpret(graph, { dims: bound, leaf: (name) => numbers[name] })) {
    const value = found.get(key) ?? found.get(key.replace("grad:", "output:d_"));
    expect(value, `${key} is there`).toBeDefined();
    expect(relativeError(data, value!), key).toBeLessThan(tolerance);
  }
  return scheduled.kernels.map(({ kernel }) => kernel);
}
