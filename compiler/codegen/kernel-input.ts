/** What code generation starts from: one kernel of a partition whose buffers are assigned. */

import type { Allocations } from "../buffers/assignment.ts";
import type { Addresses } from "../buffers/layout.ts";
import type { Op, OpOf, Value } from "../ir/types.ts";
import type { Machine } from "../machine.ts";
import type { Chunks } from "../partition/chunks.ts";
import type { PartitionedKernel } from "../partition/partition.ts";
import type { Names } from "./loops.ts";

/** A loop over the steps that a kernel contains. */
export interface KernelLoop {
  readonly reverse: boolean;
  /** If lanes own single elements of it: the loop, and the ops that give its states their initial values. */
  readonly elements?: { readonly scan: OpOf<"scan">; readonly initial: readonly Op[]; readonly chunks?: Chunks };
}

export interface KernelInput {
  readonly kernel: PartitionedKernel;
  readonly defs: ReadonlyMap<Value, Op>;
  readonly dims: Readonly<Record<string, number>>;
  readonly machine: Machine;
  readonly layout: Addresses;
  /** The loop over the steps, if the kernel contains it; otherwise the kernel is dispatched once for each step. */
  readonly loop?: KernelLoop;
  readonly allocations: Allocations;
}

/** Makes identifiers of hints, each of them once. */
export function kernelNames(): Names {
  const used = new Map<string, number>();
  const name = (hint: string): string => {
    const base = hint.replace(/[^A-Za-z0-9_]/g, "_").replace(/^(?![A-Za-z])/, "v_");
    const n = (used.get(base) ?? 0) + 1;
    used.set(base, n);
    return n === 1 ? base : name(`${base}_${n}`);
  };
  return name;
}

/** The ops that a kernel computes: of a loop in chunks, each of its kernels computes what it needs of the body again. */
export const computedBy = ({ kernel, loop }: KernelInput): readonly Op[] =>
  loop?.elements ? [...loop.elements.initial, ...loop.elements.scan.body!.ops] : kernel.ops;

/** Into how many chunks of steps a kernel's grid divides the loop that it contains. */
export function chunksIn({ kernel, loop }: KernelInput): number {
  const chunks = loop?.elements?.chunks;
  return chunks === undefined || kernel.role === "combine" || kernel.role === "finish" ? 1 : chunks.count;
}

/** What a unit of the machine owns, by the kernel's owner. */
const owned = {
  column: "some features of the whole batch",
  steps: "some features of the whole batch at every step",
  row: "all features of some examples",
  element: "single elements",
  part: "some features of one part of the batch",
  whole: "everything",
} as const;

/** What a kernel of a loop in chunks computes, if it does not run their steps. */
const roles = {
  reduce: "What each chunk of steps makes of a state",
  combine: "The states before each chunk of steps",
  finish: "Sums over the steps, from those of each chunk",
} as const;

/** What a kernel computes, for a comment above it. */
export function docOf(input: KernelInput): string {
  const { kernel, loop } = input;
  const owner = `A workgroup owns ${owned[kernel.owner]}`;
  if (kernel.role !== undefined) return `${roles[kernel.role]}. ${owner}.`;
  const steps = chunksIn(input) > 1 ? "in chunks of steps, " : "";
  const when = loop ? `, ${steps}${loop.reverse ? "from the last step to the first" : "step after step"}` : "";
  return `${storedNames(input)}. ${owner}${when}.`;
}

/** The names of the values that a kernel stores, for a comment above it. */
export function storedNames({ kernel, allocations }: KernelInput): string {
  const inside = new Set(kernel.ops.flatMap((op) => op.results));
  const stored = [...allocations.keys()].filter((v) => inside.has(v) && v.name !== "");
  return [...new Set(stored.map((v) => v.name))].join(", ") || "values";
}
