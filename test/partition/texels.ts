/** A made-up machine that owns single texels, as WebGL2 does, with the limits and rates of another. */
import type { Machine } from "../../compiler/machine.ts";
import { machine as webgl2 } from "../../targets/glsl/machine.ts";
import { wgsl } from "../../targets/wgsl/target.ts";

export const texels: Machine = {
  ...webgl2,
  name: "texels",
  maxGrid: wgsl.machine.maxGrid,
  maxBindings: wgsl.machine.maxBindings,
  rates: wgsl.machine.rates,
};
