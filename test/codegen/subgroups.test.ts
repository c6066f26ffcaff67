/** Sums and maxima that lanes join in subgroups for: what they are, whatever a subgroup's size is. */
import { describe, expect, it } from "vitest";
import { sharedTensors } from "../../compiler/buffers/shared.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import { parseGraph } from "../../compiler/ir/parse-text.ts";
import type { OpOf } from "../../compiler/ir/types.ts";
import { KernelError, verifyKernel } from "../../compiler/kernel-ir/verify.ts";
import { schedule } from "../../compiler/schedule.ts";
import { machine, machineWithSubgroups } from "../../targets/wgsl/machine.ts";
import { emitWgsl } from "../../targets/wgsl/wgsl.ts";
import { numbersFor } from "../passes/meaning.ts";
import { runScheduled } from "../schedule/run-scheduled.ts";
import * as b from "../targets/build.ts";

/** Sums of some hundred terms of f32, relative to the largest. */
const tolerance = 1e-5;
/** What WGSL allows. */
const sizes = [4, 8, 16, 32, 64, 128];

const graphs = {
  "sums over the batch": `
    %x = leaf input "x" : f32[batch, H]
    %y = sum %x {batch} : f32[H]
    result output "y" %y`,
  "a sum and a maximum over features": `
    %x = leaf input "x" : f32[batch, H]
    %s = sum %x {features=[0]} : f32[batch]
    %m = maximum %x {features=[0]} : f32[batch]
    %y = sub %s, %m : f32[batch]
    result output "y" %y`,
  "sums over everything": `
    %x = leaf input "x" : f32[time, batch, H]
    %y = sum %x {batch, time, features=[0]} : f32[]
    result output "y" %y`,
} as const;

const shapes = [
  { batch: 64, H: 100, time: 2 },
  { batch: 3, H: 70, time: 1 },
  { batch: 50, H: 3, time: 3 },
];

function scheduled(text: string, dims: Readonly<Record<string, number>>, on: typeof machine) {
  const graph = parseGraph(`graph joint {\n${text}\n}`);
  const bound = { ...dims, steps: dims.time };
  const inputs = graph.ops.filter((op): op is OpOf<"leaf"> => op.op === "leaf");
  const shared = sharedTensors(graph, bound, []);
  return { graph, made: schedule(graph, { entry: "probe", dims: bound, machine: on, shared, inputs }) };
}

describe.each(Object.entries(graphs))("%s", (_what, text) => {
  it.each(shapes)("are what the reference computes for B=$batch H=$H, in subgroups of 4 to 128", (dims) => {
    const { graph, made } = scheduled(text, dims, machineWithSubgroups);
    for (const { kernel } of made.kernels) verifyKernel(kernel, machineWithSubgroups);
    if (dims === shapes[0]) expect(made.kernels.some(({ kernel }) => kernel.subgroups)).toBe(true);
    const leaves = numbersFor(graph, dims);
    const numbers = Object.fromEntries(Object.entries(leaves).map(([n, data]) => [n, Float32Array.from(data)]));
    const truth = interpret(graph, { dims, leaf: (name) => numbers[name] }).get("output:y")!.data;
    for (const size of sizes) {
      const found = runScheduled(made, dims.time, numbers, size).get("output:y")!;
      expect(relativeError(truth, found), `subgroups of ${size}`).toBeLessThan(tolerance);
    }
  });

  it("need no subgroups where the machine has none", () => {
    const { made } = scheduled(text, shapes[0], machine);
    for (const { kernel } of made.kernels) {
      verifyKernel(kernel, machine);
      expect(emitWgsl(kernel)).not.toContain("subgroup");
    }
  });
});

describe("the verifier", () => {
  const joint = b.bind("sum", "f32", { k: "joint", op: "add", a: b.load("input", b.v("i")) });
  const save = b.store("work", b.v("i"), b.fv("sum"));
  const probe = (count: number, ...body: Parameters<typeof b.lanes>[3]) =>
    b.kernel({ body: [b.lanes("i", 0, count, body)] });

  it("lets lanes join where all come together, and only there", () => {
    expect(() => verifyKernel(probe(64, joint, save), machineWithSubgroups)).not.toThrow();
    for (const kernel of [probe(63, joint, save), probe(64, b.when(b.compare("lt", b.v("i"), 3), [joint, save]))])
      expect(() => verifyKernel(kernel, machineWithSubgroups)).toThrow(/may not come together/);
  });

  it("refuses subgroups on a machine without", () => {
    expect(() => verifyKernel(probe(64, joint, save), machine)).toThrow(KernelError);
  });

  it("lets a register live from one lanes loop to the next, where each lane has its own", () => {
    const sum = b.fv("sum");
    const kernel = (count: number, from = 0) =>
      b.kernel({
        body: [
          { s: "register", name: "sum", type: "f32", value: b.f(0) },
          b.lanes("i", 0, 64, [b.assign("sum", "f32", b.load("input", b.v("i")))]),
          b.barrier,
          b.lanes("i", from, count, [b.store("work", b.v("i"), sum)]),
        ],
      });
    expect(() => verifyKernel(kernel(64), machine)).not.toThrow();
    for (const wrong of [kernel(65), kernel(64, 1)])
      expect(() => verifyKernel(wrong, machine)).toThrow(/no lane has its own/);
  });
});
