/** Ops that read along time: steps moved, added up, and turned into a feature axis. */
import { extent, fields, flag, integer, none, oneOf } from "../attributes.ts";
import * as dim from "../dim.ts";
import { amongZeros, moved, summed } from "../range.ts";
import { type Tensor, tensor } from "../tensor.ts";
import { ShapeError, showType } from "../type.ts";
import { inPlace, type Rows, whereAll } from "./row.ts";

export const time: Rows<"at" | "put" | "shift" | "reverse" | "cumsum" | "whole" | "stepwise"> = {
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
    attributes: fields({ step: oneOf("first", "last") }),
    axes: ([x]) => [{ ...inPlace(x), time: "gather" }],
    range: moved,
    form: "view",
    zero: whereAll,
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
    attributes: fields({ step: oneOf("first", "last") }),
    axes: ([x]) => [{ ...inPlace(x), time: "gather" }],
    range: amongZeros,
    form: "view",
    zero: whereAll,
    grad: (b, { dy, attrs }) => [b.one("at", [dy[0]!], attrs)],
  },
  shift: {
    doc: "the value some steps before, and 0 where there is no such step",
    operands: ["x"],
    infer: ([x]) => {
      if (!x.time) throw new ShapeError(`${showType(x)} does not vary over time`);
      return [x];
    },
    evaluate: ([x], { by }, [type], dims) => {
      const y = tensor(type, dims);
      const n = x.data.length / x.shape[0];
      const [from, to] = [Math.max(0, -by) * n, Math.max(0, by) * n];
      if (Math.abs(by) < x.shape[0]) y.data.set(x.data.subarray(from, x.data.length - to), to);
      return [y];
    },
    attributes: fields({ by: integer }),
    axes: ([x]) => [{ ...inPlace(x), time: "gather" }],
    range: amongZeros,
    form: "point",
    zero: whereAll,
    grad: (b, { dy, attrs: { by } }) => [b.one("shift", [dy[0]!], { by: -by })],
  },
  reverse: {
    doc: "each example's steps in reverse order, and 0 after its last",
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
    attributes: none,
    axes: ([x, steps]) => [{ ...inPlace(x), time: "gather" }, inPlace(steps)],
    range: ([x, steps]) => amongZeros([x, steps]),
    form: "point",
    zero: ([x]) => x,
    grad: (b, { x, dy }) => [b.one("reverse", [dy[0]!, x[1]], {}), undefined],
  },
  cumsum: {
    doc: "sums of all steps so far",
    operands: ["x"],
    attributes: fields({ reverse: flag }),
    infer: ([x]) => {
      if (!x.time) throw new ShapeError(`${showType(x)} does not vary over time`);
      return [{ dtype: "f32", time: true, batch: x.batch, shape: x.shape }];
    },
    axes: ([x]) => [{ ...inPlace(x), time: "scan" }],
    range: summed,
    form: "expanded",
    zero: whereAll,
    asLoop: (b, [x], { reverse }) => {
      const inner = b.body();
      const step = inner.value({ ...x.type, time: false }, x.name);
      const before = b.zeros({ dtype: "f32", time: false, batch: x.type.batch, shape: x.type.shape });
      const sum = inner.value(before.type, "sum");
      const next = inner.add(sum, step);
      return b.scan([before], [x], { params: [sum, step], ops: inner.ops, results: [next, next] }, { reverse }).outputs;
    },
    evaluate: ([x], { reverse }, [type], dims) => {
      const y = tensor(type, dims, x.data);
      const n = x.data.length / x.shape[0];
      for (let i = n; i < y.data.length; i++) {
        const [to, from] = reverse ? [y.data.length - 1 - i, y.data.length - 1 - i + n] : [i, i - n];
        y.data[to] += y.data[from];
      }
      return [y];
    },
    grad: (b, { dy, attrs }) => [b.one("cumsum", [dy[0]!], { reverse: !attrs.reverse })],
  },
  whole: {
    doc: "all steps as rows, along a new first feature axis; 0 where there is no such step",
    operands: ["x"],
    attributes: fields({ size: extent }),
    infer: ([x], { size }) => {
      if (!x.time) throw new ShapeError(`${showType(x)} does not vary over time`);
      return [{ ...x, time: false, shape: [dim.parse(size), ...x.shape] }];
    },
    evaluate: ([x], _, [type], dims) => {
      const y = tensor(type, dims);
      overRows(x, y.shape[type.batch ? 1 : 0], type.batch, (step, row, n) =>
        y.data.set(x.data.subarray(step, step + n), row),
      );
      return [y];
    },
    axes: ([x]) => [{ ...inPlace(x), time: "gather" }],
    range: amongZeros,
    form: "point",
    zero: whereAll,
    zeroOutside: true,
    grad: (b, { dy }) => [b.one("stepwise", [dy[0]!], {})],
  },
  stepwise: {
    doc: "at each step its row, and 0 where there is none",
    operands: ["rows"],
    attributes: none,
    infer: ([x]) => {
      if (x.time || x.shape.length === 0) throw new ShapeError(`${showType(x)} has no rows for steps`);
      return [{ ...x, time: true, shape: x.shape.slice(1) }];
    },
    evaluate: ([x], _, [type], dims) => {
      const y = tensor(type, dims);
      overRows(y, x.shape[type.batch ? 1 : 0], type.batch, (step, row, n) =>
        y.data.set(x.data.subarray(row, row + n), step),
      );
      return [y];
    },
    axes: ([x]) => [{ ...inPlace(x, (i) => (i === 0 ? "gather" : "parallel")), time: "gather" }],
    range: amongZeros,
    form: "view",
    zero: whereAll,
    grad: (b, { x, dy }) => [b.one("whole", [dy[0]!], { size: dim.show(x[0].type.shape[0]) })],
  },
};

/** Where each step of `x` begins, and its row among `rows`, each `n` numbers long. */
function overRows(
  x: Tensor,
  rows: number,
  batch: boolean,
  visit: (step: number, row: number, n: number) => void,
): void {
  const [steps, examples] = batch ? x.shape : [x.shape[0], 1];
  const n = x.data.length / (steps * examples);
  for (let t = 0; t < Math.min(steps, rows); t++)
    for (let i = 0; i < examples; i++) visit((t * examples + i) * n, (i * rows + t) * n, n);
}
