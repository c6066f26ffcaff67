/** A made-up machine that owns single texels, as a fragment shader does, and binds as few textures as some do. */
import type { Machine } from "../../compiler/machine.ts";
import { wgsl } from "../../targets/wgsl/target.ts";

export const texels: Machine = {
  ...wgsl.machine,
  name: "texels",
  unit: { kind: "texel" },
  vector: 4,
  tileBytes: 0,
  barriers: false,
  readWrite: false,
  outputs: { most: 4, width: 4 },
  buffers: "textures",
  halves: false,
};
