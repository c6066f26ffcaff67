import type { Target } from "../../compiler/target.ts";
import { machine } from "./machine.ts";
import { emitWasm } from "./wasm.ts";

/** WebAssembly: any CPU. */
export const wasm: Target = {
  name: "wasm",
  machine,
  assemble(kernels) {
    const { plain, relaxed } = emitWasm(kernels);
    // An engine takes one of the two; the other is never encoded.
    return {
      kind: "wasm",
      get text() {
        return plain.text;
      },
      get binary() {
        return plain.binary;
      },
      get relaxed() {
        return relaxed.binary;
      },
    };
  },
};
