/**
 * Passes: a kernel is a program, which gpu.js makes of its shader and its own code. It draws into textures of ours, one layer or one
 * range of rows of each output.
 */
import { messageOf, RuntimeError } from "../error.ts";
import type { Index, KernelInfo, TextureWrite } from "../plan.ts";
import { indexAt } from "../texture-index.ts";
import type { Context } from "./context.ts";
import { type GpuKernel, type KernelSettings, plainSettings } from "./gpu-js.ts";
import { coveringRows, rectangles } from "./ranges.ts";
import { gpuJsSources, outputsIn } from "./shader.ts";
import { type Bound, type Image, placeOf, scratchUnit, type Textures } from "./textures.ts";

/** A texture that a pass samples. */
interface Sampled {
  readonly texture: string;
  readonly unit: number;
  /** Of an alternating texture: the frame, or `odd` where another unit has the even ones. */
  readonly frame?: Index;
  readonly odd?: true;
}

/** A kernel that can be started. */
export interface Pass {
  readonly name: string;
  readonly program: WebGLProgram;
  readonly samples: readonly Sampled[];
  readonly writes: readonly TextureWrite[];
  readonly uniforms: Readonly<Record<"t" | "T" | "y" | "place", WebGLUniformLocation | null>>;
  /** The textures of each entry that starts it. */
  readonly vertices: WebGLVertexArrayObject;
}

/** Makes a program of each text once. */
export class Passes {
  private readonly context: Context;
  private readonly programs = new Map<string, WebGLProgram>();
  private readonly vertices = new Map<number, WebGLVertexArrayObject>();

  constructor(context: Context) {
    this.context = context;
  }

  /** The pass of a kernel. Errors: C0506. */
  make(info: KernelInfo, shader: string): Pass {
    const { gl, layerBits } = this.context;
    const { name, reads = [], writes = [] } = info;
    const program = this.programs.get(shader) ?? this.program(name, shader);
    this.programs.set(shader, program);
    gl.useProgram(program);
    const at = (uniform: string): WebGLUniformLocation | null => gl.getUniformLocation(program, uniform);
    const samples: Sampled[] = [];
    const sample = (uniform: string, sampled: Omit<Sampled, "unit">): void => {
      const location = at(uniform);
      // A compiler may have found that it is not needed.
      if (location === null) return;
      gl.uniform1i(location, samples.length);
      samples.push({ ...sampled, unit: samples.length });
    };
    for (const { name: sampler, texture, frame } of reads) {
      sample(sampler, { texture, ...(frame !== undefined && { frame }) });
      sample(`${sampler}_odd`, { texture, odd: true });
    }
    gl.uniform2f(at("ratio"), 1, 1);
    gl.uniform1i(at("layer_bits"), layerBits);
    const uniforms = { t: at("t"), T: at("T"), y: at("y"), place: at("place") };
    if (uniforms.place === null)
      throw new RuntimeError(
        "C0506",
        `the shader of kernel \`${name}\` is not as gpu.js was to make it`,
        "use gpu.js 2.24",
      );
    return { name, program, samples, writes, uniforms, vertices: this.quad(program) };
  }

  private program(name: string, shader: string): WebGLProgram {
    const { gl, gpu, check } = this.context;
    check();
    const { source, subKernels, nativeFunctions } = gpuJsSources(shader);
    const settings: KernelSettings = { ...plainSettings, injectedNative: shader, nativeFunctions };
    gl.useProgram(null);
    try {
      const kernel: GpuKernel =
        outputsIn(shader).length === 1
          ? gpu.createKernel(source, settings)
          : gpu.createKernelMap(subKernels, source, settings);
      // Its program is then the current one. It is not run: its samplers are not bound to textures of their own yet.
      kernel.kernel.build();
    } catch (thrown) {
      check();
      throw new RuntimeError("C0506", `the shader of kernel \`${name}\` does not compile: ${messageOf(thrown)}`);
    }
    check();
    const program = gl.getParameter(gl.CURRENT_PROGRAM) as WebGLProgram | null;
    // It falls back to JavaScript, with a warning, for what it cannot make a shader of.
    if (program === null) throw new RuntimeError("C0506", `gpu.js does not run kernel \`${name}\` on WebGL2`);
    return program;
  }

  /** Two triangles that cover the viewport, for the place that a program has given the position. */
  private quad(program: WebGLProgram): WebGLVertexArrayObject {
    const { gl } = this.context;
    const position = gl.getAttribLocation(program, "aPos");
    const known = this.vertices.get(position);
    if (known !== undefined) return known;
    const made = gl.createVertexArray()!;
    gl.bindVertexArray(made);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(position);
    gl.vertexAttribPointer(position, 2, gl.FLOAT, false, 0, 0);
    gl.bindVertexArray(null);
    this.vertices.set(position, made);
    return made;
  }
}

/** Where an output goes. */
interface Target {
  /** Its number among the outputs. */
  readonly output: number;
  readonly image: Image;
  readonly layer: number;
  /** The first texel in the layer. */
  readonly first: number;
  /** The region that it is copied to afterwards. */
  readonly copyTo?: Image;
}

/** Draws passes, and knows what is bound so that nothing is bound twice. */
export class Drawer {
  private readonly context: Context;
  private readonly framebuffer: WebGLFramebuffer;
  /** What copies read. */
  private readonly source: WebGLFramebuffer;
  private readonly units: (WebGLTexture | undefined)[] = [];
  private readonly attached: string[] = [];
  private program: WebGLProgram | undefined;
  private vertices: WebGLVertexArrayObject | undefined;
  private viewport = "";

  constructor(context: Context) {
    this.context = context;
    this.framebuffer = context.gl.createFramebuffer()!;
    this.source = context.gl.createFramebuffer()!;
  }

  /** Before the first of many draws: others have used the context. */
  begin(): void {
    const { gl } = this.context;
    this.units.length = 0;
    this.program = undefined;
    this.vertices = undefined;
    this.viewport = "";
    gl.enable(gl.SCISSOR_TEST);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.framebuffer);
    this.attached.length = 0;
    for (let i = 0; i < this.context.maxDrawBuffers; i++) this.detach(i);
  }

  /** After the last: gpu.js finds its own vertices, and a viewport that fits. */
  end(): void {
    const { gl } = this.context;
    gl.bindVertexArray(null);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, 2, 2);
  }

  /** Draws one texel of each output for each of `count`. */
  draw(
    pass: Pass,
    bound: ReadonlyMap<string, Bound>,
    textures: Textures,
    times: { readonly t: number; readonly T: number; readonly y: number },
    count: number,
  ): void {
    const { gl, layerBits } = this.context;
    const { uniforms } = pass;
    const targets = targetsOf(pass, bound, textures, times, layerBits);
    if (targets.length === 0) return;
    if (this.program !== pass.program) gl.useProgram(pass.program);
    this.program = pass.program;
    if (this.vertices !== pass.vertices) gl.bindVertexArray(pass.vertices);
    this.vertices = pass.vertices;
    for (const { texture, unit, frame, odd } of pass.samples) {
      const { images } = bound.get(texture)!;
      const image = images[odd ? 1 : frame !== undefined && images.length === 2 ? indexAt(frame, times) & 1 : 0];
      this.bind(unit, image);
    }
    if (uniforms.t) gl.uniform1i(uniforms.t, times.t);
    if (uniforms.T) gl.uniform1i(uniforms.T, times.T);
    if (uniforms.y) gl.uniform1i(uniforms.y, times.y);
    for (const group of together(targets)) {
      const [{ first, image }] = group;
      const { x, y, width, height } = coveringRows(first, count, image.bits);
      this.attach(group, pass.writes.length);
      this.view(x, y, width, height);
      gl.uniform4i(uniforms.place, first % 2 ** image.bits, y, 2 ** image.bits, count);
      gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    }
    // All outputs are made of what the regions held before.
    for (const target of targets) if (target.copyTo) this.copy(target, target.copyTo, count);
  }

  private bind(unit: number, { texture, target }: Image): void {
    const { gl } = this.context;
    if (this.units[unit] === texture) return;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(target === "2d" ? gl.TEXTURE_2D : gl.TEXTURE_2D_ARRAY, texture);
    this.units[unit] = texture;
  }

  private attach(group: readonly Target[], outputs: number): void {
    const { gl } = this.context;
    const used = new Set(group.map(({ output }) => output));
    for (let i = 0; i < this.attached.length; i++) if (!used.has(i) && this.attached[i] !== "") this.detach(i);
    for (const { output, image, layer } of group) {
      const key = `${idOf(image.texture)} ${layer}`;
      if (this.attached[output] === key) continue;
      const point = gl.COLOR_ATTACHMENT0 + output;
      if (image.target === "2d") gl.framebufferTexture2D(gl.FRAMEBUFFER, point, gl.TEXTURE_2D, image.texture, 0);
      else gl.framebufferTextureLayer(gl.FRAMEBUFFER, point, image.texture, 0, layer);
      this.attached[output] = key;
    }
    const buffers = Array.from({ length: outputs }, (_, i) => (used.has(i) ? gl.COLOR_ATTACHMENT0 + i : gl.NONE));
    const key = buffers.join();
    if (this.buffers !== key) gl.drawBuffers(buffers);
    this.buffers = key;
  }

  private buffers = "";

  private detach(output: number): void {
    const { gl } = this.context;
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0 + output, gl.TEXTURE_2D, null, 0);
    this.attached[output] = "";
  }

  private view(x: number, y: number, width: number, height: number): void {
    const key = `${x} ${y} ${width} ${height}`;
    if (this.viewport === key) return;
    this.viewport = key;
    this.context.gl.viewport(x, y, width, height);
    this.context.gl.scissor(x, y, width, height);
  }

  /** Copies what was drawn to where it belongs. */
  private copy({ first, image }: Target, to: Image, count: number): void {
    const { gl } = this.context;
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, this.source);
    gl.framebufferTexture2D(gl.READ_FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, image.texture, 0);
    gl.activeTexture(gl.TEXTURE0 + scratchUnit);
    gl.bindTexture(gl.TEXTURE_2D, to.texture);
    for (const { x, y, width, height } of rectangles(first, count, image.bits))
      gl.copyTexSubImage2D(gl.TEXTURE_2D, 0, x, y, x, y, width, height);
  }
}

const ids = new WeakMap<WebGLTexture, number>();
let latest = 0;

/** A number for a texture. */
function idOf(texture: WebGLTexture): number {
  const id = ids.get(texture) ?? ++latest;
  ids.set(texture, id);
  return id;
}

function targetsOf(
  { writes, samples }: Pass,
  bound: ReadonlyMap<string, Bound>,
  textures: Textures,
  times: { readonly t: number; readonly T: number; readonly y: number },
  layerBits: number,
): readonly Target[] {
  return writes.flatMap(({ texture, frame = 0, at, below }, output): readonly Target[] => {
    if (below && indexAt(below[0], times) >= indexAt(below[1], times)) return [];
    const to = bound.get(texture)!;
    const { image, layer, row } = placeOf(to, indexAt(frame, times), layerBits);
    const first = indexAt(at, times) / 4 + row * 2 ** image.bits;
    // What a kernel also samples it cannot render to.
    const isRead = to.isRegion && samples.some((s) => s.texture === texture);
    if (!isRead) return [{ output, image, layer, first }];
    return [{ output, image: textures.shadow(texture), layer, first, copyTo: image }];
  });
}

/** Outputs that begin at the same texel are drawn together. */
function together(targets: readonly Target[]): readonly (readonly Target[])[] {
  const groups = new Map<string, Target[]>();
  for (const target of targets) {
    const key = `${target.first} ${target.image.bits}`;
    groups.set(key, [...(groups.get(key) ?? []), target]);
  }
  return [...groups.values()];
}
