/** Relaxed SIMD in Node. For Node only. */
import { setFlagsFromString } from "node:v8";
import { bestSimd } from "../wasm/module.ts";

/**
 * Switches relaxed SIMD on where this Node has it and does not offer it by itself, as Node 20: later ones do. For all threads
 * of the process; to be called before WebAssembly first runs.
 */
export function allowRelaxedSimd(): void {
  if (bestSimd() === "plain") setFlagsFromString("--experimental-wasm-relaxed-simd");
}
