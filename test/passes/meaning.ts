/** What a graph means, by the reference, before and after a pass. */

import { expect } from "vitest";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import { type Bindings, count, extents } from "../../compiler/ir/tensor.ts";
import type { Graph, Leaf, Type } from "../../compiler/ir/types.ts";
import type { Lowered } from "../../compiler/lower.ts";
import { existing } from "../../runtime/existing.ts";
import { markOf } from "../../runtime/lengths.ts";
import { sample, uniform } from "../ir/numbers.ts";

export type Leaves = Readonly<Record<string, ArrayLike<number>>>;

/** Passes reorder f64 arithmetic on numbers near 1 and sums of some hundred terms; nothing else may differ. */
export const tolerance = 1e-9;

/** Numbers in [−1, 1) for every leaf, whole ones for indices, positive ones for population statistics (which name variances). */
export function numbersFor(graph: Pick<Graph, "ops">, dims: Bindings, seed = 1): Record<string, Float64Array> {
  const random = uniform(seed);
  return Object.fromEntries(
    graph.ops.flatMap((op) => {
      if (op.op !== "leaf") return [];
      const { leaf, type } = op.attrs;
      const n = count(extents(type, dims));
      if (leaf.kind === "index") return [[leaf.name, sample(n, [0, dims[leaf.size]], random).map(Math.floor)]];
      return [[leaf.name, sample(n, leaf.kind === "population" ? [0.5, 1.5] : [-1, 1], random)]];
    }),
  );
}

/** Where all entries of a lowered graph have their leaves: the pass that estimates statistics has one more than the others. */
export const allOps = ({ placed, entries }: Lowered): Pick<Graph, "ops"> => ({
  ops: [...placed.ops, ...entries.estimate.ops],
});

/** Every result of `before` must be one of `after`, equal within `tolerance`. A gradient that is all zeros may be missing. */
export function expectSameMeaning(before: Graph, after: Graph, dims: Bindings, leaves: Leaves): void {
  // Sequences are equally long here.
  const lengths = new Array<number>(dims.batch).fill(dims.time);
  const leaf = (name: string, from: Leaf, type: Type): ArrayLike<number> => {
    if (from.kind === "lengths") return markOf(from.mark, existing(lengths, dims.time));
    const n = count(extents(type, dims));
    // All sequences begin with this run: no state is read.
    if (from.kind === "carry" && leaves[name] === undefined) return new Float64Array(n).fill(0.3);
    // One number, or one for each example.
    if (from.kind === "step") return Float64Array.from({ length: n }, (_, i) => Math.floor((i * dims.time) / n));
    return leaves[name];
  };
  const found = interpret(after, { dims, leaf });
  for (const [name, { data }] of interpret(before, { dims, leaf })) {
    const other = found.get(name);
    if (other === undefined && name.startsWith("grad:") && data.every((v) => v === 0)) continue;
    expect(other, `${name} is there`).toBeDefined();
    expect(relativeError(data, other!.data), name).toBeLessThan(tolerance);
  }
}
