/** Elaborates `a = e` and `a, b = e`, which name values, and `dim P = e`, which names an extent. */

import * as dim from "../ir/dim.ts";
import { hasAllSteps } from "../ir/steps.ts";
import type { Value } from "../ir/types.ts";
import type { DimStmt, LetStmt, Name } from "../syntax/ast.ts";
import { dimension } from "./constants.ts";
import { type Context, hint } from "./context.ts";
import { describe, evaluate } from "./expressions.ts";
import { type Meaning, poison } from "./scope.ts";
import { entryOf } from "./slices.ts";

/**
 * Gives the names of `s` their meanings. `next` receives a primed name, the next value of a state; where there are no
 * states, a primed name is an error.
 */
export function letStatement(s: LetStmt, c: Context, next?: (name: Name, meaning: Meaning) => void): void {
  const meaning = evaluate(s.value, c);
  const parts = destructure(s, meaning, c);
  s.names.forEach((name, i) => {
    const part = parts[i];
    if (name.primed && next !== undefined) {
      next(name, part);
      return;
    }
    if (next !== undefined && c.scope.find(name.text)?.origin === "state") {
      c.problems.error("C0202", name.span, `\`${name.text}\` is the state's value before this step`, {
        label: "it has a meaning already",
        help: `write \`${name.text}' = …\` for its next value`,
        notes: [{ span: c.scope.find(name.text)!.name.span, message: "declared here" }],
      });
      next({ ...name, primed: true }, part);
      return;
    }
    if (name.primed) {
      if (c.module.damaged.has(name.text)) return;
      c.problems.error("C0212", name.span, `\`${name.text}'\` is the next value of a state, and there are none here`, {
        help: `write \`${name.text}\``,
      });
      return;
    }
    if (part.kind === "value") hint(part.value, name.text);
    c.scope.declare(name, "let", part, c.problems);
  });
}

/** Gives the name of `dim P = e` the extent e, which is checked like one in a shape. */
export function dimStatement(s: DimStmt, c: Context): void {
  const extent = dimension(s.value, c);
  c.scope.declare(s.name, "dimension", extent ? { kind: "dim", dim: extent } : poison, c.problems);
}

/** Whether the first dimension is `n` whatever the numbers of dimensions are, so that n names can be those of its entries. */
function countsEntries({ type }: Value, n: number): boolean {
  const [first] = type.shape;
  return first !== undefined && !hasAllSteps(type) && dim.asNumber(first) === n;
}

function destructure(s: LetStmt, meaning: Meaning, c: Context): readonly Meaning[] {
  if (meaning.kind === "poison") return s.names.map(() => poison);
  if (s.names.length === 1) return [meaning];
  if (meaning.kind === "list" && meaning.items.length === s.names.length) return meaning.items;
  if (meaning.kind === "value" && countsEntries(meaning.value, s.names.length))
    return s.names.map((_, i) => ({ kind: "value", value: entryOf(meaning.value, i, c) }));
  const got = meaning.kind === "list" ? `${meaning.items.length} values` : describe(meaning);
  c.problems.error("C0205", s.value.span, `${s.names.length} names are given ${got}`, {
    label: meaning.kind === "list" ? "one name for each value" : "this is one value",
    help: meaning.kind === "value" ? "take it apart: a, b = split(x, 2), or x[0] and x[1]" : undefined,
  });
  return s.names.map(() => poison);
}
