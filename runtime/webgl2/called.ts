/**
 * Renders by calling gpu.js's kernels: each renders to textures of its own, from which the outcome is copied. That is slower
 * (docs/bench.md), and asks no more of gpu.js than what its documentation describes.
 */
import { Bindings } from "./bindings.ts";
import type { Context } from "./context.ts";
import type { GpuJsKernels, MadeKernel } from "./gpu-js-kernels.ts";
import { attach } from "./image.ts";
import type { Pass } from "./pass.ts";
import { coveringRows, rectangles } from "./ranges.ts";
import { type Renderer, texelsOf } from "./renderer.ts";

export function calledRenderer({ gl }: Context, kernels: GpuJsKernels): Renderer {
  const bindings = new Bindings(gl);
  /** What a kernel's textures are copied from. */
  const source = gl.createFramebuffer();
  /** By the size of their textures. */
  const sized = new WeakMap<Pass, Map<string, MadeKernel>>();

  /** A kernel whose textures hold a rectangle of this size, and are as small as gpu.js makes them. */
  const kernelFor = (pass: Pass, width: number, height: number): MadeKernel => {
    const known = sized.get(pass)!;
    const size = `${width} ${height}`;
    const kernel = known.get(size) ?? kernels.make(pass.name, pass.shader, Math.max(2, width), Math.max(2, height));
    known.set(size, kernel);
    return kernel;
  };

  return {
    passes: "called",
    load(pass) {
      kernels.make(pass.name, pass.shader);
      sized.set(pass, new Map());
    },
    begin: () => bindings.forget(),
    render(drawing) {
      const { pass, targets, sampled, times, count } = drawing;
      const [{ first, image }] = targets;
      const { x, y, width, height } = coveringRows(first, texelsOf(drawing), image.bits);
      const { program, call } = kernelFor(pass, width, height);
      // Making it binds textures, and calling it a framebuffer.
      bindings.forget();
      bindings.use(program);
      bindings.sample(program, sampled);
      program.setTimes(times);
      // Its textures begin where the rectangle does. What they are larger than it lies beyond the last texel.
      program.setPlace((first % 2 ** image.bits) - x, 0, 2 ** image.bits, count);
      const results = call();
      gl.bindFramebuffer(gl.READ_FRAMEBUFFER, source);
      for (const { output, image: to, layer } of targets) {
        attach(gl, gl.READ_FRAMEBUFFER, 0, { kind: "2d", texture: results[output] }, 0);
        for (const rectangle of rectangles(first, texelsOf(drawing), to.bits))
          bindings.copyTo(to, layer, rectangle, x, y);
      }
    },
    copy(from, rectangles, to) {
      bindings.forget();
      bindings.framebuffers.read({ image: from, layer: 0 });
      for (const rectangle of rectangles) bindings.copyTo(to, 0, rectangle, 0, 0);
    },
    end() {
      gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    },
    release: (image) => bindings.framebuffers.release(image),
  };
}
