import type { Machine } from "../../compiler/schedule/kernel-ir.ts";

/** WebAssembly with 128-bit SIMD on one thread; a grid may be shared out between several. */
export const machine: Machine = {
  name: "WebAssembly SIMD",
  lanes: 1,
  vector: 4,
  /** The first-level data cache of common CPUs. */
  tileBytes: 32768,
  /** Workgroups are counted in i32; three axes of this size must not overflow it by mistake along one. */
  maxGrid: 2 ** 30,
  /** Every region has a base address of its own. */
  maxRegions: 6,
};
