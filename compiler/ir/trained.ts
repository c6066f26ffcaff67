import type { Leaf } from "./types.ts";

/** Whether a leaf is a parameter that is trained, and not a constant. */
export const isTrained = (leaf: Leaf): leaf is Extract<Leaf, { kind: "param" }> =>
  leaf.kind === "param" && !leaf.constant;
