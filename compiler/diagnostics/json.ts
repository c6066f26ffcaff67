/** Diagnostics for editors and scripts (`--format json`). */
import type { Diagnostic } from "./diagnostic.ts";
import { linesOf, type Position } from "./position.ts";
import type { Span } from "./span.ts";

export interface JsonPlace {
  readonly file: string;
  /** UTF-16 offsets, `end` exclusive. */
  readonly start: number;
  readonly end: number;
  /** Lines and columns from 1; absent where the text is not known. */
  readonly from?: Position;
  readonly to?: Position;
}

export interface JsonDiagnostic extends JsonPlace {
  readonly code: string;
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly label?: string;
  readonly help?: string;
  readonly notes: readonly (JsonPlace & { readonly message: string })[];
}

/** A diagnostic as plain data, with lines and columns. `sources` holds the texts by file name. */
export function toJSON(d: Diagnostic, sources: ReadonlyMap<string, string>): JsonDiagnostic {
  const { code, severity, message, label, help } = d;
  const notes = (d.notes ?? []).map((n) => ({ ...place(n.span, sources), message: n.message }));
  return {
    code,
    severity,
    message,
    ...(label === undefined ? {} : { label }),
    ...(help === undefined ? {} : { help }),
    ...place(d.span, sources),
    notes,
  };
}

function place({ file, start, end }: Span, sources: ReadonlyMap<string, string>): JsonPlace {
  const text = sources.get(file);
  if (file === "" || text === undefined) return { file, start, end };
  const lines = linesOf(text);
  return { file, start, end, from: lines.at(start), to: lines.at(end) };
}
