/**
 * `and`, `or` and `not`: 1 where they hold, else 0; every number but 0 counts as true. They are products, largest values and comparisons
 * with 0 of what the machine has already.
 */
import type { Span } from "../diagnostics/span.ts";
import { type ElementwiseRow, elementwise as elementwiseRows, isElementwise } from "../ir/ops/elementwise.ts";
import type { ElementwiseOp, Value } from "../ir/types.ts";
import type { Context } from "./context.ts";
import { elementwise, realValue, toValue } from "./expressions.ts";
import { type Meaning, poison } from "./scope.ts";

type Logic = (operands: readonly Meaning[], spans: readonly Span[], span: Span, c: Context) => Meaning;

/** Of 1 and 0 the product is `and`, the larger one `or`. */
const logic =
  (op: "mul" | "max"): Logic =>
  (operands, spans, span, c) => {
    const truths = operands.map((m, i) => truth(m, spans[i], c)).filter((v) => v !== undefined);
    if (truths.length < operands.length) return poison;
    const made = elementwise(op, truths, spans, span, c);
    if (made.kind === "value") c.world.truths.add(made.value);
    return made;
  };

export const conjunction = logic("mul");
export const disjunction = logic("max");

export function negation(m: Meaning, span: Span, c: Context): Meaning {
  if (m.kind === "number") return { kind: "number", number: m.number === 0 ? 1 : 0 };
  return comparedWithZero("eq", realValue(m, span, c), span, c);
}

/** 1 where `m` is not 0, else 0. Undefined after a report. */
function truth(m: Meaning, span: Span, c: Context): Value | undefined {
  const v = realValue(m, span, c);
  if (v === undefined || isTruth(v, c)) return v;
  return toValue(comparedWithZero("ne", v, span, c), span, c);
}

function comparedWithZero(op: "eq" | "ne", v: Value | undefined, span: Span, c: Context): Meaning {
  const zero = toValue({ kind: "number", number: 0 }, span, c);
  return v === undefined || zero === undefined ? poison : elementwise(op, [v, zero], [span, span], span, c);
}

/** Whether `v` is known to be 1 or 0. */
function isTruth(v: Value, c: Context): boolean {
  if (c.world.truths.has(v)) return true;
  const op = c.builder.ops.findLast((made) => made.results.includes(v))?.op;
  const row: ElementwiseRow | undefined =
    op !== undefined && isElementwise(op) ? elementwiseRows[op as ElementwiseOp] : undefined;
  return row?.indicator === true;
}
