/** Which statistics of a norm are variances, and about which of its means. */
import { sameShape } from "../ir/type.ts";
import type { Axes, Graph, Value } from "../ir/types.ts";
import { type Definitions, definedBy, definitions } from "./rewrite.ts";

/**
 * For each statistic mean((x − m)², over axes), where m is the statistic mean(x, over the same axes): the name of m, by its own
 * name. A statistic computed from a variance, such as its root, is not one.
 */
export function variances({ ops }: Pick<Graph, "ops">): ReadonlyMap<string, string> {
  const defs = definitions(ops);
  return new Map(
    ops.flatMap((op): readonly (readonly [string, string])[] => {
      if (op.op !== "stat") return [];
      const spread = meanOf(defs, op.operands[0]);
      const square = spread && definedBy(defs, spread.x, "square");
      const difference = square && definedBy(defs, square.operands[0], "sub");
      const mean = difference && definedBy(defs, difference.operands[1], "stat");
      const about = mean && meanOf(defs, mean.operands[0]);
      if (!spread || !difference || !mean || !about) return [];
      const same =
        about.x === difference.operands[0] &&
        JSON.stringify(about.axes) === JSON.stringify(spread.axes) &&
        sameShape(mean.results[0].type.shape, op.results[0].type.shape);
      return same ? [[op.attrs.name, mean.attrs.name]] : [];
    }),
  );
}

/** `x` and the axes, if `v` is mean(x, over axes). */
export function meanOf(defs: Definitions, v: Value): { readonly x: Value; readonly axes: Axes } | undefined {
  const quotient = definedBy(defs, v, "div");
  const sum = quotient && definedBy(defs, quotient.operands[0], "sum");
  const count = quotient && definedBy(defs, quotient.operands[1], "const");
  return sum && count?.attrs.value === 1 ? { x: sum.operands[0], axes: sum.attrs.axes } : undefined;
}
