import { invocationsOf, type Machine } from "../../compiler/machine.ts";

/** WebGPU's default limits, which every device grants (WebGPU specification, "Limits"). */
export const machine: Machine = {
  name: "WebGPU",
  /** maxComputeInvocationsPerWorkgroup */
  unit: { kind: "workgroup", invocations: 256, subgroups: false },
  /** GPUs are scalar machines: a lane is an invocation. */
  vector: 1,
  /** maxComputeWorkgroupStorageSize */
  tileBytes: 16384,
  barriers: true,
  readWrite: true,
  outputs: undefined,
  buffers: "regions",
  /** maxComputeWorkgroupsPerDimension */
  maxGrid: 65535,
  /** Packed in pairs, see `wgsl.ts`: `shader-f16` is a feature that not every device has. */
  halves: true,
  /** maxStorageBuffersPerShaderStage */
  maxBindings: 8,
  /** WebGPU does not say what it runs on: a medium GPU at 1.5 GHz. */
  rates: {
    /** Between the medians of 24 to 36 µs measured on Vulkan and 32 to 71 on Metal (arXiv 2604.02344). */
    dispatch: 40,
    /** Between an integrated GPU's eight to twenty compute units and a large one's hundred. */
    units: 32,
    /** Half of 128 lanes with a multiply-add in each cycle: a block of 4 × 4 spends as much time on loads as on multiply-adds. */
    flops: (128 * 2 * 1500) / 2,
    /** 64 bytes a cycle from the first- or second-level cache. */
    bytes: 64 * 1500,
    /** A store and a load through the second-level cache, 300 ns each. */
    barrier: 0.6,
    /** About 50 cycles until the last of eight warps arrives. */
    tileBarrier: 0.03,
    /** A load through the second-level cache. */
    latency: 0.3,
    /** Both stage their weights in workgroup memory at each step. */
    rows: 1,
  },
};

/**
 * Devices with the feature `subgroups`. WGSL leaves open which invocations share a subgroup; in a workgroup of one axis, whose
 * size is a multiple of every subgroup's (4 to 128), all implementations take neighbours.
 */
export const machineWithSubgroups: Machine = {
  ...machine,
  name: "WebGPU with subgroups",
  unit: { kind: "workgroup", invocations: invocationsOf(machine), subgroups: true },
};
