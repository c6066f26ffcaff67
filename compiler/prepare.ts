/** The passes that prepare a graph for one machine and one size, behind all that keep it portable. */
import type { Marks } from "./buffers/assignment.ts";
import type { Value } from "./ir/types.ts";
import type { Machine } from "./machine.ts";
import { halfResiduals } from "./passes/half-residuals.ts";
import { materialise } from "./passes/materialise.ts";
import { prepackWeights } from "./passes/prepack-weights.ts";
import type { Piece } from "./passes/segment.ts";

/** As what the values saved for the backward pass are stored. */
export type Storage = "f32" | "f16";

export interface PrepareOptions {
  readonly machine: Machine;
  readonly dims: Readonly<Record<string, number>>;
  readonly storage?: Storage;
}

export interface Prepared {
  readonly pieces: readonly Piece[];
  readonly marks: Marks;
}

export function prepare(pieces: readonly Piece[], { machine, dims, storage }: PrepareOptions): Prepared {
  const halves = new Set<Value>();
  const quads = new Set<Value>();
  const prepared = pieces.map(({ graph, loop }): Piece => {
    const packed = prepackWeights(materialise(graph, loop !== undefined), machine, dims);
    for (const v of packed.quads) quads.add(v);
    if (storage !== "f16") return { graph: packed.graph, loop };
    const halved = halfResiduals(packed.graph);
    for (const v of halved.halves) halves.add(v);
    return { graph: halved.graph, loop };
  });
  return { pieces: prepared, marks: { halves, quads } };
}
