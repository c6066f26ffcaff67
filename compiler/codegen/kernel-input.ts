/** What code generation starts from: one kernel of a partition whose buffers are assigned. */

import type { Allocations } from "../buffers/assignment.ts";
import type { Addresses } from "../buffers/layout.ts";
import type { Op, Value } from "../ir/types.ts";
import type { Machine } from "../machine.ts";
import type { PartitionedKernel } from "../partition/partition.ts";
import type { Names } from "./loops.ts";

export interface KernelInput {
  readonly kernel: PartitionedKernel;
  readonly defs: ReadonlyMap<Value, Op>;
  readonly dims: Readonly<Record<string, number>>;
  readonly machine: Machine;
  readonly layout: Addresses;
  /** The loop over the steps, if the kernel contains it; otherwise the kernel is dispatched once for each step. */
  readonly loop?: { readonly reverse: boolean };
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

/** The names of the values that a kernel stores, for a comment above it. */
export function storedNames({ kernel, allocations }: KernelInput): string {
  const inside = new Set(kernel.ops.flatMap((op) => op.results));
  const stored = [...allocations.keys()].filter((v) => inside.has(v) && v.name !== "");
  return [...new Set(stored.map((v) => v.name))].join(", ") || "values";
}
