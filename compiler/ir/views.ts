/** Ops without code of their own: they say how other values are read. */
import type { Op } from "./types.ts";

const views: ReadonlySet<Op["op"]> = new Set([
  "const",
  "leaf",
  "split",
  "cut",
  "reshape",
  "transpose",
  "broadcast",
  "at",
  "put",
  "pivot",
  "pivots",
  "concat",
]);

export const isView = (op: Op): boolean => views.has(op.op);
