/** Which ops of a stage share their loops. */
import { type Labelled, matrixProduct } from "../ir/contraction-axes.ts";
import { sameShape, sameType } from "../ir/type.ts";
import type { Op, OpOf, Type } from "../ir/types.ts";
import { type Reduction, removedBy } from "./accumulate.ts";

/** The items in groups of those that are alike, in the order of each group's first. */
export function groupAlike<T>(items: readonly T[], alike: (a: T, b: T) => boolean): readonly (readonly T[])[] {
  const groups: T[][] = [];
  for (const item of items) {
    const group = groups.find(([first]) => alike(first, item));
    if (group) group.push(item);
    else groups.push([item]);
  }
  return groups;
}

/** Whether products differ in nothing but the operand with the columns. */
export function differInColumns(p: OpOf<"dot">, q: OpOf<"dot">): boolean {
  const [a, b] = [matrixProduct(p), matrixProduct(q)];
  if (a === undefined || b === undefined) return false;
  return (
    a.left.value === b.left.value &&
    a.left.operand === b.left.operand &&
    sameType(a.right.type, b.right.type) &&
    sameType(a.result.type, b.result.type) &&
    sameLabels(a.left, b.left) &&
    sameLabels(a.right, b.right) &&
    sameLabels(a.result, b.result)
  );
}

const sameLabels = (a: Labelled, b: Labelled): boolean => a.labels === b.labels;

/** Whether an op is one whose loops others may share. */
export const isReduction = (op: Op): op is Reduction => op.op === "sum" || op.op === "maximum" || op.op === "partial";

/** Whether two reductions run over the same axes of the same space. */
export function runAlike(p: Reduction, q: Reduction): boolean {
  const [a, b] = [removedBy(p), removedBy(q)];
  return (
    sameType(p.operands[0].type, q.operands[0].type) &&
    a.batch === b.batch &&
    a.time === b.time &&
    a.keep === b.keep &&
    a.features.length === b.features.length &&
    a.features.every((axis, i) => axis === b.features[i])
  );
}

/** Whether two values have the same axes, whatever their elements are. */
export const sameSpace = (a: Type, b: Type): boolean =>
  a.time === b.time && a.batch === b.batch && sameShape(a.shape, b.shape);
