import type { Code } from "./plan.ts";

/** The names of backends for people. */
export const backendTitles: Readonly<Record<Code["kind"], string>> = {
  wgsl: "WebGPU",
  glsl: "WebGL2",
  wasm: "WebAssembly",
};
