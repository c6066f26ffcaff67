/** A texture of the GPU that holds floats, four in a texel. */
import { RuntimeError } from "../error.ts";
import type { Context } from "./context.ts";

/** Rows of 2^bits texels. */
export interface ImageShape {
  readonly kind: "2d" | "layers";
  readonly bits: number;
  /** Rows of a frame. */
  readonly rows: number;
  /** Rows of a layer: frames that have no layer of their own are below one another. */
  readonly height: number;
  readonly layers: number;
}

export interface Image extends ImageShape {
  readonly texture: WebGLTexture;
  /** A number of its own. */
  readonly id: number;
}

/** The texture unit that is not a sampler's: kernels sample 15 of the 16 that every device has. */
export const scratchUnit = 15;

let latest = 0;

/**
 * Makes a texture of zeros. Whether there was memory for it, `refuseShortage` says. gpu.js makes textures with one layer, each as the
 * output of a kernel that is compiled and run for it. Errors: C0503, C0505.
 */
export function createImage({ gl, check }: Context, shape: ImageShape): Image {
  const texture = gl.createTexture();
  if (texture === null) {
    check();
    throw new RuntimeError("C0505", "the GPU has no memory for another texture", "use a smaller batch");
  }
  const { kind, bits, height, layers } = shape;
  const target = targetOf(gl, shape);
  const image = { ...shape, texture, id: ++latest };
  bindScratch(gl, image);
  if (kind === "2d") gl.texStorage2D(target, 1, gl.RGBA32F, 2 ** bits, height);
  else gl.texStorage3D(target, 1, gl.RGBA32F, 2 ** bits, height, layers);
  // Floats cannot be filtered everywhere.
  gl.texParameteri(target, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(target, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  return image;
}

/** Reads a layer of an image by `act`, as what `readPixels` reads from. */
export function reading(
  gl: WebGL2RenderingContext,
  act: (attachLayer: (image: Image, layer: number) => void) => void,
): void {
  const framebuffer = gl.createFramebuffer();
  gl.bindFramebuffer(gl.READ_FRAMEBUFFER, framebuffer);
  act((image, layer) => attach(gl, gl.READ_FRAMEBUFFER, 0, image, layer));
  gl.bindFramebuffer(gl.READ_FRAMEBUFFER, null);
  gl.deleteFramebuffer(framebuffer);
}

/** Binds an image to the unit that no program samples, and makes that the active one. */
export function bindScratch(gl: WebGL2RenderingContext, image: Image): void {
  gl.activeTexture(gl.TEXTURE0 + scratchUnit);
  gl.bindTexture(targetOf(gl, image), image.texture);
}

/** Attaches a layer of an image to the framebuffer that is bound to `target`, as output number `output`. */
export function attach(
  gl: WebGL2RenderingContext,
  target: number,
  output: number,
  { kind, texture }: Pick<Image, "kind" | "texture">,
  layer: number,
): void {
  const point = gl.COLOR_ATTACHMENT0 + output;
  if (kind === "2d") gl.framebufferTexture2D(target, point, gl.TEXTURE_2D, texture, 0);
  else gl.framebufferTextureLayer(target, point, texture, 0, layer);
}

/** What its texture is bound to. */
export const targetOf = (gl: WebGL2RenderingContext, { kind }: ImageShape): number =>
  kind === "2d" ? gl.TEXTURE_2D : gl.TEXTURE_2D_ARRAY;
