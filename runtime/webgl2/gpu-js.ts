/** What we use of gpu.js, which is an optional peer dependency: only what its documentation describes. */
import { RuntimeError } from "../error.ts";

/** Settings of a kernel (gpu.js README, "Creating and Running Functions"). */
export interface KernelSettings {
  readonly output: readonly [number, number];
  readonly pipeline: boolean;
  readonly immutable: boolean;
  readonly precision: "single";
  /** Without it, gpu.js declares its floats with `lowp` where textures are small. */
  readonly tactic: "precision";
  readonly returnType: "Array(4)";
  readonly argumentTypes: readonly never[];
  readonly injectedNative: string;
  readonly nativeFunctions: readonly NativeFunction[];
}

/** Settings without code of ours. Outputs are as small as gpu.js takes literally: one row would become a square. */
export const plainSettings: KernelSettings = {
  output: [2, 2],
  pipeline: true,
  immutable: false,
  precision: "single",
  tactic: "precision",
  returnType: "Array(4)",
  argumentTypes: [],
  injectedNative: "",
  nativeFunctions: [],
};

export interface NativeFunction {
  readonly name: string;
  readonly source: string;
  readonly settings: { readonly argumentTypes: readonly string[]; readonly returnType: string };
}

/** The texture that a kernel with `pipeline` returns. */
export interface GpuTexture {
  readonly texture: WebGLTexture;
}

/** A kernel returns its output, or with sub-kernels all outputs by name, the kernel's own as `result`. */
export type GpuKernel = (() => GpuTexture | Readonly<Record<string, GpuTexture>>) & {
  /** Compiles and links it, and makes its textures, without running it. */
  readonly kernel: { build(): void };
};

export interface Gpu {
  readonly canvas: HTMLCanvasElement | OffscreenCanvas;
  readonly context: WebGL2RenderingContext;
  createKernel(source: string, settings: KernelSettings): GpuKernel;
  createKernelMap(subKernels: Readonly<Record<string, string>>, source: string, settings: KernelSettings): GpuKernel;
  destroy(): Promise<void>;
}

export type GpuConstructor = new (settings: { readonly mode: "webgl2"; readonly canvas?: unknown }) => Gpu;

/** The package, whichever way it was bundled. Errors: C0504. */
export async function loadGpuJs(): Promise<GpuConstructor> {
  let found: unknown;
  try {
    found = await import("gpu.js");
  } catch (thrown) {
    throw new RuntimeError(
      "C0504",
      `WebGL2 runs through the package gpu.js, which cannot be loaded: ${String(thrown)}`,
      "npm install gpu.js, or pass its class: webgl2Backend({ GPU })",
    );
  }
  const GPU = constructorIn(found);
  if (GPU === undefined) throw new RuntimeError("C0504", "the package gpu.js has no class GPU", "use gpu.js 2.24");
  return GPU;
}

/** The class GPU: the module itself, or its default export, or a member of one of them. */
function constructorIn(found: unknown): GpuConstructor | undefined {
  const seen: unknown[] = [found];
  for (let depth = 0; depth < 3; depth++) {
    for (const value of seen) if (typeof value === "function") return value as GpuConstructor;
    seen.push(
      ...seen.splice(0).flatMap((value): unknown[] => {
        if (typeof value !== "object" || value === null) return [];
        const { GPU, default: other } = value as { readonly GPU?: unknown; readonly default?: unknown };
        return [GPU, other];
      }),
    );
  }
  return undefined;
}
