/** How values lie in memory, as the copies among them say. */
import type { CopyFormat, Op, Value } from "../ir/types.ts";

/** The format of a copy, of copies that are joined, and of a sequence of them that a loop hands out. */
export function formatOf(v: Value, defs: ReadonlyMap<Value, Op>): CopyFormat {
  const op = defs.get(v);
  switch (op?.op) {
    case "copy":
      return op.attrs.format;
    case "concat":
      return op.operands.some((part) => formatOf(part, defs) === "f16") ? "f16" : "plain";
    case "scan": {
      const at = op.results.indexOf(v);
      return at < op.attrs.states ? "plain" : formatOf(op.body!.results[at], defs);
    }
    default:
      return "plain";
  }
}
