/**
 * Shadows of regions that a kernel both loads from and stores to, as an update does with parameters. A kernel cannot render to a texture
 * that it samples, not even to another part of it: it renders to the region's shadow, from which the texels are then copied.
 */
import type { Context } from "./context.ts";
import { createImage, type Image, type ImageShape } from "./image.ts";
import type { Rectangle } from "./ranges.ts";
import type { Renderer } from "./renderer.ts";

interface Shadow {
  readonly image: Image;
  /** What it is copied from. */
  readonly framebuffer: WebGLFramebuffer;
}

export class Shadows {
  readonly #context: Context;
  readonly #renderer: Renderer;
  /** By the names of their regions. */
  readonly #made = new Map<string, Shadow>();

  constructor(context: Context, renderer: Renderer) {
    this.#context = context;
    this.#renderer = renderer;
  }

  /** Makes that of a region. Errors: C0503, C0505. */
  make(region: string, shape: ImageShape): void {
    const { gl } = this.#context;
    const image = createImage(this.#context, shape);
    const framebuffer = gl.createFramebuffer();
    this.#made.set(region, { image, framebuffer });
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, framebuffer);
    gl.framebufferTexture2D(gl.READ_FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, image.texture, 0);
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, null);
  }

  /** Frees that of a region, if it has one. */
  free(region: string): void {
    const shadow = this.#made.get(region);
    if (shadow === undefined) return;
    const { gl } = this.#context;
    this.#made.delete(region);
    this.#renderer.release(shadow.image);
    gl.deleteFramebuffer(shadow.framebuffer);
    gl.deleteTexture(shadow.image.texture);
  }

  of(region: string): Image {
    return this.#made.get(region)!.image;
  }

  /** Copies rectangles of a region's shadow to the region. */
  copy(region: string, rectangles: readonly Rectangle[], to: Image): void {
    const { gl } = this.#context;
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, this.#made.get(region)!.framebuffer);
    this.#renderer.bindToCopy(to);
    for (const { x, y, width, height } of rectangles) gl.copyTexSubImage2D(gl.TEXTURE_2D, 0, x, y, x, y, width, height);
  }
}

/** How a backend makes them. */
export type MakeShadows = (context: Context, renderer: Renderer) => Shadows;

/** What a module for WebGL2 names if it trains. */
export const shadows: MakeShadows = (context, renderer) => new Shadows(context, renderer);
