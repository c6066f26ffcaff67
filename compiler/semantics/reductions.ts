/** `sum`, `mean`, `max` and `min` over axes: those that are named, or an example's features at a step. */
import type { Builder } from "../ir/builder.ts";
import { reducedExtents } from "../ir/ops/reductions.ts";
import { hasAllSteps } from "../ir/steps.ts";
import type { Axes, Type, Value } from "../ir/types.ts";
import type { AxisName } from "../syntax/ast.ts";
import { ofPresent, ownShape, refuseAllSteps } from "./all-steps.ts";
import type { BuiltinCall } from "./builtin.ts";
import type { Context, GivenAxis } from "./context.ts";
import { realValue } from "./expressions.ts";
import { type Meaning, poison } from "./scope.ts";

type Kind = "sum" | "mean" | "max" | "min";

export function reduce(kind: Kind, call: BuiltinCall): Meaning {
  const { c, name, span, args, spans } = call;
  if (args.length > 1) {
    c.problems.error("C0205", span, `\`${name}\` reduces one value`, {
      label: "two values",
      help: `say which: ${name}(x, over feature)`,
    });
    return poison;
  }
  const x = realValue(args[0], spans[0], c);
  const over = x && (call.over ?? itsFeatures(x, call));
  if (x === undefined || over === undefined) return poison;
  const overBatch = over.find((a) => a.axis === "batch");
  if (overBatch !== undefined && c.inStat !== true && c.acrossExamples === undefined) {
    c.problems.error("C0223", overBatch.span, "what is computed of an example must not depend on the others", {
      label: "a reduction over examples is a statistic",
      help: "in a norm: stat m = mean(x, over batch), for which the population's value stands at inference; in a model, only a loss or a metric may read it",
    });
    return poison;
  }
  if (overBatch !== undefined && hasAllSteps(x.type))
    return refuseAllSteps("there are no statistics over examples", overBatch.span, spans[0], c);
  const lacks = over.find(({ axis }) => !has(x.type, axis, c));
  if (lacks !== undefined) {
    reportLacking(lacks, x.type, c);
    return poison;
  }
  const named = new Set(over.map((a) => a.axis));
  const allSteps = c.allSteps !== undefined && hasAllSteps(x.type) && named.delete(c.allSteps.axis);
  const reduced = allSteps ? overAllSteps(kind, x, c) : x;
  const result = named.size === 0 ? reduced : overAxes(kind, reduced, named, c.builder);
  if (overBatch !== undefined && c.inStat !== true) c.acrossExamples?.(result, overBatch.span);
  return { kind: "value", value: result };
}

/**
 * The axes where none are named: everything is written for one example at one step, which leaves its features. Where something else
 * may be meant, undefined after a report.
 */
function itsFeatures(x: Value, { c, name, span }: BuiltinCall): readonly GivenAxis[] | undefined {
  const whole = hasAllSteps(x.type) ? (c.allSteps?.axis ?? "time") : undefined;
  const isPlain = whole === undefined && c.inStat !== true && x.type.shape.length > 0;
  if (isPlain) return [{ axis: "feature", span }];
  const inSteps = x.type.time && c.scan !== undefined ? "time" : undefined;
  const other = c.inStat === true ? "batch" : (whole ?? inSteps);
  if (other === undefined) {
    c.problems.error("C0205", span, `\`${name}\` of a single number needs axes`, {
      label: "it has no features to reduce over",
      help: `leave \`${name}\` out`,
    });
    return undefined;
  }
  const least = x.type.shape.length > 0 || c.inStat === true ? ["feature"] : [];
  const choices = [...least, other].map((axis) => `${name}(x, over ${axis})`);
  const says = inSteps === undefined ? "" : "; a loss or metric is by itself the mean over steps and examples";
  c.problems.error("C0205", span, `\`${name}\` needs to know over which axes`, {
    label: "the axes are missing",
    help: `say which: ${choices.join(", or ")}${says}`,
  });
  return undefined;
}

function overAxes(kind: Kind, x: Value, named: ReadonlySet<AxisName>, b: Builder): Value {
  const rank = x.type.shape.length;
  const first = hasAllSteps(x.type) ? 1 : 0;
  const all = named.has("feature");
  const ends = [...(named.has("first") ? [first] : []), ...(named.has("last") ? [rank - 1] : [])];
  const axes: Axes = {
    batch: named.has("batch"),
    time: named.has("time"),
    features: all ? x.type.shape.flatMap((_, i) => (i < first ? [] : [i])) : [...new Set(ends)],
    keep: !all && ends.length > 0,
  };
  if (kind === "max") return b.maximum(x, axes);
  if (kind === "min") return b.neg(b.maximum(b.neg(x), axes));
  const sum = b.sum(x, axes);
  const extents = reducedExtents(x.type, axes);
  return kind === "sum" || extents.length === 0 ? sum : b.div(sum, b.extent(extents));
}

/** Almost the smallest f32: below all numbers that occur. */
const LEAST = -3.4e38;

/** Reduces `x` over all steps of a sequence that there are. */
export function overAllSteps(kind: Kind, x: Value, c: Context): Value {
  const b = c.builder;
  const features = [0];
  const largest = (v: Value): Value => {
    const most = b.maximum(ofPresent(v, LEAST, c), { features });
    // The largest of none is 0.
    return b.select(b.gt(most, b.scalar(LEAST)), most, b.scalar(0));
  };
  if (kind === "max") return largest(x);
  if (kind === "min") return b.neg(largest(b.neg(x)));
  const sum = b.sum(ofPresent(x, 0, c), { features });
  return kind === "sum" ? sum : b.div(sum, b.max(b.sum(c.allSteps!.present(x), { features }), b.scalar(1)));
}

function reportLacking({ axis, span }: GivenAxis, x: Type, c: Context): void {
  if (axis === "time" && c.timeless !== undefined) c.timeless(span);
  else if (axis === "batch" && c.batchless !== undefined) c.batchless(span);
  else {
    const what = axis === "last" || axis === "first" ? "feature" : axis;
    const whole = hasAllSteps(x) ? `all its steps are over ${c.allSteps?.axis ?? "time"}` : undefined;
    c.problems.error("C0215", span, `this value has no ${what} axis to reduce over`, {
      label: axis === "feature" ? undefined : lacking[axis],
      help:
        axis === "time" && drawsOnce(c)
          ? "a mask or noise is drawn for each step of a value that has steps: mask(0.9, x), noise(0.1, x)"
          : axis === "whole"
            ? (whole ?? "in a model, whole(xs) has all steps of xs at each step")
            : whole,
    });
  }
}

/** Whether a model draws numbers that do not vary over time. */
const drawsOnce = ({ scan, builder }: Context): boolean =>
  scan !== undefined &&
  builder.ops.some(({ op, attrs }) => op === "leaf" && attrs.leaf.kind === "noise" && !attrs.type.time);

function has(t: Type, axis: AxisName, { allSteps: steps }: Context): boolean {
  if (axis === "feature") return true;
  if (steps !== undefined && axis === steps.axis && hasAllSteps(t)) return true;
  if (axis === "whole") return false;
  return axis === "batch" || axis === "time" ? t[axis] : ownShape(t).length > 0;
}

const lacking: Readonly<Record<Exclude<AxisName, "feature">, string>> = {
  batch: "it is the same for all examples",
  time: "it does not vary over time",
  whole: "it has one step",
  first: "it is []",
  last: "it is []",
};
