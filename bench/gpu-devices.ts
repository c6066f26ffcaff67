/** GPUs as a roofline model sees them: figures that their makers publish, and what is assumed of all. */
import { machine } from "../targets/wgsl/machine.ts";

export interface GpuDevice {
  readonly name: string;
  /** Streaming multiprocessors, or Apple's cores: what a workgroup runs on. */
  readonly cores: number;
  /** 10⁹ cycles a second, at boost. */
  readonly gigahertz: number;
  /** 10⁹ bytes a second between memory and all cores. */
  readonly gigabytes: number;
  /** µs between the ends of two dispatches that have nothing to do: the lower end of what was measured. */
  readonly dispatch: number;
  readonly source: string;
}

/**
 * Time of a dispatch in a chain of dispatches, as measured on Dawn, wgpu and three browsers: 24 to 36 µs on Vulkan, 32 to 71 µs on Metal.
 * It is what the interface takes, on the processor. GPUs could do with a tenth.
 */
const measured = "WebGPU dispatches: Maczan 2026, arXiv 2604.02344";
const [vulkan, metal] = [24, 32];

export const gpuDevices: readonly GpuDevice[] = [
  {
    ...{ name: "H200", cores: 132, gigahertz: 1.98, gigabytes: 4800, dispatch: vulkan },
    source: `NVIDIA H200 data sheet: 67 TFLOPS in FP32, 4.8 TB/s; 132 SMs of the Hopper architecture. ${measured}`,
  },
  {
    ...{ name: "RTX 4070", cores: 46, gigahertz: 2.475, gigabytes: 504, dispatch: vulkan },
    source: `NVIDIA: 46 SMs, 5888 CUDA cores, boost 2475 MHz, 504 GB/s. ${measured}`,
  },
  {
    ...{ name: "Apple M2", cores: 10, gigahertz: 1.4, gigabytes: 100, dispatch: metal },
    source: `Apple: 10 cores, 3.6 TFLOPS, 100 GB/s. ${measured}`,
  },
];

/** What a core does in a cycle, on each of them: 128 lanes that multiply and add. */
export const FLOPS_A_CYCLE = 256;
/** Floats that a core loads from workgroup memory in a cycle: 32 banks. Published for NVIDIA's, assumed for Apple's. */
export const TILE_FLOATS_A_CYCLE = 32;
/** Floats that a core loads from the cache that it shares with others, in a cycle: 64 bytes. Measured on NVIDIA's, assumed for Apple's. */
export const REGION_FLOATS_A_CYCLE = 16;
/** µs that a barrier of a workgroup costs, of workgroup memory and of storage. */
export const { tileBarrier: TILE_BARRIER, barrier: BARRIER } = machine.rates;
