/** Evaluates what a scan begins with: `from h = last(hs), c = tanh(s @ Wc)`. */
import { didYouMean } from "../diagnostics/nearest.ts";
import type { Span } from "../diagnostics/span.ts";
import type { Value } from "../ir/types.ts";
import type { CellDecl, Expr, First } from "../syntax/ast.ts";
import { printExpr } from "../syntax/print.ts";
import type { Context } from "./context.ts";
import { describe, evaluate, realValue } from "./expressions.ts";

type ScanExpr = Expr & { readonly kind: "scan" };

/** A value of the model that a state begins with. */
export interface FirstState {
  /** Without time; undefined after a report. */
  readonly value: Value | undefined;
  readonly span: Span;
}

/** Reports first states among the dimensions, `scan lstm(D, H, h = h0) over x`. Returns whether there are any. */
export function reportFirstStates(e: ScanExpr, cell: CellDecl, c: Context): boolean {
  const isState = (name: string | undefined): boolean =>
    cell.body.some((s) => s.kind === "state" && s.name.text === name);
  const isDim = (name: string | undefined): boolean => cell.params.some((p) => p.name.text === name);
  const given = e.args.filter(({ name }) => isState(name?.text) && !isDim(name?.text));
  for (const { name, span } of given) {
    const first = given.map((a) => `${a.name!.text} = ${printExpr(a.value)}`).join(", ");
    const dims = e.args.filter((a) => !given.includes(a)).map((a) => printExpr(a.value));
    const over = e.over.map(printExpr).join(", ");
    c.problems.error("C0206", span, `\`${name!.text}\` is a state of \`${e.cell.text}\`, not a dimension`, {
      label: "the brackets hold dimensions",
      help: `write scan ${e.cell.text}(${dims.join(", ")}) over ${over} from ${first}`,
    });
  }
  return given.length > 0;
}

/** The first states that a scan of `cell` gives, by the names of the states. `c`: the model's. */
export function firstStates(e: ScanExpr, cell: CellDecl, c: Context): ReadonlyMap<string, FirstState> {
  const states = cell.body.flatMap((s) => (s.kind === "state" ? [s.name.text] : []));
  const given = new Map<string, FirstState>();
  for (const first of e.from) {
    const name = first.name.text;
    const value = firstValue(first, c);
    if (!states.includes(name)) {
      c.problems.error("C0206", first.name.span, `\`${e.cell.text}\` has no state \`${name}\``, {
        label: "unknown state",
        help: () =>
          didYouMean(name, states) ??
          (states.length > 0 ? `its states are ${states.join(", ")}` : "it carries nothing from step to step"),
        notes: [{ span: cell.name.span, message: "the cell is declared here" }],
      });
    } else if (given.has(name)) {
      c.problems.error("C0206", first.name.span, `the state \`${name}\` begins twice`, {
        help: "remove one of the two",
      });
    } else given.set(name, { value, span: first.value.span });
  }
  return given;
}

function firstValue({ name, value: e }: First, c: Context): Value | undefined {
  const meaning = evaluate(e, c);
  const v = realValue(meaning, e.span, c);
  if (v === undefined || !v.type.time) return v;
  c.problems.error("C0235", e.span, `\`${name.text}\` begins with one value, and this is one for each step`, {
    label: `${describe(meaning)}, over time`,
    help: e.kind === "name" ? `take one step of it: last(${e.name.text})` : "take one step of it: last(…)",
  });
  return undefined;
}
