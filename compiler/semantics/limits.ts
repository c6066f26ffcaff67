/** How much one file may ask of the compiler. A text written by hand stays far below; one made to exhaust the compiler is refused. */
import type { Span } from "../diagnostics/span.ts";
import type { Problems } from "./problems.ts";

/** Nested calls of functions: each is expanded inside the one around it, by recursion. */
export const maxNestedCalls = 100;
/** Nesting of operations, including those of expanded functions. A statement by itself has at most 500. */
export const maxDepth = 800;
/** How many times the stack of an addition a call takes. */
export const depthOfCall = 5;
/** Names, numbers and operations evaluated in all, which takes a few seconds. The largest example has 2000. */
export const maxExpressions = 1_000_000;
/** Expanded calls. They grow exponentially when functions call functions twice; real cells and models stay far below this. */
export const maxExpansions = 10_000;
/**
 * Ops of one cell, model or norm, including those of all norms placed in it. The rest of the compiler takes up to a minute for this
 * many: 6000 equations like `a = tanh(b + c)`, or a thousand sites with batch norm.
 */
export const maxOps = 12_000;
/** Nested imports. */
export const maxImports = 64;

/** How much of its limits a file has used. */
export interface Spent {
  expressions: number;
  /** The nesting depth of the expression being evaluated. */
  depth: number;
}

/** Reports that a limit is exceeded: C0227. */
export function reportLimit(what: string, most: number, span: Span, problems: Problems): void {
  problems.error("C0227", span, `${what} at most ${most.toLocaleString("en-US")}`, {
    label: "here it is more",
    help: "give what is computed again and again a name, or divide the cell",
  });
}
