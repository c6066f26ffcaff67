/** The shape of textures: how floats lie in texels of four. The kernels' code and the runtime agree on it. */

/** The logarithm of the width of a region's texture: 2,048 texels, which every WebGL2 has (MAX_TEXTURE_SIZE). */
export const regionWidth = 11;

/** Rows of 2^bits texels. */
export interface FrameShape {
  readonly bits: number;
  readonly rows: number;
}

/** The shape that holds so many floats: rows of a power of two of texels, about as many as there are rows. */
export function frameShape(floats: number): FrameShape {
  const texels = Math.ceil(floats / 4);
  const bits = Math.min(regionWidth, Math.ceil(Math.log2(texels) / 2));
  return { bits, rows: Math.ceil(texels / 2 ** bits) };
}
