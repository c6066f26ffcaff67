/** `sum`, `mean` and `max` over named axes. */
import { reducedExtents } from "../ir/structural.ts";
import type { Axes } from "../ir/types.ts";
import type { BuiltinCall } from "./builtins.ts";
import { realValue } from "./expressions.ts";
import { type Meaning, poison } from "./scope.ts";

export function reduce(kind: "sum" | "mean" | "max", call: BuiltinCall): Meaning {
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
  const overBatch = over.axes.find((a) => a.axis === "batch");
  if (overBatch !== undefined && c.inStat !== true) {
    c.problems.error("C0223", overBatch.span, "a reduction over examples is a statistic", {
      label: "stands after `stat` only",
      help: "in a norm: stat m = mean(x, over batch); at inference the population's value takes its place",
    });
    return poison;
  }
  const named = new Set(over.axes.map((a) => a.axis));
  for (const { axis, span: at } of over.axes) {
    const missing =
      axis === "feature" ? false : axis === "last" ? rank === 0 : axis === "time" ? !x.type.time : !x.type.batch;
    if (!missing) continue;
    if (axis === "time" && c.timeless !== undefined) c.timeless(at);
    else {
      c.problems.error("C0215", at, `this value has no ${axis === "last" ? "feature" : axis} axis to reduce over`, {
        label:
          axis === "batch"
            ? "it is the same for all examples"
            : axis === "time"
              ? "it does not vary over time"
              : "it is []",
      });
    }
    return poison;
  }
  const all = named.has("feature");
  const axes: Axes = {
    batch: named.has("batch"),
    time: named.has("time"),
    features: all ? x.type.shape.map((_, i) => i) : named.has("last") ? [rank - 1] : [],
    keep: !all && named.has("last"),
  };
  const b = c.builder;
  if (kind === "max") return { kind: "value", value: b.maximum(x, axes) };
  const sum = b.sum(x, axes);
  if (kind === "sum") return { kind: "value", value: sum };
  const extents = reducedExtents(x.type, axes);
  return { kind: "value", value: extents.length === 0 ? sum : b.div(sum, b.extent(extents)) };
}
