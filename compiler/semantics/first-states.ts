/** Evaluates what a scan begins with: `from h = last(hs), c = tanh(s @ Wc)`. */
import { didYouMean } from "../diagnostics/nearest.ts";
import type { Span } from "../diagnostics/span.ts";
import type { Value } from "../ir/types.ts";
import type { CellDecl, Expr, First } from "../syntax/ast.ts";
import type { Context } from "./context.ts";
import { describe, evaluate, realValue } from "./expressions.ts";

/** A value of the model that a state begins with. */
export interface FirstState {
  /** Without time; undefined after a report. */
  readonly value: Value | undefined;
  readonly span: Span;
}

/** The first states that a scan of `cell` gives, by the names of the states. `c`: the model's. */
export function firstStates(
  e: Expr & { readonly kind: "scan" },
  cell: CellDecl,
  c: Context,
): ReadonlyMap<string, FirstState> {
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
