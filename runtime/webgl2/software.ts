/** Whether WebGL2 runs on the processor, where WebAssembly is faster. */
import type { Objection } from "./context.ts";

/** The name of what renders. Chromium says it by an extension only, which other browsers warn of. */
export function rendererOf(gl: WebGL2RenderingContext): string {
  const name = String(gl.getParameter(gl.RENDERER));
  const more = name === "WebKit WebGL" ? gl.getExtension("WEBGL_debug_renderer_info") : null;
  return more === null ? name : String(gl.getParameter(more.UNMASKED_RENDERER_WEBGL));
}

/** Objects to a renderer on the processor. A module names it if it has other kernels, too. */
export const noSoftware: Objection = (gl) => {
  const renderer = rendererOf(gl);
  return softwareRenderers.test(renderer) ? `this browser runs WebGL2 on the processor (${renderer})` : undefined;
};

/** Renderers that run on the processor: Chromium's, Mesa's and Windows' own. */
const softwareRenderers = /swiftshader|llvmpipe|softpipe|basic render/i;
