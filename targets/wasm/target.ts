import type { Target } from "../../compiler/schedule/target.ts";
import { machine } from "./machine.ts";
import { emitWasm } from "./wasm.ts";

/** WebAssembly: any CPU. */
export const wasm: Target = {
  name: "wasm",
  machine,
  assemble: (kernels) => ({ kind: "wasm", ...emitWasm(kernels) }),
};
