/** The stages of a compilation that can be printed (`--emit`), in order. */

/** What the compiler shows of the forms after the passes. */
export const formsAfterPasses = ["partition", "buffers", "kernel-ir", "schedule"] as const;

export const stages = ["ast", "ir", ...formsAfterPasses, "kernels"] as const;

export type Stage = (typeof stages)[number];
