/** Sizes that are constants in the kernels. */

/** Steps in a wave, and as many rows of statistics. */
export const steps = 64;

/** Waves in a batch. */
export const examples = 64;
