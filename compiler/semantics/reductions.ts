/** `sum`, `mean`, `max` and `min` over named axes. */
import { reducedExtents } from "../ir/ops/reductions.ts";
import type { Axes, Type } from "../ir/types.ts";
import type { AxisName } from "../syntax/ast.ts";
import type { BuiltinCall } from "./builtin.ts";
import { realValue } from "./expressions.ts";
import { type Meaning, poison } from "./scope.ts";

export function reduce(kind: "sum" | "mean" | "max" | "min", call: BuiltinCall): Meaning {
  const { c, over, name, span, args, spans } = call;
  if (over === undefined || args.length > 1) {
    c.problems.error("C0205", span, `\`${name}\` reduces one value over named axes`, {
      label: over === undefined ? "the axes are missing" : "two values",
      help: `say which: ${name}(x, over feature)`,
    });
    return poison;
  }
  const x = realValue(args[0], spans[0], c);
  if (x === undefined) return poison;
  const rank = x.type.shape.length;
  const overBatch = over.find((a) => a.axis === "batch");
  if (overBatch !== undefined && c.inStat !== true && c.acrossExamples === undefined) {
    c.problems.error("C0223", overBatch.span, "what is computed of an example must not depend on the others", {
      label: "a reduction over examples is a statistic",
      help: "in a norm: stat m = mean(x, over batch), for which the population's value stands at inference; in a model, only a loss or a metric may read it",
    });
    return poison;
  }
  const named = new Set(over.map((a) => a.axis));
  for (const { axis, span: at } of over) {
    if (has(x.type, axis)) continue;
    if (axis === "time" && c.timeless !== undefined) c.timeless(at);
    else if (axis === "batch" && c.batchless !== undefined) c.batchless(at);
    else {
      const what = axis === "last" || axis === "first" ? "feature" : axis;
      c.problems.error("C0215", at, `this value has no ${what} axis to reduce over`, {
        label: axis === "feature" ? undefined : lacking[axis],
      });
    }
    return poison;
  }
  const all = named.has("feature");
  const ends = [...(named.has("first") ? [0] : []), ...(named.has("last") ? [rank - 1] : [])];
  const axes: Axes = {
    batch: named.has("batch"),
    time: named.has("time"),
    features: all ? x.type.shape.map((_, i) => i) : [...new Set(ends)],
    keep: !all && ends.length > 0,
  };
  const b = c.builder;
  const first =
    kind === "max" ? b.maximum(x, axes) : kind === "min" ? b.neg(b.maximum(b.neg(x), axes)) : b.sum(x, axes);
  if (overBatch !== undefined && c.inStat !== true) c.acrossExamples?.(first, overBatch.span);
  if (kind !== "mean") return { kind: "value", value: first };
  const sum = first;
  const extents = reducedExtents(x.type, axes);
  return { kind: "value", value: extents.length === 0 ? sum : b.div(sum, b.extent(extents)) };
}

const has = (t: Type, axis: AxisName): boolean =>
  axis === "feature" || (axis === "batch" || axis === "time" ? t[axis] : t.shape.length > 0);

const lacking: Readonly<Record<Exclude<AxisName, "feature">, string>> = {
  batch: "it is the same for all examples",
  time: "it does not vary over time",
  first: "it is []",
  last: "it is []",
};
