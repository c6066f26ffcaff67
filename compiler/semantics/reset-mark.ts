/** Evaluates what marks the steps before which a scan begins anew: `scan lstm(D, H) over x reset begins`. */
import type { Value } from "../ir/types.ts";
import type { Expr } from "../syntax/ast.ts";
import { printExpr } from "../syntax/print.ts";
import { showValue } from "./all-steps.ts";
import type { Context } from "./context.ts";
import { describe, evaluate, toValue } from "./expressions.ts";

/** The mark, [time, batch], in the model of `c`. Undefined after a report. */
export function resetMark(e: Expr, c: Context): Value | undefined {
  const meaning = evaluate(e, c);
  const v = toValue(meaning, e.span, c);
  if (v === undefined) return undefined;
  const { dtype, time, shape } = v.type;
  const named = e.kind === "name" ? printExpr(e) : undefined;
  const help = `write a condition: reset ${named ?? "w"} == 0`;
  if (dtype !== "f32")
    c.problems.error("C0224", e.span, `\`reset\` takes a mark, and this is ${describe(meaning)}`, { help });
  else if (shape.length > 0)
    c.problems.error("C0204", e.span, `\`reset\` takes one number for each step, and this is ${showValue(v.type, c)}`, {
      help: `select one: ${named ?? "x"}[0], or max(${named ?? "x"}, over feature)`,
    });
  else if (!time)
    c.problems.error("C0215", e.span, "`reset` marks steps, and this value does not vary over time", {
      label: "the same at all steps",
      help: "declare the mark as an input [] over time, or compute it from one: reset step() == 5",
    });
  else return c.builder.broadcast(v, { ...v.type, batch: true });
  return undefined;
}
