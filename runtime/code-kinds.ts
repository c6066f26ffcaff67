import type { Code } from "./plan.ts";

/** The kinds of code that a backend may run, and what plans for them may have. */
export const codeKinds = {
  /** A plan has nothing in `half`. */
  wasm: { halves: false },
  wgsl: { halves: true },
} as const satisfies Readonly<Record<Code["kind"], { readonly halves: boolean }>>;
