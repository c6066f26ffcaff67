/** The names of a model's scans: whose weights `scan enc over b` shares, and what `enc.Wh` and `enc.h` are. */
import { didYouMean } from "../diagnostics/nearest.ts";
import type { CellDecl, Expr, Name } from "../syntax/ast.ts";
import { memberHabit } from "../syntax/member-habits.ts";
import type { ElaboratedCell } from "./cells.ts";
import type { Resolved } from "./derivations.ts";
import type { Parameters } from "./dimensions.ts";
import type { Problems } from "./problems.ts";
import { type Meaning, poison, type Scope } from "./scope.ts";

/** A scan as the first one with its weights was written. */
export interface NamedScan {
  /** The name it was given by `as`. */
  readonly name: Name;
  readonly cell: Resolved<CellDecl>;
  readonly parameters: Parameters;
  readonly made: ElaboratedCell;
}

export class ScanNames {
  private readonly problems: Problems;
  private readonly named = new Map<string, NamedScan>();
  /** Every scan by the name of its leaves and sites: `rnn`, `rnn_2`, `enc`. */
  private readonly all = new Map<string, { readonly cell: CellDecl; readonly made: ElaboratedCell }>();

  /** Names of scans that could not be read, which has been reported. */
  private readonly failed = new Set<string>();

  constructor(problems: Problems) {
    this.problems = problems;
  }

  /** The scan that was named so by `as`. */
  find(name: string): NamedScan | undefined {
    return this.named.get(name);
  }

  /** Adds a scan whose leaves and sites are named `scope`. `as`: if it was named. */
  add(scope: string, scan: Omit<NamedScan, "name">, as: Name | undefined): void {
    this.all.set(scope, { cell: scan.cell.decl, made: scan.made });
    if (as !== undefined) this.named.set(as.text, { ...scan, name: as });
  }

  /** Reports nothing about what is named after a scan that could not be read. */
  fail(as: Name | undefined): void {
    if (as !== undefined) this.failed.add(as.text);
  }

  /** The meaning of `enc.Wh` or `enc.h`. `scope`: the model's names, for the message. */
  member(e: Expr & { readonly kind: "member" }, scope: Scope): Meaning {
    const { of, name } = e;
    const scan = this.all.get(of.text);
    if (scan === undefined && this.failed.has(of.text)) return poison;
    if (scan === undefined) {
      const value = scope.has(of.text);
      const message = value
        ? `\`${of.text}\` is a value, not a scan`
        : `there is no scan \`${of.text}\` above this line`;
      const known = [...this.all.keys()];
      const help = (): string =>
        memberHabit(of.text, name.text, false) ??
        (value ? undefined : didYouMean(of.text, known)) ??
        (known.length > 0
          ? `scans are ${known.join(", ")}`
          : `name a scan: scan lstm(D, H) as ${value ? "enc" : of.text} over x`);
      this.problems.error("C0201", of.span, message, { label: "members are those of scans", help });
      return poison;
    }
    const { cell, made } = scan;
    const last = made.finals.get(name.text);
    const found = made.parameters.get(name.text) ?? (last && { kind: "value", value: last });
    if (found !== undefined) return found;
    const [parameters, states] = [[...made.parameters.keys()], [...made.finals.keys()]];
    const list = (what: string, names: readonly string[]): readonly string[] =>
      names.length > 0 ? [`its ${what} are ${names.join(", ")}`] : [];
    this.problems.error("C0201", name.span, `\`${of.text}\` has no parameter or state \`${name.text}\``, {
      label: `it scans the cell \`${cell.name.text}\``,
      help: () =>
        didYouMean(name.text, [...parameters, ...states]) ??
        [...list("parameters", parameters), ...list("states", states)].join("; "),
      notes: [{ span: cell.name.span, message: "the cell is declared here" }],
    });
    return poison;
  }
}
