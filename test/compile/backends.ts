/** Backends for the tests of a file, opened once: a shader compiler and a device take long to start. */
import { afterAll, beforeAll } from "vitest";
import type { Target } from "../../compiler/target.ts";
import type { Backend } from "../../runtime/backend.ts";
import { allowRelaxedSimd } from "../../runtime/node/relaxed-simd.ts";
import { wasmBackend } from "../../runtime/wasm/wasm.ts";
import { webgpuBackend } from "../../runtime/webgpu/webgpu.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { wgsl } from "../../targets/wgsl/target.ts";

export interface Place {
  readonly name: string;
  readonly target: Target;
  readonly open: () => Promise<Backend>;
}

allowRelaxedSimd();

/** Where kernels run. A machine without a WebGPU adapter cannot run these tests, and fails them with the reason. */
export const places = {
  wasm: { name: "WebAssembly", target: wasm, open: async () => wasmBackend({ simd: "plain" }) },
  relaxed: { name: "WebAssembly with relaxed SIMD", target: wasm, open: async () => wasmBackend({ simd: "relaxed" }) },
  wgsl: { name: "WebGPU", target: wgsl, open: webgpuBackend },
} as const satisfies Record<string, Place>;

/** Opens a place's backend before the tests of the enclosing `describe` and closes it behind them. */
export function opened(place: Place): () => Backend {
  let backend: Backend | undefined;
  beforeAll(async () => {
    backend = await place.open();
  });
  afterAll(() => backend?.close());
  return () => backend!;
}
