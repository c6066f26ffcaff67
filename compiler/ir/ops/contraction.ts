/** `dot`, the only contraction: its type rule, its f64 meaning and its derivative. */
import { labels } from "../attributes.ts";
import type { Builder } from "../builder.ts";
import { type Axis, axesOf } from "../contraction-axes.ts";
import * as dim from "../dim.ts";
import { allFinite, anything, assumeGiven, within } from "../range.ts";
import { type Bindings, forEachRow, rowMajor, type Tensor, tensor } from "../tensor.ts";
import { ShapeError, showType } from "../type.ts";
import type { OpAttrs, Type, Value } from "../types.ts";
import { along, type Iteration, type Rows, whereAny } from "./row.ts";

type Labels = OpAttrs["dot"];

function contractionType([a, b]: readonly Type[], { a: la, b: lb, out, batch, time }: Labels): Type {
  const extent = new Map<string, dim.Dim>();
  for (const [labels, type] of [
    [la, a],
    [lb, b],
  ] as const) {
    if (labels.length !== type.shape.length)
      throw new ShapeError(`${showType(type)} does not have the axes "${labels}"`);
    [...labels].forEach((l, i) => {
      const old = extent.get(l);
      if (old !== undefined && !dim.equal(old, type.shape[i])) {
        throw new ShapeError(
          `the product of ${showType(a)} and ${showType(b)} sums over ${dim.show(old)} on one side and ${dim.show(type.shape[i])} on the other`,
        );
      }
      extent.set(l, type.shape[i]);
    });
  }
  for (const labels of [la, lb, out])
    if (new Set(labels).size !== labels.length) throw new ShapeError(`a label stands twice in "${labels}"`);
  return {
    dtype: "f32",
    time: (a.time || b.time) && !time,
    batch: (a.batch || b.batch) && !batch,
    shape: [...out].map((l) => {
      const d = extent.get(l);
      if (d === undefined) throw new ShapeError(`the label ${l} of the result stands on neither side`);
      return d;
    }),
  };
}

/** Axes of a labelled tensor → [extent, stride]. */
function labelled(x: Tensor, labels: string): ReadonlyMap<Axis, readonly [number, number]> {
  const strides = rowMajor(x.shape);
  return new Map(axesOf({ type: x.type, labels }).map((axis, i) => [axis, [x.shape[i], strides[i]]]));
}

function contract(a: Tensor, b: Tensor, attrs: Labels, type: Type, dims: Bindings): Tensor {
  const y = tensor(type, dims);
  const sides = [labelled(y, attrs.out), labelled(a, attrs.a), labelled(b, attrs.b)];
  const extents = new Map(sides.flatMap((side) => [...side].map(([l, [n]]) => [l, n] as const)));
  // The innermost loop runs along the axis in which most sides are contiguous or constant.
  const jumps = (l: string): number => sides.filter((side) => (side.get(l)?.[1] ?? 0) > 1).length;
  const loops = [...extents.keys()].sort((l, m) => jumps(m) - jumps(l));
  const strides = sides.map((side) => loops.map((l) => side.get(l)?.[1] ?? 0));
  const shape = loops.map((l) => extents.get(l)!);
  const [to, left, right] = [y.data, a.data, b.data];
  forEachRow(shape, strides, ([k, i, j], _, n, [dk, di, dj]) => {
    for (let p = 0; p < n; p++, k += dk, i += di, j += dj) to[k] += left[i] * right[j];
  });
  return y;
}

function contractionGrad(b: Builder, x: readonly Value[], dy: Value, { a, b: c, out }: Labels): readonly Value[] {
  return [
    sideGrad(b, dy, x[1], x[0].type, { dy: out, other: c, to: a }),
    sideGrad(b, dy, x[0], x[1].type, { dy: out, other: a, to: c }),
  ];
}

/** The cotangent of one side: the contraction of dy with the other side, over what this side lacks. */
function sideGrad(
  b: Builder,
  dy: Value,
  other: Value,
  to: Type,
  labels: { dy: string; other: string; to: string },
): Value {
  // An axis that only this side has was summed on its own: the cotangent is the same all along it.
  const shared = [...labels.to].filter((l) => labels.dy.includes(l) || labels.other.includes(l));
  const v = b.dot(dy, other, {
    a: labels.dy,
    b: labels.other,
    out: shared.join(""),
    batch: (dy.type.batch || other.type.batch) && !to.batch,
    time: (dy.type.time || other.type.time) && !to.time,
  });
  const shape = [...labels.to].map((l, i) => (shared.includes(l) ? dim.show(to.shape[i]) : "1"));
  const spread = shared.length === labels.to.length ? v : b.one("reshape", [v], { shape });
  return b.broadcast(spread, { ...to, dtype: "f32" });
}

export const contraction: Rows<"dot"> = {
  dot: {
    doc: "labelled contraction",
    operands: ["a", "b"],
    attributes: labels,
    infer: (x, attrs) => [contractionType(x, attrs)],
    axes: ([a, b], attrs) => {
      const side = (t: Type, own: string): Iteration => ({
        batch: attrs.batch ? "reduce" : along(t.batch),
        time: attrs.time ? "reduce" : along(t.time),
        features: [...own].map((label) => (attrs.out.includes(label) ? "parallel" : "reduce")),
      });
      return [side(a, attrs.a), side(b, attrs.b)];
    },
    range: (x) => within(x, x.every((r) => r.low >= 0) ? 0 : anything.low, anything.high, assumeGiven(allFinite(x))),
    form: "contraction",
    combines: "sum",
    zero: whereAny,
    evaluate: ([a, b], attrs, [type], dims) => [contract(a, b, attrs, type, dims)],
    grad: (b, { x, dy, attrs }) => contractionGrad(b, x, dy[0]!, attrs),
  },
};
