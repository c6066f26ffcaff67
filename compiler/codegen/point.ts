/** Points of the space that a loop nest runs over, by the index of each axis. */
import { sameExpr, variablesIn } from "../kernel-ir/equality.ts";
import * as x from "../kernel-ir/expr.ts";
import type { KExpr } from "../kernel-ir/types.ts";

/** A point of the space a loop nest runs over. With `width` 4 the last feature index is the first of four. */
export interface Point {
  readonly t: KExpr | undefined;
  readonly b: KExpr | undefined;
  readonly f: readonly KExpr[];
  readonly width: 1 | 4;
}

/** Time, batch, or a feature axis by number. */
export type PointAxis = "t" | "b" | number;

/** Index 0 of every feature axis, at the step `t`. */
export const origin = (t: KExpr | undefined, rank: number): Point => ({
  t,
  b: undefined,
  f: Array.from({ length: rank }, () => x.int(0)),
  width: 1,
});

/** The point with another index along one axis. */
export function withIndex(p: Point, axis: PointAxis, index: KExpr): Point {
  if (axis === "t") return { ...p, t: index };
  if (axis === "b") return { ...p, b: index };
  const f = [...p.f];
  f[axis] = index;
  return { ...p, f };
}

const sameIndex = (a: KExpr | undefined, b: KExpr | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && sameExpr(a, b));

export const samePoint = (p: Point, q: Point): boolean =>
  p === q ||
  (p.width === q.width &&
    p.f.length === q.f.length &&
    sameIndex(p.t, q.t) &&
    sameIndex(p.b, q.b) &&
    p.f.every((e, i) => sameExpr(e, q.f[i])));

/** Whether an index of the point reads one of the variables. */
export const dependsOn = (p: Point, variables: ReadonlySet<string>): boolean =>
  variables.size > 0 &&
  [p.t, p.b, ...p.f].some((e) => e !== undefined && [...variablesIn(e)].some((name) => variables.has(name)));
