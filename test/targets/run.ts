import type { Kernel } from "../../compiler/kernel-ir/types.ts";
import { emitWasm, regions, type WasmModules } from "../../targets/wasm/wasm.ts";
import { bindings, emitWgsl } from "../../targets/wgsl/wgsl.ts";
import { packF16, unpackF16 } from "./f16.ts";

/** What the regions hold before and after a run; `half` has numbers that are f16, as many as fill words. */
export type Memory = Readonly<Record<string, Float32Array>>;
export interface Times {
  readonly t: number;
  readonly T: number;
  /** How many steps the grid is for, where it is not the whole sequence. */
  readonly steps?: number;
}

const noTimes: Times = { t: 0, T: 1 };

/** The grid of a kernel for a sequence of `T` steps. */
export const gridOf = (kernel: Kernel, T: number): [number, number, number] =>
  kernel.grid.map(({ fixed, perStep }) => fixed + perStep * T) as [number, number, number];

/** Runs one kernel over its whole grid in WebAssembly. Regions lie at odd places on purpose: 4 bytes behind a multiple of 16. */
export async function runWasm(
  kernel: Kernel,
  memory: Memory,
  { t, T }: Times = noTimes,
  variant: keyof WasmModules = "plain",
): Promise<Memory> {
  const { binary } = emitWasm([kernel])[variant];
  const linear = new WebAssembly.Memory({ initial: 64, maximum: 65536, shared: true });
  const { instance } = await WebAssembly.instantiate(binary as BufferSource, { env: { memory: linear } });
  const exports = instance.exports as Record<string, WebAssembly.Global>;
  let end = 4;
  const views: Record<string, Float32Array> = {};
  for (const region of regions) {
    exports[`region_${region}`].value = end;
    const data = memory[region];
    if (data === undefined) continue;
    views[region] = new Float32Array(linear.buffer, end, data.length);
    views[region].set(data);
    end += Math.ceil(data.byteLength / 16) * 16;
  }
  exports.tiles.value = end;
  const run = instance.exports[kernel.name] as (...args: number[]) => void;
  const [x, y, z] = gridOf(kernel, T);
  // In two halves, as two threads would.
  const middle = Math.floor((x * y * z) / 2);
  run(t, T, x, y, z, 0, middle);
  run(t, T, x, y, z, middle, x * y * z);
  return Object.fromEntries(Object.entries(views).map(([region, view]) => [region, view.slice()]));
}

/** Runs one kernel over its whole grid on WebGPU. Throws with WGSL's messages if the module does not compile. */
export async function runWgsl(
  device: GPUDevice,
  kernel: Kernel,
  memory: Memory,
  { t, T }: Times = noTimes,
): Promise<Memory> {
  const code = emitWgsl(kernel);
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code });
  const layout = device.createBindGroupLayout({
    entries: [0, ...bindings.map((_, at) => at + 1)].map((binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: binding === 0 ? "uniform" : "storage" },
    })),
  });
  const pipeline = device.createComputePipeline({
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: "main" },
  });
  const fault = await device.popErrorScope();
  if (fault !== null) throw new Error(`${fault.message}\n${code}`);

  const uniforms = device.createBuffer({ size: 16, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(uniforms, 0, new Int32Array([t, T, 0, 0]));
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const buffers = bindings.map((region) => {
    const numbers = memory[region] ?? new Float32Array(4);
    const data = region === "half" ? packF16(numbers) : (numbers as Float32Array<ArrayBuffer>);
    const buffer = device.createBuffer({ size: data.byteLength, usage });
    device.queue.writeBuffer(buffer, 0, data);
    return { region, buffer, bytes: data.byteLength };
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    device.createBindGroup({
      layout,
      entries: [uniforms, ...buffers.map(({ buffer }) => buffer)].map((buffer, binding) => ({
        binding,
        resource: { buffer },
      })),
    }),
  );
  pass.dispatchWorkgroups(...gridOf(kernel, T));
  pass.end();
  const results = buffers.map(({ region, buffer, bytes }) => {
    const copy = device.createBuffer({ size: bytes, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    encoder.copyBufferToBuffer(buffer, 0, copy, 0, bytes);
    return { region, copy };
  });
  device.queue.submit([encoder.finish()]);

  const after: Record<string, Float32Array> = {};
  for (const { region, copy } of results) {
    await copy.mapAsync(GPUMapMode.READ);
    const data = copy.getMappedRange().slice(0);
    if (memory[region] !== undefined)
      after[region] = region === "half" ? unpackF16(new Uint32Array(data)) : new Float32Array(data);
    copy.destroy();
  }
  for (const { buffer } of buffers) buffer.destroy();
  uniforms.destroy();
  return after;
}
