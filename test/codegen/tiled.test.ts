/** Products in tiles: what they compute, at shapes that tiles fit and at shapes that they do not. */
import { describe, expect, it } from "vitest";
import { sharedTensors } from "../../compiler/buffers/shared.ts";
import { worthTiling } from "../../compiler/codegen/matmul/tile-shape.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import { parseGraph } from "../../compiler/ir/parse-text.ts";
import type { Bindings } from "../../compiler/ir/tensor.ts";
import type { OpOf } from "../../compiler/ir/types.ts";
import { verifyKernel } from "../../compiler/kernel-ir/verify.ts";
import { type Scheduled, schedule } from "../../compiler/schedule.ts";
import { machine } from "../../targets/wgsl/machine.ts";
import { emitWgsl } from "../../targets/wgsl/wgsl.ts";
import { numbersFor } from "../passes/meaning.ts";
import { runScheduled } from "../schedule/run-scheduled.ts";

/** Sums of some hundred terms of f32, relative to the largest; what cancels rounds by the size of what cancels, some tenths. */
const tolerance = 1e-5;
const floor = 0.1;

const graphs = {
  "one product, and what is computed of it": `
    %x = leaf input "x" : f32[time, batch, D]
    %W = leaf param "W" constant(0) : f32[D, H]
    %b = leaf param "b" constant(0) : f32[H]
    %p = dot %x, %W {k,ka->a} : f32[time, batch, H]
    %q = add %p, %b : f32[time, batch, H]
    %y = tanh %q : f32[time, batch, H]
    result output "y" %y`,
  "a weight that lies the other way": `
    %x = leaf input "x" : f32[batch, D]
    %W = leaf param "W" constant(0) : f32[H, D]
    %y = dot %x, %W {k,ak->a} : f32[batch, H]
    result output "y" %y`,
  "two products of one left side": `
    %x = leaf input "x" : f32[batch, D]
    %U = leaf param "U" constant(0) : f32[D, H]
    %V = leaf param "V" constant(0) : f32[D, H]
    %u = dot %x, %U {k,ka->a} : f32[batch, H]
    %v = dot %x, %V {k,ka->a} : f32[batch, H]
    %y = mul %u, %v : f32[batch, H]
    result output "y" %y`,
  "four gates, with statistics over the batch": `
    %x = leaf input "x" : f32[batch, D]
    %W = leaf param "W" constant(0) : f32[D, 4H]
    %i, %f, %o, %g = split %W {axis=1, parts=4} : f32[D, H], f32[D, H], f32[D, H], f32[D, H]
    %pi = dot %x, %i {k,ka->a} : f32[batch, H]
    %pf = dot %x, %f {k,ka->a} : f32[batch, H]
    %po = dot %x, %o {k,ka->a} : f32[batch, H]
    %pg = dot %x, %g {k,ka->a} : f32[batch, H]
    %a = mul %pi, %pf : f32[batch, H]
    %b = mul %po, %pg : f32[batch, H]
    %c = add %a, %b : f32[batch, H]
    %s = sum %c {batch} : f32[H]
    %y = sub %c, %s : f32[batch, H]
    result output "y" %y`,
  "products of two left sides": `
    %x = leaf input "x" : f32[batch, D]
    %z = leaf input "z" : f32[batch, H]
    %U = leaf param "U" constant(0) : f32[D, H]
    %V = leaf param "V" constant(0) : f32[H, H]
    %u = dot %x, %U {k,ka->a} : f32[batch, H]
    %v = dot %z, %V {k,ka->a} : f32[batch, H]
    %y = add %u, %v : f32[batch, H]
    result output "y" %y`,
  "a weight's gradient, over the batch and time": `
    %x = leaf input "x" : f32[time, batch, D]
    %d = leaf input "d" : f32[time, batch, H]
    %y = dot %x, %d {k,a->ka; batch; time} : f32[D, H]
    result output "y" %y`,
  "a product of what the kernel computes": `
    %x = leaf input "x" : f32[batch, D]
    %W = leaf param "W" constant(0) : f32[D, H]
    %m = sum %x {features=[0], keep} : f32[batch, 1]
    %c = sub %x, %m : f32[batch, D]
    %y = dot %c, %W {k,ka->a} : f32[batch, H]
    result output "y" %y`,
} as const;

const shapes: readonly Bindings[] = [
  { batch: 64, D: 28, H: 16, time: 2 },
  { batch: 16, D: 16, H: 40, time: 3 },
  { batch: 5, D: 100, H: 21, time: 3 },
  { batch: 3, D: 41, H: 70, time: 2 },
  { batch: 70, D: 9, H: 14, time: 1 },
  { batch: 1, D: 3, H: 3, time: 2 },
];

function scheduled(text: string, dims: Bindings): { graph: ReturnType<typeof parseGraph>; made: Scheduled } {
  const graph = parseGraph(`graph tiles {\n${text}\n}`);
  const bound = { ...dims, steps: dims.time };
  const shared = sharedTensors(graph, bound, []);
  const inputs = graph.ops.filter((op): op is OpOf<"leaf"> => op.op === "leaf" && op.attrs.leaf.kind === "input");
  return { graph, made: schedule(graph, { entry: "probe", dims: bound, machine, shared, inputs }) };
}

describe.each(Object.entries(graphs))("%s", (_what, text) => {
  it.each(shapes)("is what the reference computes at B=$batch D=$D H=$H", (dims) => {
    const { graph, made } = scheduled(text, dims);
    for (const { kernel } of made.kernels) verifyKernel(kernel, machine);
    const leaves = numbersFor(graph, dims);
    const numbers = Object.fromEntries(Object.entries(leaves).map(([n, data]) => [n, Float32Array.from(data)]));
    const found = runScheduled(made, dims.time, numbers);
    for (const [key, { data }] of interpret(graph, { dims, leaf: (name) => numbers[name] }))
      expect(relativeError(data, found.get(key)!, floor), key).toBeLessThan(tolerance);
  });
});

it("the WGSL of four gates and their statistics is as kept", async () => {
  const { made } = scheduled(graphs["four gates, with statistics over the batch"], {
    batch: 64,
    D: 100,
    H: 16,
    time: 1,
  });
  await expect(made.kernels.map(({ kernel }) => emitWgsl(kernel)).join("\n")).toMatchFileSnapshot(
    "../golden/kernels/tiled-gates.wgsl",
  );
});

describe("a product is tiled", () => {
  const tiled = (text: string, dims: Bindings): boolean =>
    scheduled(text, dims).made.kernels.some(({ kernel }) => kernel.tiles.some(({ vectors }) => vectors));

  it.each(Object.entries(graphs))("where it is worth it: %s", (_what, text) => {
    expect(tiled(text, { batch: 64, D: 32, H: 48, time: 2 })).toBe(true);
  });

  it.each(Object.entries(graphs))("and not for one example with three features: %s", (_what, text) => {
    expect(tiled(text, { batch: 1, D: 3, H: 3, time: 2 })).toBe(false);
  });

  it("by a rule of sizes: rows, terms, and multiply-adds a lane", () => {
    const worth = (rows: number, columns: number, terms: number): boolean =>
      worthTiling(rows, columns, { count: 1, terms }, machine);
    expect(worth(64, 64, 64)).toBe(true);
    expect(worth(1, 4096, 64)).toBe(false);
    expect(worth(64, 64, 7)).toBe(false);
    expect(worth(4, 4, 511)).toBe(false);
    expect(worth(4, 4, 512)).toBe(true);
  });
});
