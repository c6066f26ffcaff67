/** Windows of a feature axis, of which convolutions are products, and their adjoint. */
import { axis, extent, fields, integer } from "../attributes.ts";
import * as dim from "../dim.ts";
import { amongZeros, moved, summed } from "../range.ts";
import { type Bindings, type Tensor, tensor } from "../tensor.ts";
import { ShapeError, showType } from "../type.ts";
import type { Type } from "../types.ts";
import { elsewhereAlong, outerAxisInner } from "./movement.ts";
import { inPlace, type Rows, whereAll } from "./row.ts";

interface Steps {
  readonly axis: number;
  readonly stride: number;
  readonly dilation: number;
}

/** How many entries lie between the first and the last of a window. */
const reach = (size: dim.Dim, dilation: number): dim.Dim =>
  dim.multiply(dim.subtract(size, dim.constant(1)), dim.constant(dilation));

/** How many windows an axis of `n` entries has: the last must end at its last entry. May be no whole number. */
export function windowCount(n: dim.Dim, size: dim.Dim, stride: number, dilation: number): dim.Dim {
  const last = dim.subtract(dim.subtract(n, dim.constant(1)), reach(size, dilation));
  return dim.add(dim.divide(last, dim.constant(stride))!, dim.constant(1));
}

/** How many entries `count` windows cover. */
export const windowsCover = (count: dim.Dim, size: dim.Dim, stride: number, dilation: number): dim.Dim =>
  dim.add(reach(count, stride), dim.add(reach(size, dilation), dim.constant(1)));

/** Calls `visit` with where each element of the windows begins, where the element of the axis does, and the length of both. */
function eachEntry(
  windows: Tensor,
  whole: Tensor,
  { axis, stride, dilation }: Steps,
  visit: (window: number, entry: number, length: number) => void,
): void {
  const [outer, n, inner] = outerAxisInner(whole, axis);
  const [count, size] = windows.shape.slice(windows.shape.length - windows.type.shape.length + axis);
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < count; i++)
      for (let j = 0; j < size; j++)
        visit(((o * count + i) * size + j) * inner, (o * n + i * stride + j * dilation) * inner, inner);
}

export const windows: Rows<"windows" | "overlap"> = {
  windows: {
    doc: "windows of a feature axis, along a new axis after it",
    operands: ["x"],
    attributes: fields({ axis, size: extent, stride: integer, dilation: integer }),
    infer: ([x], { axis, size, stride, dilation }) => {
      const whole = x.shape[axis];
      const width = dim.parse(size);
      const count = whole && windowCount(whole, width, stride, dilation);
      const isCount = count && (dim.exceeds(count, []) ?? true) && !dim.isBroken(count);
      if (!count || !isCount) throw new ShapeError(`${showType(x)} has no windows of ${size} entries`);
      return [{ ...x, shape: x.shape.toSpliced(axis, 1, count, width) }];
    },
    axes: ([x], attrs) => [elsewhereAlong(x, attrs.axis)],
    range: moved,
    form: "view",
    zero: whereAll,
    recompute: 0,
    evaluate: ([x], attrs, [type], dims: Bindings) => {
      const y = tensor(type, dims);
      eachEntry(y, x, attrs, (to, from, n) => y.data.set(x.data.subarray(from, from + n), to));
      return [y];
    },
    grad: (b, { dy, attrs: { axis, stride, dilation } }) => [b.one("overlap", [dy[0]!], { axis, stride, dilation })],
  },
  overlap: {
    doc: "windows laid along a feature axis, and added up where they overlap",
    operands: ["windows"],
    attributes: fields({ axis, stride: integer, dilation: integer }),
    infer: ([x], { axis, stride, dilation }) => {
      const [count, size] = x.shape.slice(axis);
      if (size === undefined) throw new ShapeError(`${showType(x)} has no windows along axis ${axis}`);
      const whole = windowsCover(count, size, stride, dilation);
      return [{ ...x, dtype: "f32", shape: x.shape.toSpliced(axis, 2, whole) } satisfies Type];
    },
    axes: ([x], attrs) => [inPlace(x, (i) => (i === attrs.axis || i === attrs.axis + 1 ? "gather" : "parallel"))],
    range: ([x]) => amongZeros([summed([x])]),
    form: "point",
    zero: whereAll,
    evaluate: ([x], attrs, [type], dims) => {
      const y = tensor(type, dims);
      eachEntry(x, y, attrs, (from, to, n) => {
        for (let k = 0; k < n; k++) y.data[to + k] += x.data[from + k];
      });
      return [y];
    },
    grad: (b, { x: [x], dy, attrs }) => [
      b.one("windows", [dy[0]!], { ...attrs, size: dim.show(x.type.shape[attrs.axis + 1]) }),
    ],
  },
};
