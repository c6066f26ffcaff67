import type { Target } from "../../compiler/target.ts";
import { emitGlsl } from "./glsl.ts";
import { machine } from "./machine.ts";

/** WebGL2. */
export const glsl: Target = {
  name: "glsl",
  machine,
  assemble: (kernels) => ({ kind: "glsl", modules: Object.fromEntries(kernels.map((k) => [k.name, emitGlsl(k)])) }),
};
