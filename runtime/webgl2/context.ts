/** The WebGL2 context that gpu.js owns, its limits, and whether it was lost. */
import { messageOf, RuntimeError } from "../error.ts";
import { type Gpu, type GpuConstructor, loadGpuJs, plainSettings } from "./gpu-js.ts";

export interface Context {
  readonly gpu: Gpu;
  readonly gl: WebGL2RenderingContext;
  /** The logarithm of the layers that a texture has at most, a power of two. */
  readonly layerBits: number;
  readonly maxTextureSize: number;
  readonly maxDrawBuffers: number;
  /** Throws if the context was lost: it then returns zeros without an error. Errors: C0503. */
  check(): void;
  /** Destroys the GPU as a whole: gpu.js's kernels share one vertex buffer, so none is ever destroyed alone. */
  close(): void;
}

/** Errors: C0503 (no WebGL2, or no float textures to render to), C0504 (no package gpu.js). */
export async function openContext(given: GpuConstructor | undefined, software = true): Promise<Context> {
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
  const gl = gpu.context as WebGL2RenderingContext | null;
  if (!(gl instanceof WebGL2RenderingContext)) throw missing("gpu.js found no WebGL2 in this browser");
  if (gl.getExtension("EXT_color_buffer_float") === null) throw missing("this GPU cannot render to float textures");

  const renderer = String(gl.getParameter(gl.RENDERER));
  if (!software && softwareRenderers.test(renderer)) {
    void gpu.destroy();
    throw missing(`this browser runs WebGL2 on the processor (${renderer})`);
  }
  let lost = false;
  // Without `preventDefault` the browser would never restore it; a restored context has lost its textures, and is opened anew.
  gpu.canvas.addEventListener("webglcontextlost", () => {
    lost = true;
  });
  let isClosed = false;
  return {
    gpu,
    gl,
    layerBits: Math.floor(Math.log2(gl.getParameter(gl.MAX_ARRAY_TEXTURE_LAYERS) as number)),
    maxTextureSize: gl.getParameter(gl.MAX_TEXTURE_SIZE) as number,
    maxDrawBuffers: Math.min(
      gl.getParameter(gl.MAX_DRAW_BUFFERS) as number,
      gl.getParameter(gl.MAX_COLOR_ATTACHMENTS) as number,
    ),
    check() {
      if (!lost && !gl.isContextLost()) return;
      lost = true;
      throw new RuntimeError(
        "C0503",
        isClosed ? "the GPU device is closed" : "the WebGL2 context was lost",
        "open the session again and resume from a checkpoint",
      );
    },
    close() {
      isClosed = true;
      lost = true;
      void gpu.destroy();
    },
  };
}

/** Renderers that run on the processor: Chromium's, Mesa's and Windows' own. */
const softwareRenderers = /swiftshader|llvmpipe|softpipe|basic render/i;

const missing = (what: string): RuntimeError =>
  new RuntimeError("C0503", what, "use another backend: WebAssembly runs everywhere");
