import type { Target } from "../../compiler/schedule/target.ts";
import { machine } from "./machine.ts";
import { emitWasm } from "./wasm.ts";

/** WebAssembly: any CPU. */
export const wasm: Target = {
  name: "wasm",
  machine,
  assemble(kernels) {
    const { plain, relaxed } = emitWasm(kernels);
    return {
      kind: "wasm",
      get text() {
        return plain.text;
      },
      binary: plain.binary,
      relaxed: relaxed.binary,
    };
  },
};
