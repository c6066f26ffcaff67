/** Values with zeros beside them along an axis. */
import type { Builder } from "../ir/builder.ts";
import * as dim from "../ir/dim.ts";
import type { Value } from "../ir/types.ts";

/** The zeros before and after a value along one of its axes. */
export interface Zeros {
  readonly axis: number;
  readonly before: dim.Dim;
  readonly after: dim.Dim;
}

/** `x` with zeros along some of its axes. */
export function padded(x: Value, zeros: readonly Zeros[], b: Builder): Value {
  const needed = zeros.filter(({ before, after }) => before.length > 0 || after.length > 0);
  if (needed.length === 0) return x;
  const along = (side: "before" | "after"): readonly string[] =>
    x.type.shape.map((_, i) => dim.show(needed.find(({ axis }) => axis === i)?.[side] ?? []));
  return b.one("pad", [x], { before: along("before"), after: along("after") });
}
