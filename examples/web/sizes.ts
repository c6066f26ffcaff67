/** Sizes that are constants in the kernels, and how long a wave is. */

/** Heights that a step reads: `D` of waves.cell. */
export const width = 4;

/** Steps in a wave, and as many rows of statistics. */
export const steps = 16;

/** Waves in a batch. */
export const examples = 64;
