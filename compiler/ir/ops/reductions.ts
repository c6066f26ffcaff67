/** Reductions along whole axes: sums, largest entries and their positions, and the first element. */
import { none, reduced, words } from "../attributes.ts";
import type { Builder } from "../builder.ts";
import * as dim from "../dim.ts";
import { anything, isShiftedExponential, moved, summed, within } from "../range.ts";
import { alignedShape, alignedStrides, type Bindings, forEachRow, type Tensor, tensor } from "../tensor.ts";
import { extentsOf, ShapeError, showType } from "../type.ts";
import type { Axes, Type, Value } from "../types.ts";
import { type Along, along, type Iteration, inPlace, type Rows, type StructuralRow, whereAll } from "./row.ts";

function reducedType(x: Type, axes: Axes): Type {
  const bad = axes.features.find((i) => i < 0 || i >= x.shape.length);
  if (bad !== undefined) throw new ShapeError(`${showType(x)} has no feature axis ${bad}`);
  return {
    dtype: "f32",
    time: x.time && !axes.time,
    batch: x.batch && !axes.batch,
    shape: axes.keep
      ? x.shape.map((d, i) => (axes.features.includes(i) ? dim.constant(1) : d))
      : x.shape.filter((_, i) => !axes.features.includes(i)),
  };
}

/** Reduces `x` over `axes` to a tensor of type `type`, starting from `start`. */
function reduce(
  x: Tensor,
  axes: Axes,
  type: Type,
  dims: Bindings,
  start: number,
  f: (a: number, b: number) => number,
): Tensor {
  const kept = reducedType(x.type, { ...axes, keep: true });
  const y = tensor(type, dims);
  y.data.fill(start);
  const rank = x.type.shape.length;
  const view: Tensor = { type: kept, shape: tensor(kept, dims).shape, data: y.data };
  const strides = [alignedStrides(x, rank), alignedStrides(view, rank)];
  forEachRow(alignedShape(x, rank), strides, ([i, j], _, n, [di, dj]) => {
    for (let k = 0; k < n; k++, i += di, j += dj) y.data[j] = f(y.data[j], x.data[i]);
  });
  return y;
}

/** `v`, a reduction's result without its reduced axes, as a value that broadcasts against the operand. */
function withUnitAxes(b: Builder, v: Value, x: Type, axes: Axes): Value {
  if (axes.keep || axes.features.length === 0 || axes.features.length === x.shape.length) return v;
  return b.one("reshape", [v], { shape: x.shape.map((d, i) => (axes.features.includes(i) ? "1" : dim.show(d))) });
}

/** A reduction's operand, read as `how` says along the axes that are reduced. */
const reducing =
  (how: Along) =>
  ([x]: readonly Type[], { axes: { batch, time, features } }: { readonly axes: Axes }): readonly Iteration[] => [
    {
      batch: batch ? how : along(x.batch),
      time: time ? how : along(x.time),
      features: x.shape.map((_, i) => (features.includes(i) ? how : "parallel")),
    },
  ];

const reduction = <K extends "sum" | "maximum" | "pivot">(
  doc: string,
  row: Omit<StructuralRow<K>, "doc" | "operands" | "attributes" | "infer">,
): StructuralRow<K> => ({
  doc,
  operands: ["x"],
  attributes: words({ axes: reduced }),
  infer: ([x], { axes }) => [reducedType(x, axes)],
  ...row,
});

export const reductions: Rows<"sum" | "maximum" | "pivot" | "argmax"> = {
  sum: reduction("sum over axes", {
    evaluate: ([x], { axes }, [type], dims) => [reduce(x, axes, type, dims, 0, (a, c) => a + c)],
    axes: reducing("reduce"),
    range: (x, { attrs, operands, defines }) =>
      // The largest number minus itself is 0 somewhere, and e⁰ is 1.
      isShiftedExponential(operands[0], attrs.axes, defines) ? within(x, 1, anything.high) : summed(x),
    form: "reduction",
    combines: "sum",
    zero: whereAll,
    grad: (b, { x, dy, attrs }) => [
      b.broadcast(withUnitAxes(b, dy[0]!, x[0].type, attrs.axes), { ...x[0].type, dtype: "f32" }),
    ],
  }),
  maximum: reduction("largest entry over axes", {
    evaluate: ([x], { axes }, [type], dims) => [reduce(x, axes, type, dims, Number.NEGATIVE_INFINITY, Math.max)],
    axes: reducing("reduce"),
    range: moved,
    form: "reduction",
    combines: "largest",
    zero: whereAll,
    grad: (b, { x, y, dy, attrs }) => {
      // Equal entries share the gradient equally. A device may recompute x with different rounding, so that none equals the
      // largest.
      const at = b.ge(x[0], withUnitAxes(b, y[0], x[0].type, attrs.axes));
      const ties = b.max(b.one("sum", [at], { axes: attrs.axes }), b.scalar(1));
      return [b.mul(at, withUnitAxes(b, b.div(dy[0]!, ties), x[0].type, attrs.axes))];
    },
  }),
  pivot: reduction("the first element along axes", {
    evaluate: ([x], { axes }, [type], dims) => [
      reduce(x, axes, type, dims, Number.NaN, (first, v) => (Number.isNaN(first) ? v : first)),
    ],
    axes: reducing("gather"),
    range: moved,
    form: "view",
    zero: whereAll,
    held: true,
    grad: "zero",
  }),
  argmax: {
    doc: "position of the largest entry along the last feature axis",
    operands: ["x"],
    infer: ([x]) => {
      if (x.shape.length === 0) throw new ShapeError("argmax needs a feature axis");
      return [{ ...x, dtype: "index", shape: x.shape.slice(0, -1), below: x.shape[x.shape.length - 1] }];
    },
    evaluate: ([x], _, [type], dims) => {
      const y = tensor(type, dims);
      const n = x.shape[x.shape.length - 1];
      for (let i = 0; i < y.data.length; i++) {
        const row = x.data.subarray(i * n, (i + 1) * n);
        y.data[i] = row.reduce((best, v, k) => (v > row[best] ? k : best), 0);
      }
      return [y];
    },
    attributes: none,
    axes: ([x]) => [inPlace(x, (i) => (i === x.shape.length - 1 ? "reduce" : "parallel"))],
    range: (x) => within(x, 0, anything.high),
    form: "reduction",
    combines: "position",
    exact: [0],
    grad: "zero",
  },
};

/** How many elements a reduction combines into one, as dimension texts. */
export function reducedExtents(x: Type, axes: Axes): readonly string[] {
  return extentsOf(x, axes.batch, axes.time, axes.features);
}
