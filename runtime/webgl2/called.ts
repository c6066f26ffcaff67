/**
 * Renders by calling gpu.js's kernels: each renders to textures of its own, from which the outcome is copied. That is slower
 * (docs/bench.md), and asks no more of gpu.js than what its documentation describes.
 */
import { Bindings } from "./bindings.ts";
import type { Context } from "./context.ts";
import type { GpuKernel } from "./gpu-js.ts";
import type { GpuJsKernels, MadeKernel } from "./gpu-js-kernels.ts";
import { attach } from "./image.ts";
import type { Pass } from "./pass.ts";
import { coveringRows, rectangles } from "./ranges.ts";
import { type Renderer, texelsOf } from "./renderer.ts";
import { gpuJsSources } from "./shader.ts";

/** What was made of a pass. */
interface Called {
  /** The outputs after the first, as a kernel's result has them. */
  readonly others: readonly string[];
  /** By the size of their textures. */
  readonly sized: Map<string, MadeKernel>;
}

export function calledRenderer({ gl }: Context, kernels: GpuJsKernels): Renderer {
  const bindings = new Bindings(gl);
  /** What a kernel's textures are copied from. */
  const source = gl.createFramebuffer();
  const loaded = new WeakMap<Pass, Called>();

  /** A kernel whose textures hold a rectangle of this size, and are as small as gpu.js makes them. */
  const kernelFor = (pass: Pass, width: number, height: number): MadeKernel => {
    const { sized } = loaded.get(pass)!;
    const size = `${width} ${height}`;
    const kernel = sized.get(size) ?? kernels.make(pass.name, pass.shader, Math.max(2, width), Math.max(2, height));
    sized.set(size, kernel);
    return kernel;
  };

  return {
    passes: "called",
    load(pass) {
      kernels.make(pass.name, pass.shader);
      loaded.set(pass, { others: Object.keys(gpuJsSources(pass.shader).subKernels), sized: new Map() });
    },
    begin: () => bindings.forget(),
    render(drawing) {
      const { pass, targets, sampled, times, count } = drawing;
      const [{ first, image }] = targets;
      const { x, y, width, height } = coveringRows(first, texelsOf(drawing), image.bits);
      const { program, kernel } = kernelFor(pass, width, height);
      // Making it binds textures, and calling it a framebuffer.
      bindings.forget();
      bindings.use(program);
      bindings.sample(program, sampled);
      program.setTimes(times);
      // Its textures begin where the rectangle does. What they are larger than it lies beyond the last texel.
      program.setPlace((first % 2 ** image.bits) - x, 0, 2 ** image.bits, count);
      const textures = texturesOf(kernel, loaded.get(pass)!);
      gl.bindFramebuffer(gl.READ_FRAMEBUFFER, source);
      for (const { output, image: to, layer } of targets) {
        attach(gl, gl.READ_FRAMEBUFFER, 0, { kind: "2d", texture: textures[output] }, 0);
        bindings.bindScratch(to);
        for (const at of rectangles(first, texelsOf(drawing), to.bits)) {
          const { width, height } = at;
          if (to.kind === "2d") gl.copyTexSubImage2D(gl.TEXTURE_2D, 0, at.x, at.y, at.x - x, at.y - y, width, height);
          else gl.copyTexSubImage3D(gl.TEXTURE_2D_ARRAY, 0, at.x, at.y, layer, at.x - x, at.y - y, width, height);
        }
      }
    },
    bindToCopy(image) {
      bindings.forget();
      bindings.bindScratch(image);
    },
    end() {
      gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    },
    release: (image) => bindings.framebuffers.release(image),
  };
}

/** Renders to textures of gpu.js's own, one for each output, in order. Its default vertex array must be bound. */
function texturesOf(kernel: GpuKernel, { others }: Called): readonly WebGLTexture[] {
  const results = kernel();
  const all = "texture" in results ? [results] : ["result", ...others].map((output) => results[output]);
  return all.map(({ texture }) => texture as WebGLTexture);
}
