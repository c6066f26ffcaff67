/** Everything that can be said about a file without compiling it: its errors, and what can be proven if it has none. */
import type { Diagnostic } from "./diagnostics/diagnostic.ts";
import { limitDiagnostics } from "./diagnostics/limit.ts";
import { prove } from "./proofs/prove.ts";
import { type ElaborateOptions, examine } from "./semantics/elaborate.ts";
import type { SourceHost } from "./source-host.ts";

/**
 * The diagnostics of the file at `path` and of what it imports, then warnings about its cells and models as they stand, or
 * with `options` about the entry under them.
 */
export function check(path: string, host: SourceHost, options?: ElaborateOptions): readonly Diagnostic[] {
  const { diagnostics, elaborated } = examine(path, host, options);
  // What is proven about a cell is proven again for a model that scans it, and reported once.
  const proven = new Map<string, Diagnostic>();
  for (const d of elaborated.flatMap(prove)) {
    const key = `${d.code} ${d.span.file} ${d.span.start}`;
    if (!proven.has(key)) proven.set(key, d);
  }
  return [...diagnostics, ...limitDiagnostics([...proven.values()])];
}
