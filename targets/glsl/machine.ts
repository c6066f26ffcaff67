import type { Machine } from "../../compiler/machine.ts";

/**
 * WebGL2: fragment shaders that sample float textures and render to float textures. The limits are those that every device has
 * (OpenGL ES 3.0, table 6.31).
 */
export const machine: Machine = {
  name: "WebGL2",
  unit: { kind: "texel" },
  vector: 4,
  tileBytes: 0,
  barriers: false,
  readWrite: false,
  /** MAX_DRAW_BUFFERS, of RGBA32F. */
  outputs: { most: 4, width: 4 },
  buffers: "textures",
  halves: false,
  /** Draws are started one by one: what limits a grid is the size of a texture. */
  maxGrid: 2 ** 31 - 1,
  /** MAX_TEXTURE_IMAGE_UNITS is 16, of which gpu.js needs one for itself: it binds what it creates to a unit beyond its arguments. */
  maxBindings: 15,
  /** WebGL does not say what it runs on: a medium GPU, as for WebGPU. */
  rates: {
    /** A draw that waits for the one before: state changes, validation in the browser's GPU process, the pass itself. */
    dispatch: 20,
    units: 4096,
    /** A multiply-add in each cycle of 1.5 GHz. */
    flops: 2 * 1500,
    /** A texel in four cycles. */
    bytes: 4 * 1500,
    barrier: 0,
    tileBarrier: 0,
    latency: 0,
    rows: 1,
  },
};
