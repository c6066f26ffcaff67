/** What a machine cannot do, no kernel is asked for: a machine of texels is not taken for a CPU. */
import { describe, expect, it } from "vitest";
import { sharedTensors } from "../../compiler/buffers/shared.ts";
import { parseGraph } from "../../compiler/ir/parse-text.ts";
import type { Graph, Op, OpOf, Value } from "../../compiler/ir/types.ts";
import { samplersOf } from "../../compiler/kernel-ir/samplers.ts";
import { lower } from "../../compiler/lower.ts";
import type { Machine } from "../../compiler/machine.ts";
import { optimizerGraph } from "../../compiler/optimizer-graph.ts";
import { readOptimizer } from "../../compiler/optimizers.ts";
import { type FusionGroup, fuse } from "../../compiler/partition/fusion.ts";
import { refusal } from "../../compiler/partition/loop-owner.ts";
import { sources } from "../../compiler/partition/reads.ts";
import { stages } from "../../compiler/partition/stages.ts";
import { materialise } from "../../compiler/passes/materialise.ts";
import { captured, definitions } from "../../compiler/passes/rewrite.ts";
import { schedule } from "../../compiler/schedule.ts";
import { bindingsOf } from "../../compiler/texture-bindings.ts";
import { wgsl } from "../../targets/wgsl/target.ts";
import { expectComputed } from "../codegen/expect-computed.ts";
import { numbersFor } from "../passes/meaning.ts";
import { cells, elaborated } from "../schedule/cells.ts";
import { texels } from "./texels.ts";

const graphOf = (ops: string): Graph =>
  parseGraph(`graph g {
    %x = leaf input "x" : f32[batch, H]
    %W = leaf param "W" orthogonal(gain=1) : f32[H, H]
    %n = const 1 * [batch] : f32[]
    ${ops}
    result output "y" %y
  }`);

interface Block {
  readonly ops: readonly Op[];
  readonly results: readonly Value[];
  readonly groups: readonly FusionGroup[];
}

/** The groups of a graph's block, and of the bodies of its loops. */
function blocksOf(graph: Graph, machine: Machine): readonly Block[] {
  const { ops, results } = materialise().run(graph);
  const defs = definitions(ops);
  const blocks = [
    { ops, results: results.map(({ value }) => value) },
    ...ops.flatMap((op) => (op.op === "scan" ? [op.body!] : [])),
  ];
  return blocks.map((block) => ({
    ...block,
    groups: fuse({ ...block, defs, machine }).groups.flatMap((g) => ("scan" in g ? [] : [g])),
  }));
}

/** `op op …` for each kernel of `%y`. */
const kernels = (ops: string, machine: Machine = texels): readonly string[] =>
  blocksOf(graphOf(ops), machine)[0].groups.map((g) => g.ops.map((op) => op.op).join(" "));

const dims = { H: 4, D: 3, batch: 5, time: 3, steps: 3, S: 3, row: 4 };
const planFor = (graph: Graph, machine: Machine) =>
  schedule(graph, {
    entry: "probe",
    dims,
    machine,
    shared: sharedTensors(graph, dims, [], true, new Set(), machine.outputs?.width),
    inputs: [],
  });

describe("kernels of texels", () => {
  it("compute elementwise ops, products and sums where their result is owned, and what is made of that element", () => {
    expect(kernels("%a = tanh %x : f32[batch, H]\n%y = mul %a, %a : f32[batch, H]")).toEqual(["tanh mul"]);
    const mean = `
      %xh = dot %x, %W {k,kn->n} : f32[batch, H]
      %a = tanh %xh : f32[batch, H]
      %t = sum %a {batch} : f32[H]
      %m = div %t, %n : f32[H]
      %y = sub %a, %m : f32[batch, H]`;
    expect(kernels(mean)).toEqual(["dot tanh", "sum div", "sub"]);
  });

  it("store four values at most", () => {
    const values = Array.from({ length: 5 }, (_, i) => `%a${i} = tanh %x : f32[batch, H]`);
    const five = `${values.join("\n")}\n%y = concat %a0, %a1, %a2, %a3, %a4 {axis=0} : f32[batch, 5H]`;
    expect(kernels(five)).toEqual(["tanh tanh tanh tanh", "tanh"]);
    expect(kernels(five, { ...texels, outputs: undefined })).toEqual(["tanh tanh tanh tanh tanh"]);
  });

  it("load from no more textures than can be bound", () => {
    const inputs = Array.from({ length: 9 }, (_, i) => `%x${i} = leaf input "x${i}" : f32[batch, H]`);
    const sums = Array.from(
      { length: 8 },
      (_, i) => `%a${i + 1} = add %${i === 0 ? "x0" : `a${i}`}, %x${i + 1} : f32[batch, H]`,
    );
    const ops = [...inputs, ...sums, "%y = tanh %a8 : f32[batch, H]"].join("\n");
    expect(kernels(ops).map((k) => k.split(" ").length)).toEqual([7, 2]);
    expect(kernels(ops, { ...texels, maxBindings: 9 })).toHaveLength(1);
    expect(() => kernels(ops, { ...texels, maxBindings: 1 })).toThrow(/add cannot be a kernel: it loads 2 values/);
  });

  it("hold no more elementwise ops in a row than are computed without storing one", () => {
    const long = Array.from({ length: 200 }, (_, i) => `%a${i + 1} = sin %a${i} : f32[batch, H]`).join("\n");
    const found = kernels(`%a0 = tanh %x : f32[batch, H]\n${long}\n%y = exp %a200 : f32[batch, H]`);
    expect(found.map((k) => k.split(" ").length)).toEqual([128, 74]);
  });

  it.each(Object.entries(cells))(
    "of %s have one stage, four results at most, and read nothing they made",
    (_, cell) => {
      for (const graph of Object.values(lower(elaborated(cell).graph).entries)) {
        for (const { ops, results, groups } of blocksOf(graph, texels)) {
          const defs = definitions(ops);
          const read = (op: Op): readonly Value[] =>
            [...op.operands, ...(op.op === "scan" ? captured(op.body!) : [])].flatMap((v) => sources(v, defs));
          for (const group of groups) {
            const inside = new Set(group.ops);
            const asked = new Set([...ops.filter((op) => !inside.has(op)).flatMap(read), ...results]);
            const stored = new Set(group.ops.flatMap((op) => op.results).filter((v) => asked.has(v)));
            expect(group.owners).toEqual(["element"]);
            expect(stored.size).toBeLessThanOrEqual(4);
            expect(stages(group.ops, defs, stored, texels)).toEqual({ stages: [group.ops], stored: new Set() });
          }
        }
      }
    },
  );

  it("do not run through steps", () => {
    const { ops } = materialise().run(lower(elaborated(cells.lstm).graph).entries.train);
    const scan = ops.find((op): op is OpOf<"scan"> => op.op === "scan")!;
    const why = (machine: Machine) =>
      (["column", "row", "whole"] as const).map((owner) => refusal(scan, owner, definitions(ops), machine));
    const refused = "no kernel of texels can load what it stored in the step before";
    expect(why(wgsl.machine)).toEqual([undefined, undefined, undefined]);
    expect(why(texels)).toEqual([undefined, refused, refused]);
  });
});

describe("kernels of texels compute what the reference does", () => {
  // Rows of whole texels; and rows that share them, with padding at the end.
  const sizes = [dims, { ...dims, H: 6, D: 5, batch: 2, time: 4, steps: 2 }];
  const each = sizes.flatMap((size) =>
    Object.keys(cells).map((cell) => ({ cell: cell as keyof typeof cells, H: size.H, size })),
  );
  it.each(each)("of $cell with H = $H", ({ cell, size }) => {
    const { placed, entries } = lower(elaborated(cells[cell]).graph);
    // The kernels are verified, and a load or a store of four that is not of a texel throws.
    for (const graph of Object.values(entries))
      expectComputed(graph, placed, { dims: size, leaves: numbersFor(graph, size) }, texels);
  });

  it("in parts of the batch", () => {
    const { placed, entries } = lower(elaborated(cells.bnlstm).graph, { parts: 2, batch: dims.batch });
    expectComputed(entries.train, placed, { dims, leaves: numbersFor(placed, dims) }, texels);
  });
});

describe("buffers of texels", () => {
  const { train } = lower(elaborated(cells.bnlstm).graph).entries;
  const { textures = [], kernels, regions } = planFor(train, texels);

  it("that are live at the same time have textures of their own, and no kernel samples what it renders to", () => {
    const textureOf = (region: string) => textures.find(({ holds }) => holds.includes(region));
    for (const { kernel } of kernels) {
      const stored = kernel.regions.filter(({ access }) => access === "read_write");
      const sampled = new Set(samplersOf(kernel).map(({ region }) => region.region));
      for (const { region, texture } of stored) {
        const found = textureOf(region);
        if (found === undefined) continue;
        const others = found.holds.filter((name) => name !== region && sampled.has(name));
        expect(others, kernel.name).toEqual([]);
        expect(sampled.has(region) && !texture?.alternate, `${kernel.name} ${region}`).toBe(false);
      }
    }
    expect(textures.some(({ holds }) => holds.length > 1)).toBe(true);
  });

  it("count as memory, as buffers of a region do", () => {
    const floats = (frames: boolean): number =>
      textures
        .filter(({ texture }) => (texture.frames !== undefined && typeof texture.frames !== "number") === frames)
        .reduce((sum, { texture: { size, frames = 1 } }) => {
          const copies = typeof frames === "number" ? frames : 1;
          return sum + copies * 16 * Math.ceil(size / 16);
        }, 0);
    expect(regions.work).toMatchObject({ fixed: floats(false), frame: floats(true) });
  });

  it("of parameters are replaced when the kernel that reads them is done", () => {
    const graph = optimizerGraph(readOptimizer("adam"));
    const { kernels } = planFor(graph, texels);
    const inPlace = kernels.filter(({ kernel }) =>
      kernel.regions.some(({ region, access }) => region === "param" && access === "read_write"),
    );
    expect(inPlace).not.toEqual([]);
  });
});

it("a store that is not to the texel of its unit is an internal error", () => {
  const [{ kernel }] = planFor(graphOf("%y = square %x : f32[batch, H]"), texels).kernels;
  const moved = JSON.parse(JSON.stringify(kernel).replaceAll('"op":"mul"', '"op":"add"')) as typeof kernel;
  expect(() => bindingsOf(moved, [])).toThrow(/a store that is not to the texel of its unit/);
});

describe("a GPU without barriers", () => {
  const machine: Machine = { ...wgsl.machine, name: "no barriers", barriers: false };

  it("has a kernel for each stage", () => {
    const sums = "%t = sum %x {batch} : f32[H]\n%m = div %t, %n : f32[H]\n%y = sub %x, %m : f32[batch, H]";
    expect(kernels(sums, wgsl.machine)).toEqual(["sum div sub"]);
    expect(kernels(sums, machine)).toEqual(["sum", "div", "sub"]);
  });

  it.each(["lstm", "lnlstm", "bnlstm"] as const)("computes %s as the reference does, without one", (name) => {
    const { placed, entries } = lower(elaborated(cells[name]).graph);
    // The kernels are verified: none has a barrier.
    expectComputed(entries.train, placed, { dims, leaves: numbersFor(placed, dims) }, machine);
  });
});

it("a kernel that may not load what it stores makes nothing in place", () => {
  const graph = lower(elaborated(cells.gru_before).graph).entries.train;
  const placesOf = (machine: Machine): number =>
    new Set(planFor(graph, machine).arena.map(({ buffer: { offset } }) => offset)).size;
  expect(placesOf({ ...wgsl.machine, readWrite: false })).toBeGreaterThan(placesOf(wgsl.machine));
});
