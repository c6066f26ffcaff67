/** What `webgl2.ts` measures, in a page: the same work by raw WebGL2, by gpu.js's public API, and by the backend's two ways. */
import { GPU, Input } from "gpu.js";
import { checkedCode } from "../runtime/executable.ts";
import { rangeOf } from "../runtime/layout.ts";
import type { Executable } from "../runtime/plan.ts";
import { calledRenderer } from "../runtime/webgl2/called.ts";
import { type Context, openContext } from "../runtime/webgl2/context.ts";
import { drivenRenderer } from "../runtime/webgl2/driven.ts";
import { GpuJsKernels } from "../runtime/webgl2/gpu-js-kernels.ts";
import { createImage, type Image } from "../runtime/webgl2/image.ts";
import type { Pass } from "../runtime/webgl2/pass.ts";
import type { Renderer } from "../runtime/webgl2/renderer.ts";
import { gpuJsSources, outputsIn, wholeShader } from "../runtime/webgl2/shader.ts";
import { shadows } from "../runtime/webgl2/shadows.ts";
import { rendererOf } from "../runtime/webgl2/software.ts";
import { fence } from "../runtime/webgl2/transfer.ts";
import { backendOn } from "../runtime/webgl2/webgl2.ts";
import { median } from "./median.ts";
import { fetchedBy, partOf } from "./webgl2-shader.ts";

/** 25 × 64 texels in rows of a power of two: the state of 64 examples with 100 units. */
const [width, height, bits] = [32, 50, 5];
const texels = width * height;

/** What is called of gpu.js; its own types know no kernels as texts. */
interface Gpu {
  readonly context: WebGL2RenderingContext;
  createKernel(source: string, settings: object): Kernel;
  createKernelMap(subKernels: object, source: string, settings: object): Kernel;
}
type Kernel = (...args: readonly unknown[]) => Result | Readonly<Record<string, Result>>;
interface Result {
  readonly texture: WebGLTexture;
  toArray(): unknown;
  delete(): void;
}

/** Milliseconds of repetitions until all is done, and for calls that do not wait how long the page was busy with them. */
interface Duration {
  readonly all: number;
  readonly page?: number;
}

type Way = (times: number) => Promise<Duration>;

/** Ways by name: the first is what the others are compared with. */
type Ways = Readonly<Record<string, Way>>;

const settings = { pipeline: true, precision: "single", tactic: "precision", returnType: "Array(4)" } as const;

/** Waits for the GPU: a `finish` may return at once, a read-back may not. */
const finish = (gl: WebGL2RenderingContext): void => {
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.FLOAT, new Float32Array(4));
};

const repeated =
  (gl: WebGL2RenderingContext, act: (k: number) => void): Way =>
  async (times) => {
    const start = performance.now();
    for (let k = 0; k < times; k++) act(k);
    const page = performance.now() - start;
    finish(gl);
    return { all: performance.now() - start, page };
  };

/** Passes that each need the one before: into two sets of textures in turn. */
function passes(outputs: number, contexts: Contexts): Ways {
  return {
    raw: rawPasses(contexts.raw, outputs),
    "gpu.js": publicPasses(contexts.gpu, outputs),
    driven: ownPasses(contexts.own, outputs, drivenRenderer(contexts.own, new GpuJsKernels(contexts.own))),
    called: ownPasses(contexts.called, outputs, calledRenderer(contexts.called, new GpuJsKernels(contexts.called))),
  };
}

const names = (outputs: number): readonly string[] => Array.from({ length: outputs }, (_, i) => `from${i}`);

function rawPasses(gl: WebGL2RenderingContext, outputs: number): Way {
  const program = rawProgram(gl, wholeShader(partOf(names(outputs))));
  gl.useProgram(program);
  gl.uniform4i(gl.getUniformLocation(program, "place"), 0, 0, width, texels);
  for (const [i, name] of names(outputs).entries()) gl.uniform1i(gl.getUniformLocation(program, name), i);
  const sets = [0, 1].map(() => Array.from({ length: outputs }, () => rawTexture(gl, width, height)));
  const framebuffers = sets.map((set) => {
    const made = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, made);
    const points = set.map((texture, i) => {
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0 + i, gl.TEXTURE_2D, texture, 0);
      return gl.COLOR_ATTACHMENT0 + i;
    });
    gl.drawBuffers(points);
    return made;
  });
  const quad = gl.createVertexArray();
  gl.bindVertexArray(quad);
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]), gl.STATIC_DRAW);
  gl.enableVertexAttribArray(0);
  gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
  const run = repeated(gl, (k) => {
    sets[k % 2].forEach((texture, i) => {
      gl.activeTexture(gl.TEXTURE0 + i);
      gl.bindTexture(gl.TEXTURE_2D, texture);
    });
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffers[(k + 1) % 2]);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  });
  return (times) => {
    gl.useProgram(program);
    gl.bindVertexArray(quad);
    gl.viewport(0, 0, width, height);
    return run(times);
  };
}

function rawProgram(gl: WebGL2RenderingContext, fragment: string): WebGLProgram {
  const program = gl.createProgram();
  const vertex = "#version 300 es\nlayout(location = 0) in vec2 at;\nvoid main() { gl_Position = vec4(at, 0, 1); }";
  for (const [type, source] of [
    [gl.VERTEX_SHADER, vertex],
    [gl.FRAGMENT_SHADER, fragment],
  ] as const) {
    const shader = gl.createShader(type)!;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? "");
  return program;
}

function rawTexture(gl: WebGL2RenderingContext, width: number, height: number): WebGLTexture {
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA32F, width, height);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  return texture;
}

/** Two mutable kernels with the same code, each of which takes the other's results. */
function publicPasses(gpu: Gpu, outputs: number): Way {
  const args = names(outputs);
  const sources = gpuJsSources(partOf(args));
  const make = (): Kernel => {
    const all = {
      ...settings,
      output: [width, height],
      argumentTypes: args.map(() => "ArrayTexture(4)"),
      injectedNative: outputsIn(partOf(args))
        .map((name) => `vec4 ${name};`)
        .join("\n"),
      // A native function may read arguments, which are declared above it.
      nativeFunctions: sources.nativeFunctions.map((native) =>
        native.name === "cellcRender"
          ? {
              ...native,
              source: `vec4 cellcRender() {\n${fetchedBy(args.map((name) => `user_${name}`))}  return out_0;\n}`,
            }
          : native,
      ),
    };
    const source = sources.source.replace("function ()", `function (${args.join(", ")})`);
    return outputs === 1 ? gpu.createKernel(source, all) : gpu.createKernelMap(sources.subKernels, source, all);
  };
  const fill = gpu.createKernel("function () { return [0.1, 0.2, 0.3, 0.4]; }", {
    ...settings,
    output: [width, height],
  });
  const kernels = [make(), make()];
  const resultsOf = (found: ReturnType<Kernel>): readonly Result[] =>
    outputs === 1 ? [found as Result] : Object.values(found as Readonly<Record<string, Result>>);
  let state = args.map(() => fill() as Result);
  return repeated(gpu.context, (k) => {
    state = [...resultsOf(kernels[k % 2](...state))];
  });
}

function ownPasses(context: Context, outputs: number, renderer: Renderer): Way {
  const shader = partOf(names(outputs));
  const pass: Pass = {
    name: "bench",
    shader,
    samples: new Map(names(outputs).map((name) => [name, { texture: name }])),
    writes: names(outputs).map((texture) => ({ texture, at: 0 })),
    reads: new Set(names(outputs)),
    sweeps: false,
  };
  const image = (): Image => createImage(context, { kind: "2d", bits, rows: height, height, layers: 1 });
  const sets = [0, 1].map(() => names(outputs).map(image));
  const targets = sets.map((set) => set.map((to, output) => ({ output, image: to, layer: 0, first: 0 })));
  renderer.load(pass);
  const { gl } = context;
  const from = readable(gl, sets[0][0].texture);
  return async (times) => {
    const start = performance.now();
    renderer.begin();
    for (let k = 0; k < times; k++) {
      renderer.render({
        pass,
        targets: targets[(k + 1) % 2],
        sampled: (name) => sets[k % 2][Number(name.slice(4))],
        times: { t: k, T: times, y: 0 },
        count: texels,
        steps: 1,
      });
    }
    renderer.end();
    const page = performance.now() - start;
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, from);
    finish(gl);
    return { all: performance.now() - start, page };
  };
}

/** A framebuffer to read a texture from. */
function readable(gl: WebGL2RenderingContext, texture: WebGLTexture): WebGLFramebuffer {
  const made = gl.createFramebuffer();
  gl.bindFramebuffer(gl.READ_FRAMEBUFFER, made);
  gl.framebufferTexture2D(gl.READ_FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  return made;
}

/** Floats of the host's into a texture of that many rows. */
function uploads(rows: number, { gpu, raw }: Contexts): Ways {
  const data = Float32Array.from({ length: 4 * width * rows }, (_, i) => i % 7);
  const texture = rawTexture(raw, width, rows);
  const framebuffer = readable(raw, texture);
  const used = rawTexture(raw, 1, 1);
  const copy = gpu.createKernel(
    `function (a) {
      const i = 4 * (this.thread.y * ${width} + this.thread.x);
      return [a[i], a[i + 1], a[i + 2], a[i + 3]];
    }`,
    { ...settings, output: [width, rows], argumentTypes: ["Input"] },
  );
  const upload = repeated(raw, (k) => {
    data[0] = k;
    raw.bindTexture(raw.TEXTURE_2D, texture);
    raw.texSubImage2D(raw.TEXTURE_2D, 0, 0, 0, width, rows, raw.RGBA, raw.FLOAT, data);
    // A driver may leave out what nothing uses before the next.
    raw.bindTexture(raw.TEXTURE_2D, used);
    raw.copyTexSubImage2D(raw.TEXTURE_2D, 0, 0, 0, 0, 0, 1, 1);
  });
  return {
    texSubImage2D(times) {
      raw.bindFramebuffer(raw.FRAMEBUFFER, framebuffer);
      return upload(times);
    },
    "gpu.js Input": repeated(gpu.context, (k) => {
      data[0] = k;
      copy(new Input(data as unknown as number[], [data.length]));
    }),
  };
}

/** A texture of that many rows to the host, one after another. */
function readBacks(rows: number, { gpu, own }: Contexts): Ways {
  const { gl } = own;
  const image = createImage(own, { kind: "2d", bits, rows, height: rows, layers: 1 });
  const from = readable(gl, image.texture);
  const fill = gpu.createKernel("function () { return [0.1, 0.2, 0.3, 0.4]; }", { ...settings, output: [width, rows] });
  const result = fill() as Result;
  return {
    "buffer and fence": eachAlone(async () => {
      const buffer = gl.createBuffer();
      gl.bindFramebuffer(gl.READ_FRAMEBUFFER, from);
      gl.bindBuffer(gl.PIXEL_PACK_BUFFER, buffer);
      gl.bufferData(gl.PIXEL_PACK_BUFFER, 16 * width * rows, gl.STREAM_READ);
      gl.readPixels(0, 0, width, rows, gl.RGBA, gl.FLOAT, 0);
      gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
      await fence(own)();
      gl.bindBuffer(gl.PIXEL_PACK_BUFFER, buffer);
      gl.getBufferSubData(gl.PIXEL_PACK_BUFFER, 0, new Float32Array(4 * width * rows));
      gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
      gl.deleteBuffer(buffer);
      own.refuseErrors();
    }),
    "gpu.js toArray": eachAlone(async () => {
      result.toArray();
    }),
  };
}

/** Of what is waited for, now and then one takes long, when the machine has others to serve: the median counts. */
const eachAlone =
  (act: () => Promise<void>): Way =>
  async (times) => {
    const samples: number[] = [];
    for (let k = 0; k < times; k++) {
      const start = performance.now();
      await act();
      samples.push(performance.now() - start);
    }
    return { all: times * median(samples) };
  };

/** Textures, made and deleted. gpu.js makes one for each run of an immutable kernel. */
function creation({ gpu, own }: Contexts): Ways {
  const { gl } = own;
  const kernel = gpu.createKernel("function () { return [0, 0, 0, 0]; }", {
    ...settings,
    output: [width, height],
    immutable: true,
  });
  const kept = createImage(own, { kind: "2d", bits, rows: height, height, layers: 1 });
  const from = readable(gl, kept.texture);
  const create = repeated(gl, () => {
    const { texture } = createImage(own, { kind: "2d", bits, rows: height, height, layers: 1 });
    gl.deleteTexture(texture);
  });
  return {
    texStorage2D(times) {
      gl.bindFramebuffer(gl.READ_FRAMEBUFFER, from);
      return create(times);
    },
    "gpu.js immutable kernel": repeated(gpu.context, () => (kernel() as Result).delete()),
  };
}

/** Training runs, without the update, that read the loss. */
async function runs({ executable, steps }: Trained, { own, called }: Contexts): Promise<Ways> {
  const { train } = executable.plan.entries;
  const range = rangeOf(train!.tensors.find(({ role }) => role.kind === "loss")!, train!, steps);
  const way = async (context: Context, passes: "driven" | "called"): Promise<Way> => {
    const machine = await backendOn(context, {
      takeCode: checkedCode,
      ways: [passes === "driven" ? drivenRenderer : calledRenderer],
      shadows,
    }).open(executable);
    await machine.prepare(steps);
    return async (times) => {
      const start = performance.now();
      for (let k = 0; k < times; k++) {
        await machine.run("train", steps);
        await machine.read([range]);
      }
      return { all: performance.now() - start };
    };
  };
  return { driven: await way(own, "driven"), called: await way(called, "called") };
}

/** A compiled model to train, on zeros. */
export interface Trained {
  readonly name: string;
  readonly executable: Executable;
  readonly steps: number;
}

interface Contexts {
  readonly raw: WebGL2RenderingContext;
  readonly gpu: Gpu;
  readonly own: Context;
  readonly called: Context;
}

const rowsOf = (kilobytes: number): number => Math.round((kilobytes * 1024) / 16 / width);

async function cases(
  trained: readonly Trained[],
): Promise<{ readonly device: string; readonly cases: Readonly<Record<string, Ways>> }> {
  const raw = document.createElement("canvas").getContext("webgl2")!;
  raw.getExtension("EXT_color_buffer_float");
  const gpu = new GPU({ mode: "webgl2" }) as unknown as Gpu;
  gpu.createKernel("function () { return [0, 0, 0, 0]; }", { ...settings, output: [2, 2] })();
  const contexts: Contexts = { raw, gpu, own: await openContext(undefined), called: await openContext(undefined) };
  const trainings: [string, Ways][] = [];
  for (const one of trained) trainings.push([one.name, await runs(one, contexts)]);
  return {
    device: rendererOf(raw),
    cases: {
      "a pass with 1 output": passes(1, contexts),
      "a pass with 3 outputs": passes(3, contexts),
      "an upload of 25 KB": uploads(rowsOf(25), contexts),
      "an upload of 400 KB": uploads(rowsOf(400), contexts),
      "a read-back of 25 KB": readBacks(rowsOf(25), contexts),
      "a read-back of 400 KB": readBacks(rowsOf(400), contexts),
      "a texture of 25 KB, made and deleted": creation(contexts),
      ...Object.fromEntries(trainings),
    },
  };
}

/** How often each case is repeated in a round. */
export interface Repetitions {
  readonly rounds: number;
  readonly passes: number;
  readonly others: number;
  readonly runs: number;
}

/** Microseconds of a repetition in each round. */
export interface Samples {
  readonly all: number[];
  readonly page: number[];
}

export interface Measured {
  readonly device: string;
  /** By case and way. */
  readonly samples: Readonly<Record<string, Readonly<Record<string, Samples>>>>;
}

/** Measures everything; in each case, all ways take turns. */
async function measure({ rounds, ...repetitions }: Repetitions, trained: readonly Trained[]): Promise<Measured> {
  const { device, cases: all } = await cases(trained);
  const samples: Record<string, Record<string, Samples>> = {};
  for (const [name, ways] of Object.entries(all)) {
    const isRun = trained.some((one) => one.name === name);
    const times = isRun ? repetitions.runs : name.startsWith("a pass") ? repetitions.passes : repetitions.others;
    samples[name] = Object.fromEntries(Object.keys(ways).map((way) => [way, { all: [], page: [] }]));
    for (const way of Object.values(ways)) await way(Math.ceil(times / 2));
    for (let round = 0; round < rounds; round++) {
      for (const [way, run] of Object.entries(ways)) {
        const { all, page } = await run(times);
        samples[name][way].all.push((1000 * all) / times);
        if (page !== undefined) samples[name][way].page.push((1000 * page) / times);
      }
    }
  }
  return { device, samples };
}

Object.assign(globalThis, { measure });
