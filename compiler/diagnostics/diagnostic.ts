/** What the compiler has to say about a source text: a code of the catalogue, a place, the user's words, and what to do. */
import type { Code } from "./catalogue.ts";
import { printableLine } from "./printable.ts";
import type { Span } from "./span.ts";

/** One thing that is to be said. */
export interface Diagnostic {
  readonly code: Code;
  readonly severity: "error" | "warning";
  /** One line: what is wrong. */
  readonly message: string;
  readonly span: Span;
  /** Printed beside the carets under the excerpt: why. */
  readonly label?: string;
  /** What to do about it. */
  readonly help?: string;
  /** Other places that matter, each with its own words. */
  readonly notes?: readonly { readonly span: Span; readonly message: string }[];
}

/** Thrown when a compilation cannot go on. Holds every diagnostic of the run, in source order. */
export class CompileError extends Error {
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map((d) => printableLine(`${d.severity}[${d.code}]: ${d.message}`)).join("\n"));
    this.name = "CompileError";
    this.diagnostics = diagnostics;
  }
}
