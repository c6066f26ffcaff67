/**
 * Renders by driving the programs that gpu.js has made, straight into the layers of our textures. When it calls a kernel itself, gpu.js
 * renders to textures of its own, from which all would have to be copied (docs/bench.md has the times).
 */
import { Bindings } from "./bindings.ts";
import type { Context } from "./context.ts";
import type { GpuJsKernels } from "./gpu-js-kernels.ts";
import type { Pass } from "./pass.ts";
import { coveringRows } from "./ranges.ts";
import { type Renderer, texelsOf } from "./renderer.ts";
import type { ShaderProgram } from "./shader-program.ts";

interface Driven {
  readonly program: ShaderProgram;
  readonly vertices: WebGLVertexArrayObject;
}

export function drivenRenderer({ gl, gpu }: Context, kernels: GpuJsKernels): Renderer {
  const bindings = new Bindings(gl);
  const loaded = new WeakMap<Pass, Driven>();
  /** By where a program has its position. */
  const quads = new Map<number, WebGLVertexArrayObject>();
  let vertices: WebGLVertexArrayObject | undefined;
  const viewport = { x: 0, y: 0, width: 0, height: 0 };

  return {
    passes: "driven",
    load(pass) {
      const { program } = kernels.make(pass.name, pass.shader);
      // gpu.js shrinks its quad in a viewport that fits the largest of its textures; ours fills what it is given.
      gl.useProgram(program.handle);
      gl.uniform2f(gl.getUniformLocation(program.handle, "ratio"), 1, 1);
      const position = gl.getAttribLocation(program.handle, "aPos");
      const quad = quads.get(position) ?? quadAt(gl, position);
      quads.set(position, quad);
      loaded.set(pass, { program, vertices: quad });
    },
    begin() {
      bindings.forget();
      vertices = undefined;
      viewport.width = 0;
      // The quad's edges are the viewport's.
      gl.disable(gl.SCISSOR_TEST);
    },
    render(drawing) {
      const { pass, targets, sampled, times, count } = drawing;
      const driven = loaded.get(pass)!;
      const [{ first, image }] = targets;
      const { x, y, width, height } = coveringRows(first, texelsOf(drawing), image.bits);
      bindings.use(driven.program);
      if (vertices !== driven.vertices) gl.bindVertexArray(driven.vertices);
      vertices = driven.vertices;
      bindings.sample(driven.program, sampled);
      driven.program.setTimes(times);
      driven.program.setPlace(first % 2 ** image.bits, y, 2 ** image.bits, count);
      bindings.framebuffers.draw(pass.writes.map((_, output) => targets.find((target) => target.output === output)));
      if (viewport.x !== x || viewport.y !== y || viewport.width !== width || viewport.height !== height)
        gl.viewport(x, y, width, height);
      Object.assign(viewport, { x, y, width, height });
      gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    },
    bindToCopy: (image) => bindings.bindScratch(image),
    end() {
      gl.enable(gl.SCISSOR_TEST);
      gl.viewport(0, 0, gpu.canvas.width, gpu.canvas.height);
      gl.bindVertexArray(null);
      gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    },
    release: (image) => bindings.framebuffers.release(image),
  };
}

/** Two triangles that cover the viewport, as the attribute at `position`. */
function quadAt(gl: WebGL2RenderingContext, position: number): WebGLVertexArrayObject {
  const made = gl.createVertexArray();
  gl.bindVertexArray(made);
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]), gl.STATIC_DRAW);
  gl.enableVertexAttribArray(position);
  gl.vertexAttribPointer(position, 2, gl.FLOAT, false, 0, 0);
  gl.bindVertexArray(null);
  return made;
}
