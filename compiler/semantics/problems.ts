/** Collects what is wrong with a program: all of it, each mistake once, in source order. */
import type { Code } from "../diagnostics/catalogue.ts";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { few, mostSaid } from "../diagnostics/few.ts";
import type { Span } from "../diagnostics/span.ts";

/** `help` may be a function where it takes looking for: it is asked only of what is said. */
interface Details extends Pick<Diagnostic, "label" | "notes"> {
  readonly help?: string | (() => string | undefined) | undefined;
}

/** A function or norm whose body is being expanded for a use at `span`. */
export interface Expansion {
  readonly name: string;
  readonly span: Span;
}

/** Wrong wherever the body is used: reported at the body itself. Everything else is the fault of the use. */
const bodysOwnFault: ReadonlySet<Code> = new Set<Code>(["C0201", "C0202", "C0203", "C0212", "C0220"]);

export class Problems {
  private readonly found = new Map<string, Diagnostic>();
  /** Beyond those that are said, only which there are. */
  private readonly others = new Set<string>();
  private expansions: readonly Expansion[] = [];

  /** Errors so far, so that a caller can tell whether a piece of work added any. */
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
    // A cell is elaborated alone and again wherever it is scanned; what is wrong with it is said once.
    const at = span.file === "" ? message : `${span.file} ${span.start} ${span.end}`;
    const key = `${code} ${at}`;
    if (this.found.has(key)) return;
    const full = [...this.found.values()].filter((d) => d.severity === severity).length >= mostSaid;
    if (full) this.others.add(key);
    else this.found.set(key, { code, severity, message, span, ...details() });
  }

  /** Runs `expand`; what goes wrong in there is reported at the outermost use, with a note at the inside. */
  within<T>(expansion: Expansion, expand: () => T): T {
    return this.inside([...this.expansions, expansion], expand);
  }

  /** What is being expanded, outermost first. */
  get around(): readonly Expansion[] {
    return this.expansions;
  }

  /** As within each of `expansions`: for what comes out after the expansion. */
  inside<T>(expansions: readonly Expansion[], report: () => T): T {
    const before = this.expansions;
    this.expansions = expansions;
    try {
      return report();
    } finally {
      this.expansions = before;
    }
  }

  /** What was found, the first of it: files in the given order, then by position. */
  inOrder(files: readonly string[]): readonly Diagnostic[] {
    const rank = (d: Diagnostic): number => (files.includes(d.span.file) ? files.indexOf(d.span.file) : files.length);
    const inOrder = [...this.found.values()].sort((a, b) => rank(a) - rank(b) || a.span.start - b.span.start);
    return few(inOrder, this.others.size);
  }
}

const said = ({ label, help, notes }: Details): Pick<Diagnostic, "label" | "help" | "notes"> => ({
  label,
  help: typeof help === "function" ? help() : help,
  notes,
});
