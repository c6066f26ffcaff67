import type { Machine } from "../../compiler/machine.ts";

/** WebAssembly with 128-bit SIMD on one thread; several threads may divide a grid. */
export const machine: Machine = {
  name: "WebAssembly SIMD",
  unit: { kind: "thread" },
  vector: 4,
  /** The first-level data cache of common CPUs. */
  tileBytes: 32768,
  /** A thread's stores are ordered: a barrier prints as nothing. */
  barriers: true,
  readWrite: true,
  outputs: undefined,
  buffers: "regions",
  halves: false,
  /** Workgroups are counted in i32; three axes of this size must not overflow it by mistake along one. */
  maxGrid: 2 ** 30,
  /** Every region has a base address of its own. */
  maxBindings: 6,
  rates: {
    /** Threads meet after a kernel, and see each other's stores through a shared cache: about 1 µs. */
    dispatch: 1,
    /** How many threads there will be is not known here; few machines have less than four cores. */
    units: 4,
    /** 128-bit SIMD at 3.5 GHz: four lanes, a product and a sum a cycle. */
    flops: 4 * 2 * 3500,
    /** Two loads of 16 bytes a cycle from the first-level cache; half of it, because weights come from the second level. */
    bytes: 16 * 3500,
    /** A workgroup is one thread. */
    barrier: 0,
    tileBarrier: 0,
    /** A processor loads ahead. */
    latency: 0,
    /** A thread that owns columns finds their weights in its cache at every step; one that owns rows reads all of them: 2046 µs
     *  against 1617 were measured (LSTM, B=64 H=100 T=100, one thread). */
    rows: 1.3,
  },
};
