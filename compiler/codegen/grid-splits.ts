/** How the grid shares out a kernel's space: by threads in few large shares, by workgroups in as many as keep all lanes busy. */
import type { Machine } from "../machine.ts";
import type { Owner } from "../partition/fusion.ts";
import { type GridSplit, type SplitSpace, threadBlock } from "./thread-blocks.ts";

/** A kernel that is to be shared out, whoever owns what of it. */
export interface GridSpace extends Omit<SplitSpace, "owner" | "maxGrid"> {
  readonly owner: Owner;
  /** In how many parts the kernel takes the batch, if it does. */
  readonly parts: number | undefined;
  /** The side of the tiles in which a kernel of single elements is best cut for the products in it; undefined: no tiles. */
  readonly tileSide: (rows: number, columns: number | undefined) => number | undefined;
}

/** Columns of a thread's part of the batch: two cache lines. */
const THREAD_PART = 32;

/** The axes that the grid shares out, and how much of each one unit owns. */
export function gridSplits(kernel: GridSpace, machine: Machine): readonly GridSplit[] {
  const { unit, maxGrid } = machine;
  const { owner, parts, batch } = kernel;
  switch (unit.kind) {
    case "thread": {
      if (owner === "part") return partSplits(kernel, THREAD_PART, maxGrid);
      const block = threadBlock({ ...kernel, owner, maxGrid });
      return block ? [block] : [];
    }
    case "workgroup": {
      const { invocations } = unit;
      if (owner !== "part") return workgroupSplits({ ...kernel, owner }, invocations, maxGrid);
      return partSplits(kernel, Math.min(16, Math.floor(invocations / Math.ceil(batch / parts!))), maxGrid);
    }
    case "texel":
      // A unit has one texel: there is nothing to share out.
      return [];
  }
}

/** A block of an axis, of at least one element and so large that the grid is not too long. */
const atLeast = (block: number, extent: number, maxGrid: number): number =>
  Math.max(block, Math.ceil(extent / maxGrid), 1);

function partSplits({ shape, batch, parts }: GridSpace, columns: number, maxGrid: number): readonly GridSplit[] {
  const examples: GridSplit = { axis: "b", extent: batch, block: Math.ceil(batch / parts!), count: parts! };
  const lastAxis = shape.length - 1;
  const extent = shape[lastAxis];
  if (extent === undefined) return [examples];
  return [{ axis: lastAxis, extent, block: atLeast(Math.min(columns, extent), extent, maxGrid) }, examples];
}

function workgroupSplits(
  { owner, space, shape, batch, byStep, allSteps, tileSide }: GridSpace & Pick<SplitSpace, "owner">,
  lanes: number,
  maxGrid: number,
): readonly GridSplit[] {
  const lastAxis = shape.length - 1;
  const columns = shape[lastAxis];
  const split = (axis: "b" | number, extent: number, block: number): GridSplit => ({
    axis,
    extent,
    block: atLeast(Math.min(block, extent), extent, maxGrid),
  });
  switch (owner) {
    case "whole":
      return [];
    case "column":
    case "steps":
      // As many columns as fill the lanes with the batch. With a workgroup for every step there are enough of them, and each
      // has whole cache lines, or a tile, of columns.
      return [split(lastAxis, columns, byStep ? 64 : Math.min(16, Math.floor(lanes / batch)))];
    case "row":
    case "element": {
      const axis = space.batch ? "b" : 0;
      const extent = space.batch ? batch : shape[0];
      if (extent === undefined) return [];
      const features = shape.reduce((a, b) => a * b, 1);
      const rest = space.batch ? features : features / extent;
      const tile = owner === "element" ? tileSide((extent * rest) / columns, columns) : undefined;
      // A lane that runs all steps of an element should have no other.
      if (owner === "element" && allSteps && space.batch && rest > lanes) {
        const most = Math.floor((lanes * shape[0]) / rest);
        return [split("b", extent, 1), split(0, shape[0], most)];
      }
      if (tile === undefined) return [split(axis, extent, Math.floor(lanes / rest))];
      return [split(axis, extent, Math.max(1, Math.floor(tile / (rest / columns)))), split(lastAxis, columns, tile)];
    }
  }
}
