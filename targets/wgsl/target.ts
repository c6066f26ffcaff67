import type { Target } from "../../compiler/target.ts";
import { machine, machineWithSubgroups } from "./machine.ts";
import { emitWgsl } from "./wgsl.ts";

/** WebGPU. */
export const wgsl: Target = {
  name: "wgsl",
  machine,
  assemble: (kernels) => ({ kind: "wgsl", modules: Object.fromEntries(kernels.map((k) => [k.name, emitWgsl(k)])) }),
};

/** WebGPU on devices with the feature `subgroups`. */
export const wgslWithSubgroups: Target = { ...wgsl, machine: machineWithSubgroups };
