/** A message about a source text: a code of the catalogue, a place, what is wrong in the user's words, and what to do. */
import type { Code } from "./catalogue.ts";
import { printableLine } from "./printable.ts";
import type { Span } from "./span.ts";

/** One error or warning. */
export interface Diagnostic {
  readonly code: Code;
  readonly severity: "error" | "warning";
  /** One line: what is wrong. */
  readonly message: string;
  readonly span: Span;
  /** Why, printed beside the carets under the excerpt. */
  readonly label?: string;
  /** What to do about it. */
  readonly help?: string;
  /** Other relevant places, each with its own message. */
  readonly notes?: readonly { readonly span: Span; readonly message: string }[];
}

/** Thrown when a compilation cannot continue. Holds every diagnostic of the run, in source order. */
export class CompileError extends Error {
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map((d) => printableLine(`${d.severity}[${d.code}]: ${d.message}`)).join("\n"));
    this.name = "CompileError";
    this.diagnostics = diagnostics;
  }
}
