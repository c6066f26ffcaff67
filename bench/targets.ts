/** This compiler's targets, with a machine to run them on: the only place in the benches that knows how they are opened. */
import type { Target } from "../compiler/target.ts";
import type { Backend } from "../runtime/backend.ts";
import { allowRelaxedSimd } from "../runtime/node/relaxed-simd.ts";
import { bestSimd } from "../runtime/wasm/module.ts";
import { wasmBackend } from "../runtime/wasm/wasm.ts";
import { findAdapter } from "../runtime/webgpu/adapter.ts";
import { webgpuBackend } from "../runtime/webgpu/webgpu.ts";
import { wasm } from "../targets/wasm/target.ts";
import { wgsl } from "../targets/wgsl/target.ts";

export type TargetName = Target["name"];

export interface Opened {
  readonly target: Target;
  readonly backend: Backend;
  readonly facts: Readonly<Record<string, string>>;
}

/** Throws with the reason where a target has nothing to run on, or nothing that would be worth timing. */
export async function openTarget(name: TargetName, threads: number): Promise<Opened> {
  switch (name) {
    case "wasm": {
      allowRelaxedSimd();
      const backend = wasmBackend({ threads });
      if (backend.threads < threads) throw new Error("memory cannot be shared between threads here");
      return { target: wasm, backend, facts: { threads: String(backend.threads), simd: bestSimd() } };
    }
    case "wgsl": {
      const { info } = (await findAdapter()).adapter;
      const device = [info.vendor, info.architecture, info.description].filter((word) => word !== "").join(", ");
      if (isProcessor(info)) throw new Error(`there is no GPU: the WebGPU adapter is a processor (${device})`);
      return { target: wgsl, backend: await webgpuBackend(), facts: { device } };
    }
    default:
      return name satisfies never;
  }
}

/** Vulkan drivers that compute on the processor: Google's, and Mesa's under its names then and now. */
const processorDrivers = /swiftshader|llvmpipe|lavapipe|softpipe/i;

/** Whether an adapter is no GPU, so that its times would say nothing about one. */
export function isProcessor(info: Pick<GPUAdapterInfo, "architecture" | "description" | "device" | "vendor">): boolean {
  return [info.vendor, info.architecture, info.device, info.description].some((word) => processorDrivers.test(word));
}
