/** Limits how many diagnostics of one file are reported. */
import type { Diagnostic } from "./diagnostic.ts";
import { nowhere } from "./span.ts";

/** Nobody reads more than these: most of the others follow from them, or repeat the same mistake. */
export const maxDiagnostics = 50;

/**
 * The first of `diagnostics`, and a note of how many more there are (C0124): those omitted here and `others`, which were only
 * counted. If not all are reported, errors come before warnings.
 */
export function limitDiagnostics(diagnostics: readonly Diagnostic[], others = 0): readonly Diagnostic[] {
  const errors = diagnostics.filter((d) => d.severity === "error");
  const warnings = diagnostics.filter((d) => d.severity === "warning");
  const said = new Set([
    ...errors.slice(0, maxDiagnostics),
    ...warnings.slice(0, Math.max(0, maxDiagnostics - errors.length)),
  ]);
  const left = diagnostics.length - said.size + others;
  if (left === 0) return diagnostics;
  const more: Diagnostic = {
    code: "C0124",
    severity: errors.length > 0 ? "error" : "warning",
    message: `${left} more ${errors.length > 0 ? "mistakes" : "warnings"} are not shown`,
    span: nowhere,
    help: "mend these first: most of the others usually follow from them",
  };
  return [...diagnostics.filter((d) => said.has(d)), more];
}

/** Whether this is the note that there are more. */
export const isOmissionNote = (d: Diagnostic): boolean => d.code === "C0124";
