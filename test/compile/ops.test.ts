import { describe, expect, it } from "vitest";
import { isElementwise } from "../../compiler/ir/ops/elementwise.ts";
import type { Bindings } from "../../compiler/ir/tensor.ts";
import type { Leaf } from "../../compiler/ir/types.ts";
import { sample } from "../ir/numbers.ts";
import { opened, places } from "./backends.ts";
import { domainOf, opGraph, type TableOp, tableOps } from "./op-graph.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

/** Around the width of a vector: none, and some left over. */
const extents: readonly Bindings[] = [
  { H: 1, D: 3, V: 5 },
  { H: 3, D: 4, V: 1 },
  { H: 4, D: 5, V: 3 },
  { H: 5, D: 9, V: 2 },
  { H: 9, D: 1, V: 4 },
];
const batches = [1, 2, 5, 64];

/** Sixteenths: what is equal in f64 is equal in f32, so that comparisons and ties come out alike. */
function draw(leaf: Leaf, n: number, random: () => number): Float64Array | undefined {
  if (leaf.kind !== "input" && leaf.kind !== "param") return undefined;
  return sample(n, domainOf(leaf.name), random).map((v) => Math.round(v * 16) / 16);
}

const study = (ops: readonly TableOp[], some: readonly Bindings[], batch: number): Study =>
  new Study(opGraph(ops, some), { dims: {}, batch, time: 3, seed: batch, draw });

describe("every op, forward and backward, on WebAssembly, plain and relaxed, as in the reference:", () => {
  const backends = [places.wasm, places.relaxed].map(opened);

  it.each(tableOps)("%s", async (op) => {
    for (const [k, batch] of batches.entries()) {
      const some = [0, 1, 3].map((i) => extents[(i + k) % extents.length]);
      const made = study([op], some, batch);
      for (const backend of backends) {
        const errors = await made.targetErrors(places.wasm.target, backend(), ["train"]);
        expect(errors.forward, `batch ${batch}`).toBeLessThan(tolerance.forward);
        expect(errors.gradient, `batch ${batch}`).toBeLessThan(tolerance.gradient);
      }
    }
  });
});

describe("every op, forward and backward, on WebGPU as in the reference:", () => {
  const backend = opened(places.wgsl);

  /** Together, because a shader compiler takes its time; each group sees other extents, with more examples than lanes or with fewer. */
  const groups = Array.from({ length: Math.ceil(tableOps.length / 10) }, (_, i) => tableOps.slice(10 * i, 10 * i + 10));
  it.each(groups.map((ops, i) => ({ ops, i, names: ops.join(", ") })))("$names", async ({ ops, i }) => {
    // What adds up or rearranges meets both; an elementwise op is the same for any number of examples.
    for (const batch of ops.every(isElementwise) ? [[5, 64][i % 2]] : [5, 64]) {
      const made = study(ops, [extents[(i + batch) % extents.length]], batch);
      const errors = await made.targetErrors(places.wgsl.target, backend(), ["train"]);
      expect(errors.forward, `batch ${batch}`).toBeLessThan(tolerance.forward);
      expect(errors.gradient, `batch ${batch}`).toBeLessThan(tolerance.gradient);
    }
  });
});
