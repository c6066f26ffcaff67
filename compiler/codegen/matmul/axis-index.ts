/** The position of a contraction's loops: an index for each of its axes. */

import { InternalError } from "../../diagnostics/internal-error.ts";
import {
  type Axis,
  axesOf,
  BATCH,
  type ContractionAxes,
  extentOf,
  type Labelled,
  TIME,
} from "../../ir/contraction-axes.ts";
import * as dim from "../../ir/dim.ts";
import * as x from "../../kernel-ir/expr.ts";
import type { KExpr } from "../../kernel-ir/types.ts";
import { type Bounds, upTo } from "../loops.ts";
import type { Point } from "../point.ts";

/** A loop's variable, or an offset from one, for each axis. */
export type AxisIndex = ReadonlyMap<Axis, KExpr>;

/** The index along an axis. Throws `InternalError` outside any loop over it. */
export function along(index: AxisIndex, axis: Axis): KExpr {
  const at = index.get(axis);
  if (at === undefined) throw new InternalError(`a contraction reads its axis ${axis} outside any loop over it`);
  return at;
}

/** The indices of a point of a labelled tensor's space. */
export const indexOf = (of: Labelled, p: Point): readonly (readonly [Axis, KExpr])[] =>
  axesOf(of).map((axis) => [axis, axis === TIME ? p.t! : axis === BATCH ? p.b! : p.f[of.labels.indexOf(axis)]]);

/** The point of a labelled tensor's space; `step` is the step of a tensor without time. */
export const pointAt = (
  { type, labels }: Labelled,
  index: AxisIndex,
  step: KExpr | undefined,
  width: Point["width"],
): Point => ({
  t: type.time ? along(index, TIME) : step,
  b: type.batch ? along(index, BATCH) : undefined,
  f: [...labels].map((label) => along(index, label)),
  width,
});

/** All of an axis. */
export const wholeAxis = (
  of: ContractionAxes,
  axis: Axis,
  steps: KExpr,
  dims: Readonly<Record<string, number>>,
): Bounds => (axis === TIME ? { from: x.int(0), to: steps } : upTo(dim.evaluate(extentOf(of, axis), dims)));
