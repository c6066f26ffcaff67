/** How much one file may ask of the compiler. A text made by hand comes nowhere near; one made to be large is refused, not followed. */
import type { Span } from "../diagnostics/span.ts";
import type { Problems } from "./problems.ts";

/** Functions that call functions: each is expanded inside the one around it, by recursion. */
export const mostNested = 100;
/** Operations inside each other, with those of the functions that are expanded between. A statement alone has at most 500. */
export const mostDepth = 800;
/** A call takes so many times the stack that an addition takes. */
export const depthOfCall = 5;
/** Names, numbers and operations looked at in all: some seconds' worth. The largest example has 2000. */
export const mostExpressions = 1_000_000;
/** Calls grow as powers when functions call functions twice; real cells and models stay far below this. */
export const mostExpansions = 10_000;
/**
 * Ops of one cell, model or norm, and those of all norms that stand at its sites: what all the passes and schedules behind take
 * up to a minute for. That is 6000 equations such as `a = tanh(b + c)`, or a thousand sites with batch norm.
 */
export const mostOps = 12_000;
/** Files that import files, one inside the other. */
export const mostImports = 64;

/** What a file has used of its limits. */
export interface Spent {
  expressions: number;
  /** How deep the expression being evaluated stands. */
  depth: number;
}

/** Reports that a limit is passed: C0227. */
export function tooMuch(what: string, most: number, span: Span, problems: Problems): void {
  problems.error("C0227", span, `${what} at most ${most.toLocaleString("en-US")}`, {
    label: "here it is more",
    help: "give what is computed again and again a name, or divide the cell",
  });
}
