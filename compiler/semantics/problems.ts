/** Collects the errors of a program: all of them, each mistake once, in source order. */
import type { Code } from "../diagnostics/catalogue.ts";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { limitDiagnostics, maxDiagnostics } from "../diagnostics/limit.ts";
import type { Span } from "../diagnostics/span.ts";

/** `help` may be a function if it is costly: it is called only if the error is reported. */
interface Details extends Pick<Diagnostic, "label" | "notes"> {
  readonly help?: string | (() => string | undefined) | undefined;
}

/** A function or norm whose body is being expanded for a use at `span`. */
export interface Expansion {
  readonly name: string;
  readonly span: Span;
}

/** Mistakes of the body itself, wherever it is used, are reported there. All others are the fault of the use. */
const bodysOwnFault: ReadonlySet<Code> = new Set<Code>(["C0201", "C0202", "C0203", "C0212", "C0220"]);

export class Problems {
  private readonly found = new Map<string, Diagnostic>();
  /** Errors beyond the limit, which are only counted. */
  private readonly others = new Set<string>();
  private expansions: readonly Expansion[] = [];

  /** The number of errors so far, so that a caller can tell whether a piece of work added any. */
  errors = 0;

  error(code: Code, span: Span, message: string, details: Details = {}): void {
    const use = this.expansions[0];
    if (use === undefined || bodysOwnFault.has(code)) {
      this.keep("error", code, span, message, () => said(details));
      return;
    }
    this.keep("error", code, use.span, message, () => {
      const inside = { span, message: details.label ?? `in the body of \`${this.expansions.at(-1)!.name}\`` };
      const { help } = said(details);
      return { help, notes: [inside, ...(details.notes ?? [])] };
    });
  }

  warning(code: Code, span: Span, message: string, details: Details = {}): void {
    this.keep("warning", code, span, message, () => said(details));
  }

  add({ code, severity, message, span, label, help, notes }: Diagnostic): void {
    this.keep(severity, code, span, message, () => ({ label, help, notes }));
  }

  private keep(
    severity: Diagnostic["severity"],
    code: Code,
    span: Span,
    message: string,
    details: () => Pick<Diagnostic, "label" | "help" | "notes">,
  ): void {
    if (severity === "error") this.errors++;
    // A cell is elaborated by itself and again wherever it is scanned; its mistakes are reported once.
    const at = span.file === "" ? message : `${span.file} ${span.start} ${span.end}`;
    const key = `${code} ${at}`;
    if (this.found.has(key)) return;
    const full = [...this.found.values()].filter((d) => d.severity === severity).length >= maxDiagnostics;
    if (full) this.others.add(key);
    else this.found.set(key, { code, severity, message, span, ...details() });
  }

  /** Runs `expand`. Errors in it are reported at the outermost use, with a note at the place inside. */
  within<T>(expansion: Expansion, expand: () => T): T {
    return this.inside([...this.expansions, expansion], expand);
  }

  /** What is being expanded, outermost first. */
  get around(): readonly Expansion[] {
    return this.expansions;
  }

  /** Reports as if within each of `expansions`, for errors found after the expansion. */
  inside<T>(expansions: readonly Expansion[], report: () => T): T {
    const before = this.expansions;
    this.expansions = expansions;
    try {
      return report();
    } finally {
      this.expansions = before;
    }
  }

  /** The first errors that were found: by files in the given order, then by position. */
  inOrder(files: readonly string[]): readonly Diagnostic[] {
    const rank = (d: Diagnostic): number => (files.includes(d.span.file) ? files.indexOf(d.span.file) : files.length);
    const inOrder = [...this.found.values()].sort((a, b) => rank(a) - rank(b) || a.span.start - b.span.start);
    return limitDiagnostics(inOrder, this.others.size);
  }
}

const said = ({ label, help, notes }: Details): Pick<Diagnostic, "label" | "help" | "notes"> => ({
  label,
  help: typeof help === "function" ? help() : help,
  notes,
});
