/**
 * Generates one kernel of a machine whose unit is a texel. Each unit computes its texel, four floats, of each value that the kernel
 * stores; products and reductions are loops where their results are used. A kernel over a sequence is started for each step.
 */

import type { Extent } from "../../runtime/plan.ts";
import * as dim from "../ir/dim.ts";
import type { Type, Value } from "../ir/types.ts";
import * as x from "../kernel-ir/expr.ts";
import type { BoundRegion, KExpr, Kernel, KStmt } from "../kernel-ir/types.ts";
import { usesOf } from "../kernel-ir/uses.ts";
import { alignedLoads } from "./aligned-loads.ts";
import { combined } from "./combine.ts";
import type { Scope } from "./elementwise.ts";
import { type KernelInput, kernelNames, storedNames } from "./kernel-input.ts";
import type { OwnedAxis } from "./loop-nest.ts";
import { upTo } from "./loops.ts";
import { origin } from "./point.ts";
import { productOfTexels } from "./texel-products.ts";
import { texels, texelsOf } from "./texels.ts";

const one: Extent = { fixed: 1, perStep: 0 };
const steps: Extent = { fixed: 0, perStep: 1 };

export function texelKernel(input: KernelInput): Kernel {
  const { kernel, layout, dims, allocations, defs } = input;
  const { space } = kernel;
  const inside = new Set(kernel.ops.flatMap((op) => op.results));
  const name = kernelNames();
  /** The step of values with `time`. */
  const t: KExpr | undefined = space.time ? x.add(layout.first, { k: "group", axis: 1 }) : undefined;
  const step = kernel.inBody ? x.uniform("t") : undefined;
  const base: Scope = {
    ...{ defs, layout, dims, step, name },
    allocation: (v) => (inside.has(v) ? undefined : allocations.get(v)?.[0]),
  };
  // Loops inside loops find the same ways.
  const scope: Scope = {
    ...base,
    combined: (op, p, evaluation) => combined(op, p, evaluation, scope),
    product: (op, p, evaluation) => productOfTexels(op, p, evaluation, scope),
  };
  const shape = (type: Type): readonly number[] => type.shape.map((d) => dim.evaluate(d, dims));
  const axis = (of: OwnedAxis["axis"], n: number): OwnedAxis => ({ axis: of, ...upTo(n), most: n, multiple: n });
  const axes = (type: Type): readonly OwnedAxis[] => [
    ...(type.batch ? [axis("b", dims.batch)] : []),
    ...shape(type).map((n, i) => axis(i, n)),
  ];
  const stored = [...inside].filter((v) => allocations.has(v));

  const store = (v: Value, value: KExpr): readonly KStmt[] =>
    allocations.get(v)!.map((allocation): KStmt => {
      const at = v.type.time ? t : step;
      const zeros = shape(v.type).map(() => x.int(0));
      const place = layout.placeOf(allocation, at, v.type.batch ? x.int(0) : undefined, zeros, 4);
      const index = x.add(place.index, x.mul({ k: "group", axis: 0 }, x.int(4)));
      const own: KStmt = { s: "store", ...place, index, type: "f32x4", value };
      // A statistic keeps only its first rows.
      if (!allocation.steps || at === undefined) return own;
      const kept = x.compare("lt", layout.global(at), x.int(allocation.steps.count));
      return { s: "if", condition: kept, then: [own], else: [] };
    });

  const site = { scope, store, axes, start: (type: Type) => origin(t, type.shape.length) };
  const body = alignedLoads(texels(site, space, stored));
  const floats = axes(space).reduce((n, { most }) => n * most!, 1);
  return {
    name: kernel.name,
    doc: `${storedNames(input)}. A texel has four neighbours of each.`,
    lanes: 1,
    grid: [{ fixed: texelsOf(floats), perStep: 0 }, t ? steps : one, one],
    regions: usesOf(body).regions.map((bound) => withFrames(bound, input)),
    tiles: [],
    body,
  };
}

/** A bound region and, of a texture with frames, what a frame is. */
function withFrames(bound: BoundRegion, { allocations }: KernelInput): BoundRegion {
  for (const places of allocations.values())
    for (const { buffer } of places) {
      const { texture, size, time: frames } = buffer;
      if (texture?.name !== bound.region) continue;
      return { ...bound, texture: { size, frames, alternate: frames && texture.alternate, stacked: texture.stacked } };
    }
  return bound;
}
