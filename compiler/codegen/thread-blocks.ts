/**
 * What of a kernel's space a workgroup owns where it is a thread. The workgroups of a grid are shared out among threads, in
 * contiguous shares.
 */
import { LINE } from "../buffers/layout.ts";
import type { Type } from "../ir/types.ts";
import type { Owner } from "../partition/fusion.ts";
import { FEWEST_ROWS } from "../passes/prepack-weights.ts";

/** An axis that the grid shares out, and how much of it one workgroup owns. */
export interface GridSplit {
  readonly axis: "b" | number;
  readonly extent: number;
  readonly block: number;
  /** Workgroups, where there may be more than the extent needs: their shares are empty. */
  readonly count?: number;
}

/** A kernel that is to be shared out. */
export interface SplitSpace {
  readonly owner: Exclude<Owner, "part">;
  readonly space: Type;
  /** Extents of the space's features. */
  readonly shape: readonly number[];
  readonly batch: number;
  /** A workgroup has one step of many: the steps are shared out already. */
  readonly byStep: boolean;
  readonly hasProduct: boolean;
  readonly maxGrid: number;
}

/** Threads on common machines. */
const THREADS = 8;

/** Floats of a vector. */
const VECTOR = 4;

/** Columns of a workgroup that has one step of many: of a tile of 64 examples, several fit the first-level cache. */
const WIDE = 32;

/**
 * Where workgroups that follow each other run as one, a thread's share is one stretch however fine the grid is, and a fine grid
 * gives threads equal shares.
 */
export function threadBlock(kernel: SplitSpace): GridSplit | undefined {
  const { owner, space, shape, batch, byStep, maxGrid } = kernel;
  const lastAxis = shape.length - 1;
  const part = (axis: "b" | number, extent: number, block: number): GridSplit => ({
    axis,
    extent,
    block: Math.max(Math.min(block, extent), Math.ceil(extent / maxGrid), 1),
  });
  switch (owner) {
    case "whole":
      return undefined;
    case "steps":
    case "column":
      return part(lastAxis, shape[lastAxis], columns(kernel));
    case "row":
    case "element": {
      // Every row of a product reads the same weight: it is shared out by columns.
      const axis = kernel.hasProduct && lastAxis >= 0 && owner === "element" ? lastAxis : space.batch ? "b" : 0;
      const extent = axis === "b" ? batch : shape[axis];
      if (extent === undefined) return undefined;
      if (byStep) return part(axis, extent, extent);
      if (axis === "b") return part(axis, extent, Math.ceil(extent / THREADS));
      // A step's product with what stands around it is a step's kernel like any other.
      return part(axis, extent, axis === lastAxis && space.batch ? columns(kernel) : LINE);
    }
  }
}

function columns({ owner, batch, byStep }: SplitSpace): number {
  if (byStep) return WIDE;
  // With few examples to a row of a weight, and in a sweep over a sequence, whole lines of it are read at once.
  return owner === "steps" || batch < FEWEST_ROWS ? LINE : VECTOR;
}
