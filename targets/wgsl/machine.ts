import type { Machine } from "../../compiler/schedule/kernel-ir.ts";

/** WebGPU's default limits, which every device grants (WebGPU specification, "Limits"). */
export const machine: Machine = {
  name: "WebGPU",
  /** maxComputeInvocationsPerWorkgroup */
  lanes: 256,
  /** GPUs are scalar machines: a lane is an invocation. */
  vector: 1,
  /** maxComputeWorkgroupStorageSize */
  tileBytes: 16384,
  /** maxComputeWorkgroupsPerDimension */
  maxGrid: 65535,
  /** maxStorageBuffersPerShaderStage */
  maxRegions: 8,
};
