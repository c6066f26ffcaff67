/** Ops on indices: rows of tables. */
import { extent, fields, none } from "../attributes.ts";
import * as dim from "../dim.ts";
import { moved, summed, within } from "../range.ts";
import { broadcastTo, tensor } from "../tensor.ts";
import { mustSelect, ShapeError, sameShape, showType } from "../type.ts";
import type { Type } from "../types.ts";
import { type Iteration, inPlace, type Rows } from "./row.ts";

export const tables: Rows<"gather" | "scatter" | "onehot"> = {
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
    attributes: none,
    // All examples and steps share one table.
    axes: ([table, index]) => [
      { ...inPlace(table, (i) => (i === 0 ? "gather" : "parallel")), batch: "broadcast", time: "broadcast" },
      inPlace(index),
    ],
    selects: ([table, index]) => ({ below: index.below!, of: table.shape[0] }),
    range: ([table]) => moved([table]),
    form: "point",
    zero: ([table]) => table,
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
      const at = broadcastTo(index, { ...index.type, ...every }, dims).data;
      const from = broadcastTo(rows, { ...rows.type, ...every }, dims).data;
      at.forEach((row, i) => {
        for (let k = 0; k < n; k++) y.data[row * n + k] += from[i * n + k];
      });
      return [y];
    },
    attributes: fields({ size: extent }),
    axes: ([index, rows]) => {
      const added = (t: Type): Iteration => {
        const every = inPlace(t, (i) => (i < index.shape.length ? "reduce" : "parallel"));
        return { ...every, batch: t.batch ? "reduce" : "broadcast", time: t.time ? "reduce" : "broadcast" };
      };
      return [added(index), added(rows)];
    },
    selects: ([index], { size }) => ({ below: index.below!, of: dim.parse(size) }),
    range: ([, rows]) => summed([rows]),
    form: "scatter",
    combines: "sum",
    zero: ([, rows]) => rows,
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
    attributes: fields({ size: extent }),
    axes: ([index]) => [inPlace(index)],
    selects: ([index], { size }) => ({ below: index.below!, of: dim.parse(size) }),
    range: (x) => within(x, 0, 1),
    form: "point",
    indicator: true,
    grad: "zero",
  },
};
