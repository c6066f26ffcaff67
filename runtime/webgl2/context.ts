/** The WebGL2 context that gpu.js owns, its limits, and whether it was lost. */
import { messageOf, RuntimeError } from "../error.ts";
import { type Gpu, type GpuConstructor, loadGpuJs, plainSettings } from "./gpu-js.ts";

export interface Context {
  readonly gpu: Gpu;
  readonly gl: WebGL2RenderingContext;
  /** The logarithm of the layers that a texture has at most, a power of two. */
  readonly layerBits: number;
  readonly maxTextureSize: number;
  /** Throws if the context was lost, which then returns zeros without an error, or if a command has failed. Errors: C0503, C0505, C0506. */
  check(): void;
  /**
   * Throws, now and at every later check, if a command has failed: what it was to compute is missing, and nothing else says so. Waits for
   * the GPU. Errors: as `check`.
   */
  refuseErrors(): void;
  /** Throws if there was no memory for the textures made since `refuseErrors`; without them, all goes on. Errors: as `check`. */
  refuseShortage(): void;
  /** Destroys the GPU as a whole: gpu.js's kernels share one vertex buffer, so none is ever destroyed alone. */
  close(): void;
}

/** What is wrong with a context that would do otherwise; undefined if nothing is. */
export type Objection = (gl: WebGL2RenderingContext) => string | undefined;

/** Errors: C0503 (no WebGL2, or no float textures to render to), C0504 (no package gpu.js). */
export async function openContext(given: GpuConstructor | undefined, objection?: Objection): Promise<Context> {
  const hasCanvas = typeof document !== "undefined" || typeof OffscreenCanvas !== "undefined";
  if (!hasCanvas) throw missing("WebGL2 is there in web pages and their workers only");
  const GPU = given ?? (await loadGpuJs());
  let gpu: Gpu;
  try {
    gpu = new GPU({ mode: "webgl2" });
    // The context is made with the first kernel.
    gpu.createKernel("function () { return [1, 2, 3, 4]; }", plainSettings)();
  } catch (thrown) {
    throw missing(`this browser has no WebGL2: ${messageOf(thrown)}`);
  }
  const wrong = objectionTo(gpu.context) ?? objection?.(gpu.context);
  if (wrong !== undefined) {
    destroy(gpu);
    throw missing(wrong);
  }
  const gl = gpu.context;
  let lost = false;
  // Without `preventDefault` the browser would never restore it; a restored context has lost its textures, and is opened anew.
  gpu.canvas.addEventListener("webglcontextlost", () => {
    lost = true;
  });
  let isClosed = false;
  let failure: RuntimeError | undefined;
  const check = (): void => {
    if (lost || gl.isContextLost()) {
      lost = true;
      throw new RuntimeError("C0503", isClosed ? "the GPU device is closed" : "the WebGL2 context was lost", lostHelp);
    }
    if (failure) throw failure;
  };
  return {
    gpu,
    gl,
    layerBits: Math.floor(Math.log2(gl.getParameter(gl.MAX_ARRAY_TEXTURE_LAYERS) as number)),
    maxTextureSize: gl.getParameter(gl.MAX_TEXTURE_SIZE) as number,
    check,
    refuseErrors() {
      failure ??= failureOf(gl, errorsOf(gl));
      check();
    },
    refuseShortage() {
      const errors = errorsOf(gl);
      check();
      if (errors.has(gl.OUT_OF_MEMORY)) throw failureOf(gl, errors)!;
      failure = failureOf(gl, errors);
      check();
    },
    close() {
      isClosed = true;
      lost = true;
      destroy(gpu);
    },
  };
}

/** What is wrong with the context that gpu.js found; undefined if it will do. */
function objectionTo(gl: unknown): string | undefined {
  if (!(gl instanceof WebGL2RenderingContext)) return "gpu.js found no WebGL2 in this browser";
  if (gl.getExtension("EXT_color_buffer_float") === null) return "this GPU cannot render to float textures";
  return undefined;
}

/** The kinds of errors since the last time, each of which WebGL2 reports once. */
function errorsOf(gl: WebGL2RenderingContext): ReadonlySet<number> {
  const found = new Set<number>();
  for (let error = gl.getError(); error !== gl.NO_ERROR && !found.has(error); error = gl.getError()) found.add(error);
  return found;
}

function failureOf(gl: WebGL2RenderingContext, errors: ReadonlySet<number>): RuntimeError | undefined {
  if (errors.size === 0) return undefined;
  return errors.has(gl.OUT_OF_MEMORY)
    ? new RuntimeError("C0505", "the GPU is out of memory", "use a smaller batch or shorter sequences")
    : new RuntimeError("C0506", `WebGL2 refused a command: error ${[...errors].join(", ")}`);
}

/** What it says of kernels that cannot be taken down any more, as after the loss of the context, concerns nobody. */
const destroy = (gpu: Gpu): void => void gpu.destroy().catch(() => {});

export const lostHelp = "open the session again and resume from a checkpoint";

/** What to do without WebGL2. */
export const elsewhere = "use another backend: WebAssembly runs everywhere";

const missing = (what: string): RuntimeError => new RuntimeError("C0503", what, elsewhere);
