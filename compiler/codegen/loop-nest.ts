/**
 * Loop nests over the points of a space, by a machine's unit of parallelism. For a workgroup: one loop over all points, which its
 * lanes divide among themselves. For a thread: a loop for each axis, with the last feature axis in vectors of four and a scalar
 * loop for the remainder.
 */

import * as x from "../kernel-ir/expr.ts";
import type { KExpr, KStmt } from "../kernel-ir/types.ts";
import { type Machine, refuseUnit } from "../machine.ts";
import { both, guarded, type IndexRange, inBlocks, loop, type Names, nest, onLanes, unflatten } from "./loops.ts";
import { type Point, type PointAxis, withIndex } from "./point.ts";

/** The part of an axis that a workgroup owns. */
export interface OwnedAxis extends IndexRange {
  readonly axis: PointAxis;
  /** Where the axis ends, if the last workgroup may own fewer than `most`: positions may then lie beyond it. */
  readonly end?: KExpr;
}

type Body = (p: Point) => readonly KStmt[];

const hint = (axis: PointAxis): string => (typeof axis === "number" ? (axis === 0 ? "j" : `j${axis}`) : axis);

/**
 * @param axes outermost first
 * @param vectorize the last axis is the last feature axis, and may be run four at a time
 */
export function forEachPoint(
  machine: Machine,
  names: Names,
  axes: readonly OwnedAxis[],
  start: Point,
  vectorize: boolean,
  body: Body,
): readonly KStmt[] {
  switch (machine.unit.kind) {
    case "workgroup":
      return overLanes(names, axes, start, body);
    case "thread":
      return overAxes(names, axes, start, vectorize && machine.vector === 4, body);
    case "texel":
      return refuseUnit(machine, "no loop over points is written");
  }
}

/** A loop for each axis, the outermost of them of kind `lanes`. */
function overAxes(
  names: Names,
  axes: readonly OwnedAxis[],
  start: Point,
  vectors: boolean,
  body: Body,
): readonly KStmt[] {
  if (axes.length === 0)
    return [loop(names, { hint: "once", kind: "lanes", from: x.int(0), to: x.int(1) }, () => body(start))];
  const inner = vectors ? axes[axes.length - 1] : undefined;
  const outer = vectors ? axes.slice(0, -1) : axes;
  const headers = outer.map(({ axis, from, to }, i) => ({ hint: hint(axis), kind: kindAt(i), from, to }));
  return nest(names, headers, (indices) => {
    const p = outer.reduce((point, { axis }, i) => withIndex(point, axis, indices[i]), start);
    if (inner === undefined) return body(p);
    return inBlocks(names, { ...inner, hint: hint(inner.axis), kind: kindAt(outer.length) }, [4, 1], (first, size) =>
      body({ ...withIndex(p, inner.axis, first), width: size === 4 ? 4 : 1 }),
    );
  });
}

const kindAt = (depth: number): "lanes" | "serial" => (depth === 0 ? "lanes" : "serial");

/** One loop over all axes of known extent, inside loops over those that are as long as the sequence. */
function overLanes(names: Names, axes: readonly OwnedAxis[], start: Point, body: Body): readonly KStmt[] {
  const open = axes.filter((a) => a.most === undefined);
  const closed = axes.filter((a) => a.most !== undefined);
  const headers = open.map(({ axis, from, to }) => ({ hint: hint(axis), from, to }));
  return nest(names, headers, (indices) => {
    const p = open.reduce((point, { axis }, i) => withIndex(point, axis, indices[i]), start);
    const total = closed.reduce((n, a) => n * a.most!, 1);
    return [
      onLanes(names, total, (i) => {
        const bound: KStmt[] = [];
        const { point, guard } = decode(closed, i, p, binder(names, bound));
        return [...bound, ...guarded(guard, body(point))];
      }),
    ];
  });
}

/** Gives indices names, in statements that go to `into`. */
export const binder =
  (names: Names, into: KStmt[]) =>
  (axis: PointAxis, value: KExpr): KExpr => {
    if (value.k !== "int2") return value;
    const name = names(hint(axis));
    into.push({ s: "let", name, type: "i32", value });
    return x.variable(name, "i32");
  };

/** Whether every workgroup owns `most` of an axis. */
export const isWhole = (a: OwnedAxis): boolean => a.end === undefined;

/** The point at position `i` of the flattened axes, and the condition under which it exists; `bind` may name its indices. */
export function decode(
  axes: readonly OwnedAxis[],
  i: KExpr,
  start: Point,
  bind: (axis: PointAxis, value: KExpr) => KExpr = (_, value) => value,
): { readonly point: Point; readonly guard: KExpr | undefined } {
  const offsets = unflatten(
    i,
    axes.map((a) => a.most!),
  );
  let point = start;
  let guard: KExpr | undefined;
  for (const [k, a] of [...axes.entries()].reverse()) {
    const at = bind(a.axis, x.add(a.from, offsets[k]));
    point = withIndex(point, a.axis, at);
    if (a.end !== undefined) guard = both(guard, x.compare("lt", at, a.end));
  }
  return { point, guard };
}
