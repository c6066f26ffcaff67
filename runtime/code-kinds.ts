import type { Code } from "./plan.ts";

/** The kinds of code that backends run, and what plans for them may use. */
export const codeKinds = {
  /** A plan does not use `half`. */
  wasm: { halves: false },
  wgsl: { halves: true },
  glsl: { halves: false },
} as const satisfies Readonly<Record<Code["kind"], { readonly halves: boolean }>>;
