/** W0612: a list that meets a column is a table. */

import type { Span } from "../diagnostics/span.ts";
import * as dim from "../ir/dim.ts";
import { isElementwise } from "../ir/ops/elementwise.ts";
import type { Op, Value } from "../ir/types.ts";
import { ownShape } from "./all-steps.ts";
import { type Context, showShape } from "./context.ts";

/**
 * Warns where a list meets what a reduction over its last axis has left of a table, [N] with [N, 1]: every entry is combined with every
 * entry, [N, N], though a number for each entry was most likely meant.
 */
export function warnOfPairs(operands: readonly Value[], span: Span, c: Context): void {
  const shapes = operands.map((v) => ownShape(v.type));
  for (const [i, column] of shapes.entries()) {
    const [n, one] = column.slice(-2);
    if (one === undefined || !dim.isOne(one) || dim.isOne(n) || !keepsReducedAxis(operands[i], c.builder.ops)) continue;
    const list = shapes.find((s) => s.length === column.length - 1 && s.every((d, axis) => dim.equal(d, column[axis])));
    if (list === undefined) continue;
    const [a, b] = [list, column].map(showShape);
    c.problems.warning("W0612", span, `${a} with ${b} is each entry with each, ${showShape([...list, list.at(-1)!])}`, {
      label: `${b} has a number for each entry, but along another axis`,
      help: "for a number for each entry, drop the axis of extent 1: s[:, 0]; if every pair is meant, say so: x[none, :]",
    });
    return;
  }
}

/** Whether the last axis of `v` is what is left of a reduction over it. */
function keepsReducedAxis(v: Value, ops: readonly Op[]): boolean {
  const op = ops.find(({ results }) => results.includes(v));
  if (op === undefined) return false;
  if (op.op === "sum" || op.op === "maximum")
    return op.attrs.axes.keep && op.attrs.axes.features.includes(v.type.shape.length - 1);
  if (!isElementwise(op.op)) return false;
  return op.operands.some(
    (operand) => operand.type.shape.length === v.type.shape.length && keepsReducedAxis(operand, ops),
  );
}
