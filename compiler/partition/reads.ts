/** What ops read: the computed values that views refer to, and whether an op reads other elements than its own. */
import { axesOf, isView, rowOf } from "../ir/ops.ts";
import type { Op, Value } from "../ir/types.ts";

/** The computed values that `v` refers to through views. Values of no op (parameters of a body, leaves) are not listed. */
export function sources(v: Value, defs: ReadonlyMap<Value, Op>): readonly Value[] {
  const op = defs.get(v);
  if (!op || op.op === "leaf" || op.op === "const") return [];
  return isView(op) ? op.operands.flatMap((o) => sources(o, defs)) : [v];
}

/**
 * The values that are loaded if `v` is not computed in place: through views, no constants, and a joined value as a whole if it `joins`
 * in memory.
 */
export function loadedFor(v: Value, defs: ReadonlyMap<Value, Op>, joins: boolean): readonly Value[] {
  const op = defs.get(v);
  if (op?.op === "const") return [];
  return op && isView(op) && op.op !== "leaf" && !(joins && op.op === "concat")
    ? op.operands.flatMap((o) => loadedFor(o, defs, joins))
    : [v];
}

/** Whether it reads other steps than the one it computes. */
export const looksAlongTime = (op: Op): boolean => axesOf(op).some(({ time }) => time === "gather" || time === "scan");

/**
 * Whether it reads other elements of its operands than the one that it computes: a product, rows of a table, another step. One
 * value for each part of the batch is read by that part itself.
 */
export function readsElsewhere(op: Op): boolean {
  const { form } = rowOf(op.op);
  if (form !== "point") return form === "contraction" || form === "scatter";
  return (
    looksAlongTime(op) || axesOf(op).some(({ batch, features }) => batch !== "gather" && features.includes("gather"))
  );
}
