/** The op of a part of an axis. */
import * as dim from "../ir/dim.ts";
import type { Value } from "../ir/types.ts";
import { extentOf } from "./constants.ts";
import type { Context } from "./context.ts";

/**
 * Entries `from` to `to` of an axis, [.., to - from, ..]. With `dim P = H / N` and two heads, `x[P:2P]` ends where x does, but not as a
 * formula, and the gradient would have an empty part after it. So it is taken up to the end, as [H - P], which is (N - 1) · P.
 */
export function slice(v: Value, axis: number, from: dim.Dim, to: dim.Dim, c: Context): Value {
  const same = (a: dim.Dim, b: dim.Dim): boolean => {
    const n = extentOf(a, c.world.numbers);
    return n !== undefined && n === extentOf(b, c.world.numbers);
  };
  const whole = v.type.shape[axis];
  const begin = same(from, []) ? [] : from;
  const end = same(to, whole) ? whole : to;
  const [width, taken] = [dim.subtract(to, from), dim.subtract(end, begin)];
  const once = dim.equal(width, taken) ? dim.constant(1) : dim.divide(taken, width);
  const cut = (first: dim.Dim, last: dim.Dim): Value =>
    first.length === 0 && dim.equal(last, whole)
      ? v
      : c.builder.one("slice", [v], { axis, from: dim.show(first), to: dim.show(last) });
  if (once === undefined) return cut(from, to);
  return dim.isOne(once) ? cut(begin, end) : retyped(cut(begin, end), axis, once, width, c);
}

/** Entry `i` of the first axis. */
export function entryOf(v: Value, i: number, c: Context): Value {
  const entry = slice(v, 0, dim.constant(i), dim.constant(i + 1), c);
  return c.builder.one("reshape", [entry], { shape: entry.type.shape.slice(1).map(dim.show) });
}

/** An axis of extent `once` · `width`, where `once` is 1 by the numbers, as one of `width`. */
function retyped(v: Value, axis: number, once: dim.Dim, width: dim.Dim, c: Context): Value {
  const shape = v.type.shape.flatMap((d, i) => (i === axis ? [once, width] : [d]));
  const apart = c.builder.one("reshape", [v], { shape: shape.map(dim.show) });
  return c.builder.sum(apart, { features: [axis] });
}
