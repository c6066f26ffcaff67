/** The storage format of values, as determined by the copies among them. */
import type { CopyFormat, Op, Value } from "../ir/types.ts";

/** The format of a copy, of joined copies, or of a sequence of copies that a loop yields. */
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
