/**
 * The blocks in which a grid is divided where a workgroup is a thread. Each thread runs a contiguous interval of the grid's
 * workgroups.
 */
import { LINE } from "../buffers/layout.ts";
import type { Type } from "../ir/types.ts";
import type { Owner } from "../partition/fusion.ts";
import { FEWEST_ROWS } from "../passes/prepack-weights.ts";

/** An axis that the grid divides, and how much of it one workgroup owns. */
export interface GridSplit {
  readonly axis: "b" | number;
  readonly extent: number;
  readonly block: number;
  /** Workgroups, where there may be more than the extent needs: the last of them own nothing. */
  readonly count?: number;
}

/** The space of a kernel that is to be divided. */
export interface SplitSpace {
  readonly owner: Exclude<Owner, "part">;
  readonly space: Type;
  /** Extents of the space's features. */
  readonly shape: readonly number[];
  readonly batch: number;
  /** Each workgroup has a single step: the grid divides the steps already. */
  readonly byStep: boolean;
  /** The kernel contains a loop over the steps. */
  readonly allSteps: boolean;
  readonly hasProduct: boolean;
  readonly maxGrid: number;
}

/** Threads on common machines. */
const THREADS = 8;

/** Floats of a vector. */
const VECTOR = 4;

/** Columns of a workgroup that has a single step: several tiles of 64 examples fit the first-level cache. */
const WIDE = 32;

/**
 * Which axis of a kernel's space the grid divides, and in what blocks; undefined: none. A thread runs its consecutive workgroups as
 * one, so that small blocks cost nothing and balance the threads.
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
      // Every row of a product reads the whole weight, so the columns are divided.
      // Threads should have some of a loop's units each, also where there are few examples.
      if (owner === "element" && kernel.allSteps && batch < THREADS) return part(lastAxis, shape[lastAxis], LINE);
      const axis = kernel.hasProduct && lastAxis >= 0 && owner === "element" ? lastAxis : space.batch ? "b" : 0;
      const extent = axis === "b" ? batch : shape[axis];
      if (extent === undefined) return undefined;
      if (byStep) return part(axis, extent, extent);
      if (axis === "b") return part(axis, extent, Math.ceil(extent / THREADS));
      // A step's product, with the ops around it, is divided like a step's other kernels.
      return part(axis, extent, axis === lastAxis && space.batch ? columns(kernel) : LINE);
    }
  }
}

function columns({ owner, batch, byStep }: SplitSpace): number {
  if (byStep) return WIDE;
  // With few examples for each row of a weight, and in a sweep over a sequence, whole cache lines of it should be read at once.
  return owner === "steps" || batch < FEWEST_ROWS ? LINE : VECTOR;
}
