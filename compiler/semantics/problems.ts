/** Collects what is wrong with a program: all of it, each mistake once, in source order. */
import type { Code } from "../diagnostics/catalogue.ts";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Span } from "../diagnostics/span.ts";

type Details = Pick<Diagnostic, "label" | "help" | "notes">;

/** A function or norm whose body is being expanded for a use at `span`. */
export interface Expansion {
  readonly name: string;
  readonly span: Span;
}

/** Wrong wherever the body is used: reported at the body itself. Everything else is the fault of the use. */
const bodysOwnFault: ReadonlySet<Code> = new Set<Code>(["C0201", "C0202", "C0203", "C0212", "C0220"]);

export class Problems {
  private readonly found = new Map<string, Diagnostic>();
  private expansions: readonly Expansion[] = [];

  /** Errors so far, so that a caller can tell whether a piece of work added any. */
  errors = 0;

  error(code: Code, span: Span, message: string, details: Details = {}): void {
    const use = this.expansions[0];
    if (use === undefined || bodysOwnFault.has(code)) {
      this.add({ code, severity: "error", message, span, ...details });
      return;
    }
    const inside = { span, message: details.label ?? `in the body of \`${this.expansions.at(-1)!.name}\`` };
    const notes = [inside, ...(details.notes ?? [])];
    this.add({ code, severity: "error", message, span: use.span, help: details.help, notes });
  }

  warning(code: Code, span: Span, message: string, details: Details = {}): void {
    this.add({ code, severity: "warning", message, span, ...details });
  }

  add(d: Diagnostic): void {
    if (d.severity === "error") this.errors++;
    // A cell is elaborated alone and again wherever it is scanned; what is wrong with it is said once.
    const at = d.span.file === "" ? d.message : `${d.span.file} ${d.span.start} ${d.span.end}`;
    const key = `${d.code} ${at}`;
    if (!this.found.has(key)) this.found.set(key, d);
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

  /** Everything found: files in the given order, then by position. */
  inOrder(files: readonly string[]): readonly Diagnostic[] {
    const rank = (d: Diagnostic): number => (files.includes(d.span.file) ? files.indexOf(d.span.file) : files.length);
    return [...this.found.values()].sort((a, b) => rank(a) - rank(b) || a.span.start - b.span.start);
  }
}
