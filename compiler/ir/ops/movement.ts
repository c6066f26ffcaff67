/** Ops that move elements between feature axes, or repeat them. */
import { axis, extent, extents, featureAxes, fields, integer, resultType } from "../attributes.ts";
import type { Builder } from "../builder.ts";
import * as dim from "../dim.ts";
import { amongZeros, moved } from "../range.ts";
import { type Bindings, broadcastTo, forEachRow, rowMajor, type Tensor, tensor } from "../tensor.ts";
import { broadcastTypes, ShapeError, sameNumbers, sameType, showType } from "../type.ts";
import type { Type, Value } from "../types.ts";
import { aligned, type Iteration, inPlace, type Rows, whereAll } from "./row.ts";

/** `x` viewed as [outer, axis, inner], with feature axis `axis` in the middle. */
export function outerAxisInner(x: Tensor, axis: number): readonly [number, number, number] {
  const at = x.shape.length - x.type.shape.length + axis;
  const product = (s: readonly number[]): number => s.reduce((a, b) => a * b, 1);
  return [product(x.shape.slice(0, at)), x.shape[at], product(x.shape.slice(at + 1))];
}

/** An operand that is read elsewhere along one axis, and in place along the others. */
export const elsewhereAlong = (x: Type, axis: number): Iteration =>
  inPlace(x, (i) => (i === axis ? "gather" : "parallel"));

/** What `split` and `cut` share: parts of an axis, as wide as the result types say, and their derivative. */
const parting = {
  operands: ["x"],
  axes: ([x]: readonly Type[], attrs: { axis: number }) => [elsewhereAlong(x, attrs.axis)],
  range: moved,
  form: "view",
  zero: whereAll,
  recompute: 0,
  evaluate: ([x]: readonly Tensor[], { axis }: { axis: number }, types: readonly Type[], dims: Bindings) => {
    const [outer, n, inner] = outerAxisInner(x, axis);
    let at = 0;
    return types.map((type) => {
      const y = tensor(type, dims);
      const width = outerAxisInner(y, axis)[1] * inner;
      for (let o = 0; o < outer; o++)
        y.data.set(x.data.subarray(o * n * inner + at, o * n * inner + at + width), o * width);
      at += width;
      return y;
    });
  },
  grad: (
    b: Builder,
    { y, dy, attrs }: { y: readonly Value[]; dy: readonly (Value | undefined)[]; attrs: { axis: number } },
  ) => [
    b.one(
      "concat",
      dy.map((d, i) => d ?? b.zeros({ ...y[i].type, dtype: "f32" })),
      { axis: attrs.axis },
    ),
  ],
} as const;

/** Operands end to end along an axis. */
function joinedType(x: readonly Type[], axis: number): Type {
  if (x.some((t) => t.shape.length <= axis || t.shape.length !== x[0].shape.length))
    throw new ShapeError(`${x.map(showType).join(", ")} cannot be joined along axis ${axis}`);
  const rest = broadcastTypes(
    x.map((t) => ({ ...t, shape: t.shape.map((d, i) => (i === axis ? dim.constant(1) : d)) })),
  );
  const total = x.map((t) => t.shape[axis]).reduce(dim.add);
  return { ...rest, shape: rest.shape.map((d, i) => (i === axis ? total : d)) };
}

export const movement: Rows<
  "split" | "concat" | "cut" | "slice" | "pad" | "flip" | "reshape" | "transpose" | "broadcast"
> = {
  split: {
    doc: "equal parts along a feature axis",
    infer: ([x], { axis, parts }) => {
      const part = x.shape[axis] && dim.divide(x.shape[axis], dim.constant(parts));
      if (!part || dim.isBroken(part)) throw new ShapeError(`${showType(x)} cannot be split in ${parts} equal parts`);
      return Array.from({ length: parts }, () => ({ ...x, shape: x.shape.map((d, i) => (i === axis ? part : d)) }));
    },
    attributes: fields({ axis, parts: integer }),
    ...parting,
  },
  concat: {
    doc: "operands end to end along a feature axis",
    operands: "many",
    infer: (x, { axis }) => [joinedType(x, axis)],
    evaluate: (x, { axis }, [type], dims) => {
      const parts = x.map((p) =>
        broadcastTo(p, { ...type, shape: type.shape.map((d, i) => (i === axis ? p.type.shape[i] : d)) }, dims),
      );
      const y = tensor(type, dims);
      const [outer, n, inner] = outerAxisInner(y, axis);
      let at = 0;
      for (const p of parts) {
        const width = outerAxisInner(p, axis)[1] * inner;
        for (let o = 0; o < outer; o++) y.data.set(p.data.subarray(o * width, (o + 1) * width), o * n * inner + at);
        at += width;
      }
      return [y];
    },
    attributes: fields({ axis }),
    axes: (x, attrs) => {
      const whole = joinedType(x, attrs.axis);
      return x.map((t) => ({
        ...aligned(t, whole),
        features: aligned(t, whole).features.map((a, i) => (i === attrs.axis ? "gather" : a)),
      }));
    },
    range: moved,
    form: "view",
    zero: whereAll,
    grad: (b, { x, y, dy, attrs: { axis } }) => {
      const widths = x.map((v) => v.type.shape[axis]);
      if (widths.every((w) => dim.equal(w, widths[0]))) return b.emit("split", [dy[0]!], { axis, parts: x.length });
      return b.emit("cut", [dy[0]!], { axis, widths: widths.map(dim.show) }, y[0].name);
    },
  },
  cut: {
    doc: "parts of given widths along a feature axis",
    infer: ([x], { axis, widths }) => {
      const to = widths.map(dim.parse);
      if (x.shape[axis] === undefined || !dim.equal(to.reduce(dim.add, []), x.shape[axis]))
        throw new ShapeError(`${showType(x)} cannot be cut in ${widths.join(", ")}`);
      return to.map((w) => ({ ...x, shape: x.shape.map((d, i) => (i === axis ? w : d)) }));
    },
    attributes: fields({ axis, widths: extents }),
    ...parting,
  },
  slice: {
    doc: "some entries of a feature axis",
    operands: ["x"],
    attributes: fields({ axis, from: extent, to: extent }),
    infer: ([x], { axis, from, to }) => {
      const [first, end] = [from, to].map(dim.parse);
      const whole = x.shape[axis];
      // What depends on dimensions is checked once they are bound.
      const isOutside = dim.exceeds([], first) || dim.exceeds(end, whole ?? []) || dim.exceeds(end, first) === false;
      if (whole === undefined || isOutside) throw new ShapeError(`${showType(x)} has no entries ${from} to ${to}`);
      const width = dim.subtract(end, first);
      return [{ ...x, shape: x.shape.map((d, i) => (i === axis ? width : d)) }];
    },
    axes: ([x], attrs) => [elsewhereAlong(x, attrs.axis)],
    range: moved,
    form: "view",
    zero: whereAll,
    recompute: 0,
    selects: ([x], { axis, to }) => ({ below: dim.parse(to), of: x.shape[axis] }),
    evaluate: ([x], { axis, from, to }, [type], dims) => {
      const [outer, n, inner] = outerAxisInner(x, axis);
      const [first, end] = [from, to].map((bound) => dim.evaluate(dim.parse(bound), dims));
      if (end > n) throw new ShapeError(`there is no entry ${end - 1} among ${n}`);
      const y = tensor(type, dims);
      const width = (end - first) * inner;
      for (let o = 0; o < outer; o++) {
        const at = (o * n + first) * inner;
        y.data.set(x.data.subarray(at, at + width), o * width);
      }
      return [y];
    },
    grad: (b, { x: [x], dy, attrs: { axis, from, to } }) => {
      const { shape } = x.type;
      const along = (width: string): readonly string[] => shape.map((_, i) => (i === axis ? width : "0"));
      const after = dim.show(dim.subtract(shape[axis], dim.parse(to)));
      return [b.one("pad", [dy[0]!], { before: along(from), after: along(after) })];
    },
  },
  pad: {
    doc: "the operand among zeros",
    operands: ["x"],
    attributes: fields({ before: extents, after: extents }),
    infer: ([x], { before, after }) => {
      if (before.length !== x.shape.length || after.length !== x.shape.length)
        throw new ShapeError(`${showType(x)} has other axes than zeros are given for`);
      const widths = x.shape.map((_, i) => [before[i], after[i]].map(dim.parse));
      if (widths.some((both) => both.some((w) => dim.exceeds([], w))))
        throw new ShapeError(`${showType(x)} cannot be padded by less than nothing`);
      return [{ ...x, dtype: "f32", shape: x.shape.map((d, i) => widths[i].reduce(dim.add, d)) } satisfies Type];
    },
    axes: ([x], { before, after }) => [
      inPlace(x, (i) => (before[i] === "0" && after[i] === "0" ? "parallel" : "gather")),
    ],
    range: amongZeros,
    form: "point",
    zero: whereAll,
    evaluate: ([x], { before }, [type], dims) => {
      const y = tensor(type, dims);
      const lead = x.shape.length - before.length;
      const strides = rowMajor(y.shape);
      const start = before.reduce((sum, w, i) => sum + dim.evaluate(dim.parse(w), dims) * strides[lead + i], 0);
      forEachRow(x.shape, [strides], ([i], at, n, [di]) => {
        for (let k = 0; k < n; k++) y.data[start + i + k * di] = x.data[at + k];
      });
      return [y];
    },
    grad: (b, { x: [x], dy, attrs: { before, after } }) => [
      before.reduce((v, from, axis) => {
        if (from === "0" && after[axis] === "0") return v;
        const to = dim.show(dim.add(dim.parse(from), x.type.shape[axis]));
        return b.one("slice", [v], { axis, from, to });
      }, dy[0]!),
    ],
  },
  flip: {
    doc: "a feature axis in reverse",
    operands: ["x"],
    attributes: fields({ axis }),
    infer: ([x], { axis }) => {
      if (x.shape[axis] === undefined) throw new ShapeError(`${showType(x)} has no axis ${axis} to reverse`);
      return [x];
    },
    axes: ([x], attrs) => [elsewhereAlong(x, attrs.axis)],
    range: moved,
    form: "view",
    zero: whereAll,
    recompute: 0,
    evaluate: ([x], { axis }, [type], dims) => {
      const y = tensor(type, dims);
      const [outer, n, inner] = outerAxisInner(x, axis);
      for (let o = 0; o < outer; o++)
        for (let i = 0; i < n; i++) {
          const from = (o * n + i) * inner;
          y.data.set(x.data.subarray(from, from + inner), (o * n + n - 1 - i) * inner);
        }
      return [y];
    },
    grad: (b, { dy, attrs }) => [b.one("flip", [dy[0]!], attrs)],
  },
  reshape: {
    doc: "the same elements in another feature shape",
    operands: ["x"],
    infer: ([x], { shape }) => {
      const to = shape.map(dim.parse);
      if (!dim.equal(dim.product(to), dim.product(x.shape)))
        throw new ShapeError(`${showType(x)} does not have the elements of [${shape.join(", ")}]`);
      return [{ ...x, shape: to }];
    },
    evaluate: ([x], _, [type], dims) => [tensor(type, dims, x.data)],
    attributes: fields({ shape: extents }),
    axes: ([x]) => [inPlace(x, () => "gather")],
    range: moved,
    form: "view",
    zero: whereAll,
    recompute: 0,
    grad: (b, { x, dy }) => [b.one("reshape", [dy[0]!], { shape: x[0].type.shape.map(dim.show) })],
  },
  transpose: {
    doc: "feature axes in another order",
    operands: ["x"],
    infer: ([x], { permutation }) => {
      if ([...permutation].sort((i, j) => i - j).join() !== [...x.shape.keys()].join())
        throw new ShapeError(`[${permutation.join(", ")}] does not order the axes of ${showType(x)}`);
      return [{ ...x, shape: permutation.map((i) => x.shape[i]) }];
    },
    evaluate: ([x], { permutation }, [type], dims) => {
      const y = tensor(type, dims);
      const lead = x.shape.length - permutation.length;
      const strides = rowMajor(x.shape);
      const from = [...strides.slice(0, lead), ...permutation.map((i) => strides[lead + i])];
      forEachRow(y.shape, [from], ([i], at, n, [di]) => {
        for (let k = 0; k < n; k++, i += di) y.data[at + k] = x.data[i];
      });
      return [y];
    },
    attributes: fields({ permutation: featureAxes }),
    axes: ([x]) => [inPlace(x)],
    range: moved,
    form: "view",
    zero: whereAll,
    recompute: 0,
    grad: (b, { dy, attrs: { permutation } }) => [
      b.one("transpose", [dy[0]!], { permutation: permutation.map((_, i) => permutation.indexOf(i)) }),
    ],
  },
  broadcast: {
    doc: "to a larger type",
    operands: ["x"],
    infer: ([x], { type }) => {
      const isMadeIndex = type.dtype === "index" && !sameNumbers(x, type);
      if (isMadeIndex || !sameType(broadcastTypes([x, type]), { ...type, dtype: "f32" }))
        throw new ShapeError(`${showType(x)} does not stretch to ${showType(type)}`);
      return [type];
    },
    evaluate: ([x], _, [type], dims) => [broadcastTo(x, type, dims)],
    attributes: resultType,
    axes: ([x], { type }) => [aligned(x, type)],
    range: moved,
    form: "view",
    zero: whereAll,
    recompute: 0,
    grad: (_, { dy }) => [dy[0]],
  },
};
