/** Relaxed SIMD in Node. For Node only. */
import { setFlagsFromString } from "node:v8";
import { bestSimd } from "../wasm/module.ts";

/**
 * Switches relaxed SIMD on where Node has it but does not enable it by default, as in Node 20. It affects all threads of the
 * process; call it before WebAssembly first runs.
 */
export function allowRelaxedSimd(): void {
  if (bestSimd() === "plain") setFlagsFromString("--experimental-wasm-relaxed-simd");
}
