/** Ops on parts of the batch. Each part may have a workgroup of its own. */
import { fields, integer, none } from "../attributes.ts";
import * as dim from "../dim.ts";
import { moved, summed } from "../range.ts";
import { type Tensor, tensor } from "../tensor.ts";
import { ShapeError, showType } from "../type.ts";
import type { Type } from "../types.ts";
import { inPlace, type Rows, whereAll } from "./row.ts";

/**
 * Calls `visit` for each step and example of `x`, with where it starts, where the row of its part starts, and the length of both.
 */
function eachExample(x: Tensor, parts: number, visit: (example: number, part: number, n: number) => void): void {
  const [steps, examples] = x.type.time ? x.shape : [1, x.shape[0]];
  const n = x.data.length / (steps * examples);
  const size = Math.ceil(examples / parts);
  for (let t = 0; t < steps; t++)
    for (let b = 0; b < examples; b++) visit((t * examples + b) * n, (t * parts + Math.floor(b / size)) * n, n);
}

/** The type of one row of `x` for each part of the batch. */
function perPart(x: Type, parts: number): Type {
  if (!x.batch) throw new ShapeError(`${showType(x)} has no examples to take in parts`);
  return { dtype: "f32", time: x.time, batch: false, shape: [dim.constant(parts), ...x.shape] };
}

export const parts: Rows<"pivots" | "partial" | "spread" | "group_sum"> = {
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
    attributes: fields({ parts: integer }),
    axes: ([x]) => [{ ...inPlace(x), batch: "gather" }],
    range: moved,
    form: "view",
    zero: whereAll,
    held: true,
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
    attributes: fields({ parts: integer }),
    axes: ([x]) => [{ ...inPlace(x), batch: "reduce" }],
    range: summed,
    form: "partial",
    combines: "sum",
    zero: whereAll,
    grad: (b, { x, dy }) => [b.broadcast(b.one("spread", [dy[0]!], {}), { ...x[0].type, dtype: "f32" })],
  },
  spread: {
    doc: "for each example the row of its part of the batch",
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
    attributes: none,
    axes: ([x]) => [{ ...inPlace(x, (i) => (i === 0 ? "gather" : "parallel")), batch: "gather" }],
    range: moved,
    form: "point",
    zero: whereAll,
    grad: (b, { x, dy }) => [b.one("partial", [dy[0]!], { parts: dim.asNumber(x[0].type.shape[0])! })],
  },
  group_sum: {
    doc: "for each example the sum over its group of examples",
    operands: ["x"],
    infer: ([x]) => {
      if (!x.batch) throw new ShapeError(`${showType(x)} has no examples to take in groups`);
      return [{ ...x, dtype: "f32" }];
    },
    evaluate: ([x], { group }, [type], dims) => {
      const y = tensor(type, dims);
      const examples = x.shape[x.type.time ? 1 : 0];
      const groups = Math.ceil(examples / group);
      const sums = new Float64Array((x.data.length / examples) * groups);
      eachExample(x, groups, (from, to, n) => {
        for (let k = 0; k < n; k++) sums[to + k] += x.data[from + k];
      });
      eachExample(y, groups, (to, from, n) => {
        y.data.set(sums.subarray(from, from + n), to);
      });
      return [y];
    },
    attributes: fields({ group: integer }),
    axes: ([x]) => [{ ...inPlace(x), batch: "gather" }],
    range: summed,
    form: "expanded",
    zero: whereAll,
    grad: (b, { dy, attrs }) => [b.one("group_sum", [dy[0]!], attrs)],
  },
};
