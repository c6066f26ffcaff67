/** How views are read: the point of the operand whose element a view has at a point of its own. */

import * as dim from "../ir/dim.ts";
import type { Op, OpOf, Value } from "../ir/types.ts";
import * as x from "../kernel-ir/expr.ts";
import type { KExpr } from "../kernel-ir/types.ts";
import type { Scope } from "./elementwise.ts";
import { unflatten } from "./loops.ts";
import { type Point, withIndex } from "./point.ts";

/**
 * The point of the operand that the result `v` of `op` reads at `p`. `apart`: four neighbours of `v` are not neighbours of the
 * operand, and must be read one by one. Undefined for ops that do more than move elements.
 */
export function pointBehind(op: Op, v: Value, p: Point, scope: Scope): Point | "apart" | undefined {
  switch (op.op) {
    case "stop":
    case "copy":
    case "site":
    case "stat":
    case "broadcast":
      return p;
    case "spread": {
      const size = partSize(scope, extent(op.operands[0].type.shape[0], scope));
      return { ...p, b: undefined, f: [scope.part ?? x.div(p.b!, x.int(size)), ...p.f] };
    }
    case "pivot":
      return pivoted(op, p);
    case "pivots": {
      const [part, ...f] = p.f;
      if (p.width === 4 && f.length === 0) return "apart";
      return { ...p, b: x.mul(part, x.int(partSize(scope, op.attrs.parts))), f };
    }
    case "split":
      return shifted(p, op.attrs.axis, op.results.indexOf(v) * extent(v.type.shape[op.attrs.axis], scope));
    case "cut": {
      const before = op.attrs.widths.slice(0, op.results.indexOf(v));
      return shifted(
        p,
        op.attrs.axis,
        before.reduce((sum, w) => sum + extent(dim.parse(w), scope), 0),
      );
    }
    case "slice":
      return shifted(p, op.attrs.axis, extent(dim.parse(op.attrs.from), scope));
    case "flip": {
      const { axis } = op.attrs;
      if (p.width === 4 && axis === p.f.length - 1) return "apart";
      return withIndex(p, axis, x.sub(x.int(extent(v.type.shape[axis], scope) - 1), p.f[axis]));
    }
    case "windows": {
      const { axis, stride, dilation } = op.attrs;
      if (p.width === 4 && axis + 1 === p.f.length - 1) return "apart";
      const at = x.add(x.mul(p.f[axis], x.int(stride)), x.mul(p.f[axis + 1], x.int(dilation)));
      return { ...p, f: p.f.toSpliced(axis, 2, at) };
    }
    case "transpose": {
      const { permutation } = op.attrs;
      const lastStays = permutation[permutation.length - 1] === permutation.length - 1;
      return p.width === 4 && !lastStays
        ? "apart"
        : { ...p, f: permutation.map((_, i) => p.f[permutation.indexOf(i)]) };
    }
    case "reshape":
      return reshaped(op, p, scope);
    case "at":
      return { ...p, t: endStep(op, scope) };
    default:
      return undefined;
  }
}

/** The first or the last step, as `at` and `put` name it. */
export const endStep = (op: OpOf<"at"> | OpOf<"put">, { layout }: Scope): KExpr =>
  op.attrs.step === "first" ? x.int(0) : x.sub(layout.steps, x.int(1));

const extent = (d: dim.Dim, { dims }: Scope): number => dim.evaluate(d, dims);

/** Examples of a part of the batch. */
const partSize = ({ dims }: Scope, parts: number): number => Math.ceil(dims.batch / parts);

const shifted = (p: Point, axis: number, by: number): Point => withIndex(p, axis, x.add(p.f[axis], x.int(by)));

/** The first element along the axes of a pivot. */
function pivoted(op: OpOf<"pivot">, p: Point): Point | "apart" {
  const { shape } = op.operands[0].type;
  const { batch, time, features, keep } = op.attrs.axes;
  if (p.width === 4 && features.includes(shape.length - 1)) return "apart";
  const kept = keep ? p.f.filter((_, i) => !features.includes(i)) : [...p.f];
  const f = shape.map((_, i) => (features.includes(i) ? x.int(0) : kept.shift()!));
  return { t: time ? x.int(0) : p.t, b: batch ? x.int(0) : p.b, f, width: p.width };
}

/** The element at the same position of all, row by row. */
function reshaped(op: OpOf<"reshape">, p: Point, scope: Scope): Point | "apart" {
  const [to, from] = [op.results[0], op.operands[0]].map(({ type }) => type.shape.map((d) => extent(d, scope)));
  const width = (s: readonly number[]): number => s[s.length - 1] ?? 1;
  if (p.width === 4 && (width(to) !== width(from) || width(to) % 4 !== 0)) return "apart";
  const strides = to.map((_, i) => to.slice(i + 1).reduce((a, b) => a * b, 1));
  const flat = x.sum(p.f.map((e, i) => x.mul(e, x.int(strides[i]))));
  // Axes of one element have index 0.
  const wide = from.flatMap((n, i) => (n === 1 ? [] : [i]));
  const wideExtents = wide.map((i) => from[i]);
  const indices = unflatten(flat, wideExtents);
  return { ...p, f: from.map((n, i) => (n === 1 ? x.int(0) : indices[wide.indexOf(i)])) };
}
