/**
 * The other half of the op table: ops that move, combine or select elements. One row an op: its type rule, its f64 meaning
 * and its derivative. (`scan` has a body and `leaf` a source; the interpreter and `derive` know those two.)
 */
import type { Builder } from "./builder.ts";
import { contract, contractionGrad, contractionType } from "./contraction.ts";
import * as dim from "./dim.ts";
import { alignedShape, alignedStrides, type Bindings, forEachRow, rowMajor, type Tensor, tensor } from "./tensor.ts";
import {
  broadcastTypes,
  extentsOf,
  mustSelect,
  ShapeError,
  sameNumbers,
  sameShape,
  sameType,
  scalar,
  showType,
} from "./type.ts";
import type { Axes, OpAttrs, OpName, Type, Value } from "./types.ts";

export interface StructuralRow<K extends OpName> {
  readonly doc: string;
  /** What the operands are; `many`: one or more of the same sort. */
  readonly operands: readonly string[] | "many";
  infer(x: readonly Type[], attrs: OpAttrs[K]): readonly Type[];
  evaluate(x: readonly Tensor[], attrs: OpAttrs[K], types: readonly Type[], dims: Bindings): readonly Tensor[];
  /** Cotangents of the operands (undefined: none flows) from those of the results. `zero`: none ever flows. */
  readonly grad:
    | "zero"
    | ((
        b: Builder,
        a: { x: readonly Value[]; y: readonly Value[]; dy: readonly (Value | undefined)[]; attrs: OpAttrs[K] },
      ) => readonly (Value | undefined)[]);
}

const identity = {
  operands: ["x"],
  infer: ([x]: readonly Type[]) => [x],
  evaluate: ([x]: readonly Tensor[]) => [x],
};

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

/** Folds `x` over `axes` into a tensor of type `type`, from `start`. */
function fold(
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

const reduction = <K extends "sum" | "maximum" | "pivot">(
  doc: string,
  row: Pick<StructuralRow<K>, "evaluate" | "grad">,
): StructuralRow<K> => ({
  doc,
  operands: ["x"],
  infer: ([x], { axes }) => [reducedType(x, axes)],
  ...row,
});

/** Views `x` as [outer, axis, inner] around feature axis `axis`. */
function around(x: Tensor, axis: number): readonly [number, number, number] {
  const at = x.shape.length - x.type.shape.length + axis;
  const product = (s: readonly number[]): number => s.reduce((a, b) => a * b, 1);
  return [product(x.shape.slice(0, at)), x.shape[at], product(x.shape.slice(at + 1))];
}

/** Calls `visit` for each step and example of `x`: where it starts, where the row of its part starts, and how long both are. */
function eachExample(x: Tensor, parts: number, visit: (example: number, part: number, n: number) => void): void {
  const [steps, examples] = x.type.time ? x.shape : [1, x.shape[0]];
  const n = x.data.length / (steps * examples);
  const size = Math.ceil(examples / parts);
  for (let t = 0; t < steps; t++)
    for (let b = 0; b < examples; b++) visit((t * examples + b) * n, (t * parts + Math.floor(b / size)) * n, n);
}

/** What parts of the batch have of `x`. */
function perPart(x: Type, parts: number): Type {
  if (!x.batch) throw new ShapeError(`${showType(x)} has no examples to take in parts`);
  return { dtype: "f32", time: x.time, batch: false, shape: [dim.constant(parts), ...x.shape] };
}

function stretch(x: Tensor, type: Type, dims: Bindings): Tensor {
  const y = tensor(type, dims);
  const rank = type.shape.length;
  forEachRow(alignedShape(y, rank), [alignedStrides(x, rank)], ([i], at, n, [di]) => {
    for (let k = 0; k < n; k++, i += di) y.data[at + k] = x.data[i];
  });
  return y;
}

/** What `split` and `cut` share: parts of an axis, as wide as the result types say, and their derivative. */
const parting = {
  evaluate: ([x]: readonly Tensor[], { axis }: { axis: number }, types: readonly Type[], dims: Bindings) => {
    const [outer, n, inner] = around(x, axis);
    let at = 0;
    return types.map((type) => {
      const y = tensor(type, dims);
      const width = around(y, axis)[1] * inner;
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
};

type Rows = {
  [K in Exclude<OpName, "scan" | "leaf" | keyof typeof import("./elementwise.ts").elementwise>]: StructuralRow<K>;
};

export const structural: Rows = {
  const: {
    doc: "a number, times the product of extents",
    operands: [],
    infer: () => [scalar],
    evaluate: (_, { value, dims: names }, [type], dims) => [
      tensor(type, dims, [names.reduce((p, d) => p * dim.evaluate(dim.parse(d), dims), value)]),
    ],
    grad: "zero",
  },
  stop: { doc: "the operand, without gradient", ...identity, grad: "zero" },
  site: { doc: "a point where a norm may stand", ...identity, grad: (_, { dy }) => dy },
  stat: { doc: "a statistic over examples", ...identity, grad: (_, { dy }) => dy },
  population: { doc: "the population's value of a statistic of the batch", ...identity, grad: "zero" },
  ramp: {
    doc: "a number that changes with the updates done",
    operands: [],
    infer: () => [scalar],
    evaluate: (_, { to }, [type], dims) => [tensor(type, dims, [to])],
    grad: "zero",
  },
  sum: reduction("sum over axes", {
    evaluate: ([x], { axes }, [type], dims) => [fold(x, axes, type, dims, 0, (a, c) => a + c)],
    grad: (b, { x, dy, attrs }) => [
      b.broadcast(withUnitAxes(b, dy[0]!, x[0].type, attrs.axes), { ...x[0].type, dtype: "f32" }),
    ],
  }),
  maximum: reduction("largest entry over axes", {
    evaluate: ([x], { axes }, [type], dims) => [fold(x, axes, type, dims, Number.NEGATIVE_INFINITY, Math.max)],
    grad: (b, { x, y, dy, attrs }) => {
      // Equal entries share the gradient equally. A device may compute x again with another rounding: none may then be left.
      const at = b.ge(x[0], withUnitAxes(b, y[0], x[0].type, attrs.axes));
      const ties = b.max(b.one("sum", [at], { axes: attrs.axes }), b.scalar(1));
      return [b.mul(at, withUnitAxes(b, b.div(dy[0]!, ties), x[0].type, attrs.axes))];
    },
  }),
  pivot: reduction("the first element along axes", {
    evaluate: ([x], { axes }, [type], dims) => [
      fold(x, axes, type, dims, Number.NaN, (first, v) => (Number.isNaN(first) ? v : first)),
    ],
    grad: "zero",
  }),
  pivots: {
    doc: "the first example of each part of the batch",
    operands: ["x"],
    infer: ([x], { parts }) => [perPart(x, parts)],
    evaluate: ([x], { parts }, [type], dims) => {
      const y = tensor(type, dims);
      const made = new Set<number>();
      eachExample(x, parts, (from, to, n) => {
        if (!made.has(to)) y.data.set(x.data.subarray(from, from + n), to);
        made.add(to);
      });
      return [y];
    },
    grad: "zero",
  },
  partial: {
    doc: "sums over parts of the batch",
    operands: ["x"],
    infer: ([x], { parts }) => [perPart(x, parts)],
    evaluate: ([x], { parts }, [type], dims) => {
      const y = tensor(type, dims);
      eachExample(x, parts, (from, to, n) => {
        for (let k = 0; k < n; k++) y.data[to + k] += x.data[from + k];
      });
      return [y];
    },
    grad: (b, { x, dy }) => [b.broadcast(b.one("spread", [dy[0]!], {}), { ...x[0].type, dtype: "f32" })],
  },
  spread: {
    doc: "each example's row of what parts of the batch have",
    operands: ["x"],
    infer: ([x]) => {
      if (x.batch || x.shape.length === 0) throw new ShapeError(`${showType(x)} has no rows for parts of the batch`);
      return [{ ...x, batch: true, shape: x.shape.slice(1) }];
    },
    evaluate: ([x], _, [type], dims) => {
      const y = tensor(type, dims);
      eachExample(y, x.shape[x.type.time ? 1 : 0], (to, from, n) => {
        y.data.set(x.data.subarray(from, from + n), to);
      });
      return [y];
    },
    grad: (b, { x, dy }) => [b.one("partial", [dy[0]!], { parts: dim.asNumber(x[0].type.shape[0])! })],
  },
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
    grad: "zero",
  },
  dot: {
    doc: "labelled contraction",
    operands: ["a", "b"],
    infer: (x, attrs) => [contractionType(x, attrs)],
    evaluate: ([a, b], attrs, [type], dims) => [contract(a, b, attrs, type, dims)],
    grad: (b, { x, dy, attrs }) => contractionGrad(b, x, dy[0]!, attrs),
  },
  split: {
    doc: "equal parts along a feature axis",
    operands: ["x"],
    infer: ([x], { axis, parts }) => {
      const part = x.shape[axis] && dim.divide(x.shape[axis], dim.constant(parts));
      if (!part || part.some((t) => t.vars.length === 0 && t.den > 1))
        throw new ShapeError(`${showType(x)} cannot be split in ${parts} equal parts`);
      return Array.from({ length: parts }, () => ({ ...x, shape: x.shape.map((d, i) => (i === axis ? part : d)) }));
    },
    ...parting,
  },
  concat: {
    doc: "operands one behind another along a feature axis",
    operands: "many",
    infer: (x, { axis }) => {
      if (x.some((t) => t.shape.length <= axis || t.shape.length !== x[0].shape.length))
        throw new ShapeError(`${x.map(showType).join(", ")} cannot be joined along axis ${axis}`);
      const rest = broadcastTypes(
        x.map((t) => ({ ...t, shape: t.shape.map((d, i) => (i === axis ? dim.constant(1) : d)) })),
      );
      const total = x.map((t) => t.shape[axis]).reduce(dim.add);
      return [{ ...rest, shape: rest.shape.map((d, i) => (i === axis ? total : d)) }];
    },
    evaluate: (x, { axis }, [type], dims) => {
      const parts = x.map((p) =>
        stretch(p, { ...type, shape: type.shape.map((d, i) => (i === axis ? p.type.shape[i] : d)) }, dims),
      );
      const y = tensor(type, dims);
      const [outer, n, inner] = around(y, axis);
      let at = 0;
      for (const p of parts) {
        const width = around(p, axis)[1] * inner;
        for (let o = 0; o < outer; o++) y.data.set(p.data.subarray(o * width, (o + 1) * width), o * n * inner + at);
        at += width;
      }
      return [y];
    },
    grad: (b, { x, y, dy, attrs: { axis } }) => {
      const widths = x.map((v) => v.type.shape[axis]);
      if (widths.every((w) => dim.equal(w, widths[0]))) return b.emit("split", [dy[0]!], { axis, parts: x.length });
      return b.emit("cut", [dy[0]!], { axis, widths: widths.map(dim.show) }, y[0].name);
    },
  },
  cut: {
    doc: "parts of given widths along a feature axis",
    operands: ["x"],
    infer: ([x], { axis, widths }) => {
      const to = widths.map(dim.parse);
      if (x.shape[axis] === undefined || !dim.equal(to.reduce(dim.add, []), x.shape[axis]))
        throw new ShapeError(`${showType(x)} cannot be cut in ${widths.join(", ")}`);
      return to.map((w) => ({ ...x, shape: x.shape.map((d, i) => (i === axis ? w : d)) }));
    },
    ...parting,
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
    evaluate: ([x], _, [type], dims) => [stretch(x, type, dims)],
    grad: (_, { dy }) => [dy[0]],
  },
  at: {
    doc: "the value at the first or last time step",
    operands: ["x"],
    infer: ([x]) => {
      if (!x.time) throw new ShapeError(`${showType(x)} does not vary over time`);
      return [{ ...x, time: false }];
    },
    evaluate: ([x], { step }, [type], dims) => {
      const n = x.data.length / x.shape[0];
      const from = step === "first" ? 0 : x.data.length - n;
      return [tensor(type, dims, x.data.subarray(from, from + n))];
    },
    grad: (b, { dy, attrs }) => [b.one("put", [dy[0]!], attrs)],
  },
  put: {
    doc: "zero but at the first or last time step",
    operands: ["x"],
    infer: ([x]) => {
      if (x.time) throw new ShapeError(`${showType(x)} already varies over time`);
      return [{ ...x, time: true }];
    },
    evaluate: ([x], { step }, [type], dims) => {
      const y = tensor(type, dims);
      y.data.set(x.data, step === "first" ? 0 : y.data.length - x.data.length);
      return [y];
    },
    grad: (b, { dy, attrs }) => [b.one("at", [dy[0]!], attrs)],
  },
  reverse: {
    doc: "each example's steps in reverse order, and 0 behind its last",
    operands: ["x", "steps"],
    infer: ([x, steps]) => {
      if (!x.time) throw new ShapeError(`${showType(x)} does not vary over time`);
      const counts = steps.dtype === "f32" && !steps.time && steps.shape.length === 0 && (x.batch || !steps.batch);
      if (!counts) throw new ShapeError(`${showType(steps)} is no number of steps of ${showType(x)}`);
      return [x];
    },
    evaluate: ([x, steps], _, [type], dims) => {
      const y = tensor(type, dims);
      const [all, examples] = x.type.batch ? x.shape : [x.shape[0], 1];
      const n = x.data.length / (all * examples);
      for (let b = 0; b < examples; b++) {
        const own = Math.floor(steps.data[steps.type.batch ? b : 0]);
        for (let t = 0; t < own; t++) {
          const from = ((own - 1 - t) * examples + b) * n;
          y.data.set(x.data.subarray(from, from + n), (t * examples + b) * n);
        }
      }
      return [y];
    },
    grad: (b, { x, dy }) => [b.one("reverse", [dy[0]!, x[1]], {}), undefined],
  },
  gather: {
    doc: "rows of a table by index",
    operands: ["table", "index"],
    infer: ([table, index]) => {
      if (table.time || table.batch || table.shape.length === 0)
        throw new ShapeError(`${showType(table)} is not a table of rows`);
      mustSelect(index, table.shape[0]);
      return [{ dtype: "f32", time: index.time, batch: index.batch, shape: [...index.shape, ...table.shape.slice(1)] }];
    },
    evaluate: ([table, index], _, [type], dims) => {
      const y = tensor(type, dims);
      const n = table.data.length / table.shape[0];
      index.data.forEach((row, i) => {
        y.data.set(table.data.subarray(row * n, (row + 1) * n), i * n);
      });
      return [y];
    },
    grad: (b, { x, dy }) => [b.one("scatter", [x[1], dy[0]!], { size: dim.show(x[0].type.shape[0]) }), undefined],
  },
  scatter: {
    doc: "rows added up where their index says",
    operands: ["index", "rows"],
    infer: ([index, rows], { size }) => {
      mustSelect(index, dim.parse(size));
      if (!sameShape(index.shape, rows.shape.slice(0, index.shape.length)))
        throw new ShapeError(`${showType(index)} does not say where the rows of ${showType(rows)} go`);
      const row = rows.shape.slice(index.shape.length);
      return [{ dtype: "f32", time: false, batch: false, shape: [dim.parse(size), ...row] }];
    },
    evaluate: ([index, rows], _, [type], dims) => {
      const y = tensor(type, dims);
      const n = y.data.length / y.shape[0];
      const every = { time: index.type.time || rows.type.time, batch: index.type.batch || rows.type.batch };
      const at = stretch(index, { ...index.type, ...every }, dims).data;
      const from = stretch(rows, { ...rows.type, ...every }, dims).data;
      at.forEach((row, i) => {
        for (let k = 0; k < n; k++) y.data[row * n + k] += from[i * n + k];
      });
      return [y];
    },
    grad: (b, { x, dy }) => [undefined, b.one("gather", [dy[0]!, x[0]], {})],
  },
  onehot: {
    doc: "1 at the index, 0 elsewhere",
    operands: ["index"],
    infer: ([index], { size }) => {
      mustSelect(index, dim.parse(size));
      const { time, batch, shape } = index;
      return [{ dtype: "f32", time, batch, shape: [...shape, dim.parse(size)] }];
    },
    evaluate: ([index], { size }, [type], dims) => {
      const y = tensor(type, dims);
      const n = dim.evaluate(dim.parse(size), dims);
      index.data.forEach((row, i) => {
        y.data[i * n + row] = 1;
      });
      return [y];
    },
    grad: "zero",
  },
};

/** How many elements a reduction combines into one, as dimension texts. */
export function reducedExtents(x: Type, axes: Axes): readonly string[] {
  return extentsOf(x, axes.batch, axes.time, axes.features);
}
