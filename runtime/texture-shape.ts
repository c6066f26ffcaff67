/** The shape of textures: how floats lie in texels of four. The kernels' code and the runtime agree on it. */

/** The logarithm of the width of a region's texture: 2,048 texels, which every WebGL2 has (MAX_TEXTURE_SIZE). */
export const regionWidth = 11;

/** Rows of 2^bits texels. */
export interface FrameShape {
  readonly bits: number;
  readonly rows: number;
}

/** The logarithm of how many frames of so many rows lie below each other, where they are stacked. */
export const stackBits = (rows: number): number => Math.max(0, Math.floor(Math.log2(2 ** regionWidth / rows)));

/**
 * The shape that holds so many floats: rows of a power of two of texels, about as many as there are rows. Frames that are stacked have
 * four rows or more than 2,048 texels in each, so that many fit in a layer and little of the last row is empty.
 */
export function frameShape(floats: number, stacked = false): FrameShape {
  const texels = Math.ceil(floats / 4);
  const most = Math.ceil(Math.log2(texels));
  const bits = Math.min(regionWidth, stacked ? Math.max(0, most - 2) : Math.ceil(most / 2));
  return { bits, rows: Math.ceil(texels / 2 ** bits) };
}
