/** Kernels of gpu.js, which compiles and links our shaders among its own code. */
import { messageOf, RuntimeError } from "../error.ts";
import type { Context } from "./context.ts";
import { type GpuKernel, type KernelSettings, plainSettings } from "./gpu-js.ts";
import { gpuJsSources, outputsIn } from "./shader.ts";
import { ShaderProgram } from "./shader-program.ts";

export interface MadeKernel {
  readonly program: ShaderProgram;
  readonly kernel: GpuKernel;
}

/** Makes a kernel of each shader and size once. None is ever destroyed alone: they share a vertex array. */
export class GpuJsKernels {
  readonly #context: Context;
  readonly #made = new Map<string, MadeKernel>();

  constructor(context: Context) {
    this.#context = context;
  }

  /**
   * A kernel for a shader whose own textures have that many texels, at least two in a column: gpu.js makes a square of one row. It is
   * compiled and not run. Binds textures, a framebuffer and a program. Errors: C0503, C0506, naming the kernel.
   */
  make(name: string, shader: string, width = 2, height = 2): MadeKernel {
    const key = `${width} ${height} ${shader}`;
    const made = this.#made.get(key) ?? this.#make(name, shader, [width, height]);
    this.#made.set(key, made);
    return made;
  }

  #make(name: string, shader: string, output: readonly [number, number]): MadeKernel {
    const { gl, gpu, layerBits, check } = this.#context;
    check();
    const { source, subKernels, nativeFunctions } = gpuJsSources(shader);
    const settings: KernelSettings = { ...plainSettings, output, injectedNative: shader, nativeFunctions };
    gl.useProgram(null);
    // It sets up its vertices in the array that is bound.
    gl.bindVertexArray(null);
    let kernel: GpuKernel;
    try {
      kernel =
        outputsIn(shader).length === 1
          ? gpu.createKernel(source, settings)
          : gpu.createKernelMap(subKernels, source, settings);
      // Its program is then the current one. It is not run: its samplers have no textures yet.
      kernel.kernel.build();
    } catch (thrown) {
      check();
      throw new RuntimeError("C0506", `the shader of kernel \`${name}\` does not compile: ${messageOf(thrown)}`);
    }
    check();
    const program = gl.getParameter(gl.CURRENT_PROGRAM) as WebGLProgram | null;
    // For what it cannot make a shader of, it falls back to JavaScript, with a warning.
    if (program === null) throw new RuntimeError("C0506", `gpu.js does not run kernel \`${name}\` on WebGL2`);
    return { program: new ShaderProgram(gl, program, name, shader, layerBits), kernel };
  }
}
