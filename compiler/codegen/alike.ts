/** Which ops of a stage share their loops. */
import type { Labelled, MatrixProduct } from "../ir/contraction-axes.ts";
import { sameShape, sameType } from "../ir/type.ts";
import type { Op, Type } from "../ir/types.ts";
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
export const differInColumns = (p: MatrixProduct, q: MatrixProduct): boolean =>
  p.left.value === q.left.value &&
  p.left.operand === q.left.operand &&
  sameType(p.right.type, q.right.type) &&
  sameType(p.result.type, q.result.type) &&
  sameLabels(p.left, q.left) &&
  sameLabels(p.right, q.right) &&
  sameLabels(p.result, q.result);

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
