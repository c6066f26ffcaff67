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
  /** As halves of words, see `wgsl.ts`: `shader-f16` is a feature that not every device has. */
  halves: true,
  /** maxStorageBuffersPerShaderStage */
  maxBindings: 8,
  /** WebGPU does not say what it runs on: a GPU in the middle, at 1.5 GHz. */
  rates: {
    /** 24 to 36 µs were measured on Vulkan, 32 to 71 on Metal (arXiv 2604.02344): between the middles of the two. */
    dispatch: 40,
    /** Between an integrated GPU's eight to twenty compute units and a large one's hundred. */
    units: 32,
    /** 128 lanes, a multiply-add each a cycle; half of it: a block of 4 × 4 loads for as long as it multiplies. */
    flops: (128 * 2 * 1500) / 2,
    /** 64 bytes a cycle from the first- or second-level cache. */
    bytes: 64 * 1500,
    /** A store and a load by way of the second-level cache, 300 ns each. */
    barrier: 0.6,
    /** Some 50 cycles until the last of eight warps is there. */
    tileBarrier: 0.03,
    /** Both lay their weights down in workgroup memory each step. */
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
