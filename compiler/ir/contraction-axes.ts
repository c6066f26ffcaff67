/**
 * A contraction, axis by axis: which operand has which axis, what is summed over, and which axes are the rows and columns of a
 * matrix product. Passes, cost and codegen all ask here; codegen adds the strides.
 */
import { InternalError } from "../diagnostics/internal-error.ts";
import * as dim from "./dim.ts";
import type { OpOf, Type, Value } from "./types.ts";

/** A feature axis by its label (a letter), or one of the two leading axes. */
export type Axis = string;

/** The leading axes. No label, which is a letter, can clash with these names. */
export const TIME: Axis = "<";
export const BATCH: Axis = "|";

/** An operand or the result, with a label for each of its feature axes. */
export interface Labelled {
  readonly type: Type;
  readonly labels: string;
}

export interface LabelledValue extends Labelled {
  readonly value: Value;
}

/** One of the two operands. */
export interface Side extends LabelledValue {
  readonly operand: 0 | 1;
}

export interface ContractionAxes {
  readonly sides: readonly [Side, Side];
  readonly result: LabelledValue;
  /** What is summed over: time, batch, then features in the order in which the operands have them. */
  readonly contracted: readonly Axis[];
}

/** A contraction as a matrix product: the columns are the last axis of the result, which `right` alone has. */
export interface MatrixProduct extends ContractionAxes {
  readonly left: Side;
  readonly right: Side;
  readonly column: Axis;
  /** Axes of the result that `left` alone has, outermost first. Time is not among them: each step is a product of its own. */
  readonly rows: readonly Axis[];
  /** Axes of the result that `right` has besides the column: there is a product for each of their elements. */
  readonly outer: readonly Axis[];
}

/** The axes of a tensor, outermost first. */
export const axesOf = ({ type, labels }: Labelled): readonly Axis[] => [
  ...(type.time ? [TIME] : []),
  ...(type.batch ? [BATCH] : []),
  ...labels,
];

export const hasAxis = ({ type, labels }: Labelled, axis: Axis): boolean =>
  axis === TIME ? type.time : axis === BATCH ? type.batch : labels.includes(axis);

export function contractionAxes(op: OpOf<"dot">): ContractionAxes {
  const { a, b, out } = op.attrs;
  const [first, second] = op.operands;
  const sides: readonly [Side, Side] = [
    { operand: 0, value: first, type: first.type, labels: a },
    { operand: 1, value: second, type: second.type, labels: b },
  ];
  const [value] = op.results;
  const result: LabelledValue = { value, type: value.type, labels: out };
  const candidates = new Set([TIME, BATCH, ...a, ...b]);
  const contracted = [...candidates].filter(
    (axis) => !hasAxis(result, axis) && sides.some((side) => hasAxis(side, axis)),
  );
  return { sides, result, contracted };
}

/** The contraction as a matrix product; undefined if the result has no features, or both operands have the last of them. */
export function matrixProduct(op: OpOf<"dot">): MatrixProduct | undefined {
  const axes = contractionAxes(op);
  const [first, second] = axes.sides;
  const { labels } = axes.result;
  const column = labels[labels.length - 1];
  if (column === undefined || hasAxis(first, column) === hasAxis(second, column)) return undefined;
  const [left, right] = hasAxis(second, column) ? [first, second] : [second, first];
  const others = axesOf(axes.result).filter((axis) => axis !== TIME && axis !== column);
  return {
    ...axes,
    ...{ left, right, column },
    rows: others.filter((axis) => !hasAxis(right, axis)),
    outer: others.filter((axis) => hasAxis(right, axis)),
  };
}

/** How long an axis of a contraction is. */
export function extentOf({ sides }: ContractionAxes, axis: Axis): dim.Dim {
  if (axis === TIME) return dim.variable("time");
  if (axis === BATCH) return dim.variable("batch");
  const side = sides.find(({ labels }) => labels.includes(axis));
  if (side === undefined) throw new InternalError(`neither operand of a contraction has the axis ${axis}`);
  return side.type.shape[side.labels.indexOf(axis)];
}
