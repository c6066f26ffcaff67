/**
 * Loop nests over a space, for either kind of machine. Lanes: one loop over all points, shared out among the invocations.
 * Vectors: a loop an axis, the last feature axis four at a time with what is left over one at a time.
 */

import * as x from "../kernel-ir/expr.ts";
import type { KExpr, KStmt } from "../kernel-ir/types.ts";
import type { Machine } from "../machine.ts";
import { type Point, type PointAxis, withIndex } from "./point.ts";

/** One axis of a nest. */
export interface Axis {
  readonly axis: PointAxis;
  readonly from: KExpr;
  readonly to: KExpr;
  /** What cuts off the last workgroup's part, if it is not known to be whole: a position below `most` is past `to` only there. */
  readonly end?: KExpr;
  /** Most iterations, where that is known at compile time. */
  readonly most: number | undefined;
  /** A number that always divides the count of iterations. */
  readonly multiple: number;
}

type Body = (p: Point) => readonly KStmt[];
type Names = (hint: string) => string;

const hint = (axis: PointAxis): string => (typeof axis === "number" ? (axis === 0 ? "j" : `j${axis}`) : axis);

/**
 * @param axes outermost first
 * @param vectorize the last axis is the last feature axis, and may be run four at a time
 */
export function forEachPoint(
  machine: Machine,
  names: Names,
  axes: readonly Axis[],
  start: Point,
  vectorize: boolean,
  body: Body,
): readonly KStmt[] {
  return machine.lanes > 1
    ? onLanes(machine, names, axes, start, body)
    : onVectors(machine, names, axes, start, vectorize, body, true);
}

function onVectors(
  machine: Machine,
  names: Names,
  axes: readonly Axis[],
  p: Point,
  vectorize: boolean,
  body: Body,
  outermost: boolean,
): readonly KStmt[] {
  const kind = outermost ? "lanes" : "serial";
  if (axes.length === 0) {
    return outermost
      ? [{ s: "for", kind, name: names("once"), from: x.int(0), to: x.int(1), step: 1, body: body(p) }]
      : body(p);
  }
  const [first, ...rest] = axes;
  const name = names(hint(first.axis));
  const here = withIndex(p, first.axis, x.variable(name, "i32"));
  if (rest.length > 0 || !vectorize || machine.vector === 1) {
    const inside = onVectors(machine, names, rest, here, vectorize, body, false);
    return [{ s: "for", kind, name, from: first.from, to: first.to, step: 1, body: inside }];
  }
  const count = x.sub(first.to, first.from);
  const exact = first.multiple % 4 === 0;
  const main = exact ? first.to : x.add(first.from, x.sub(count, x.rem(count, x.int(4))));
  const statements: KStmt[] = [];
  if (x.known(count) === undefined || x.known(count)! >= 4)
    statements.push({ s: "for", kind, name, from: first.from, to: main, step: 4, body: body({ ...here, width: 4 }) });
  if (!exact) {
    const left = names(hint(first.axis));
    statements.push({
      s: "for",
      kind,
      name: left,
      from: main,
      to: first.to,
      step: 1,
      body: body(withIndex(p, first.axis, x.variable(left, "i32"))),
    });
  }
  return statements;
}

/** One lanes loop over every axis of known extent; an axis that is as long as the sequence stays a loop around it. */
function onLanes(machine: Machine, names: Names, axes: readonly Axis[], p: Point, body: Body): readonly KStmt[] {
  const open = axes.find((a) => a.most === undefined);
  if (open) {
    const name = names(hint(open.axis));
    const rest = axes.filter((a) => a !== open);
    const inside = onLanes(machine, names, rest, withIndex(p, open.axis, x.variable(name, "i32")), body);
    return [{ s: "for", kind: "serial", name, from: open.from, to: open.to, step: 1, body: inside }];
  }
  const name = names("i");
  const total = axes.reduce((n, a) => n * a.most!, 1);
  const bound: KStmt[] = [];
  const { point, guard } = decode(axes, x.variable(name, "i32"), p, binder(names, bound));
  const inside = body(point);
  return [
    {
      s: "for",
      kind: "lanes",
      name,
      from: x.int(0),
      to: x.int(total),
      step: 1,
      body: [...bound, ...(guard ? [{ s: "if", condition: guard, then: inside, else: [] } as const] : inside)],
    },
  ];
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

/** Whether a workgroup always has as much of an axis as it has at most. */
export const isWhole = (a: Axis): boolean => a.end === undefined;

/** The point that position `i` of the flattened axes is, and the condition under which it exists; `bind` may name its indices. */
export function decode(
  axes: readonly Axis[],
  i: KExpr,
  start: Point,
  bind: (axis: PointAxis, value: KExpr) => KExpr = (_, value) => value,
): { readonly point: Point; readonly guard: KExpr | undefined } {
  let point = start;
  let left = i;
  let guard: KExpr | undefined;
  for (let k = axes.length - 1; k >= 0; k--) {
    const a = axes[k];
    const offset = k === 0 ? left : x.rem(left, x.int(a.most!));
    left = x.div(left, x.int(a.most!));
    const at = bind(a.axis, x.add(a.from, offset));
    point = withIndex(point, a.axis, at);
    if (a.end === undefined) continue;
    const inRange = x.compare("lt", at, a.end);
    guard = guard ? { k: "and", a: guard, b: inRange } : inRange;
  }
  return { point, guard };
}
