/** Built-in functions of indices. */

import type { Builder } from "../../ir/builder.ts";
import * as dim from "../../ir/dim.ts";
import { hasAllSteps } from "../../ir/steps.ts";
import type { Value } from "../../ir/types.ts";
import { ownShape, showValue } from "../all-steps.ts";
import { type Builtin, type BuiltinCall, extent, index, noFeatures, real, value } from "../builtin.ts";
import { asDim, extentOf } from "../constants.ts";
import { elementwise, toValue } from "../expressions.ts";
import { recordSelection } from "../index-bounds.ts";
import { type Meaning, poison } from "../scope.ts";

const place = (name: "argmax" | "argmin", of: "largest" | "smallest"): Builtin => ({
  signature: `${name}(x)`,
  doc: `position of the ${of} entry of the last feature axis`,
  arity: [1, 1],
  takesAllSteps: true,
  apply: (call) => {
    const x = real(call, 0);
    if (x === undefined) return poison;
    const b = call.c.builder;
    const ranked = name === "argmax" ? x : b.neg(x);
    return ownShape(x.type).length === 0 ? noFeatures(call) : value(b.one("argmax", [ranked], {}));
  },
});

/** 1 at a place that is known while compiling. */
function oneAt(place: dim.Dim, n: dim.Dim, { c, spans, span }: BuiltinCall): Meaning {
  const [at, size] = [place, n].map((d) => extentOf(d, c.world.numbers));
  if (at !== undefined && (at < 0 || (size !== undefined && at >= size))) {
    c.problems.error("C0222", spans[0], `there is no place ${at} among ${dim.show(n)}`, {
      label: size === undefined ? "places count from 0" : `places count from 0 to ${size - 1}`,
    });
    return poison;
  }
  const i = toValue({ kind: "dim", dim: place }, spans[0], c);
  if (i === undefined) return poison;
  const places = c.builder.one("iota", [], { size: dim.show(n) });
  return elementwise("eq", [places, i], [span, spans[0]], span, c);
}

/** Row i of a table that each example, or each step, has for itself. */
function rowOf(table: Value, i: Value, b: Builder): Meaning {
  const chosen = b.one("onehot", [i], { size: dim.show(table.type.shape[0]) });
  const z = hasAllSteps(i.type) ? "z" : "";
  const row = "abcdefgh".slice(0, table.type.shape.length - 1);
  return value(b.dot(chosen, table, { a: `${z}k`, b: `k${row}`, out: z + row }));
}

export const indexFunctions = {
  argmax: place("argmax", "largest"),
  argmin: place("argmin", "smallest"),
  one_hot: {
    signature: "one_hot(i, n)",
    doc: "1 at index i, 0 elsewhere, along a new axis of extent n",
    arity: [2, 2],
    takesAllSteps: true,
    apply: (call) => {
      const n = extent(call, 1);
      const place = asDim(call.args[0]);
      if (n !== undefined && place !== undefined) return oneAt(place, n, call);
      const i = index(call, 0);
      if (i === undefined || n === undefined) return poison;
      recordSelection(i, n, (n) => `selects among ${n} classes`, call.span, call.c);
      if (dim.exceeds(i.type.below!, n)) return poison;
      return value(call.c.builder.one("onehot", [i], { size: dim.show(n) }));
    },
  },
  embed: {
    signature: "embed(i, W)",
    doc: "row i of the table W",
    arity: [2, 2],
    takesAllSteps: true,
    apply: (call) => {
      const i = index(call, 0);
      const table = real(call, 1);
      if (i === undefined || table === undefined) return poison;
      if (ownShape(table.type).length === 0 || hasAllSteps(table.type)) {
        call.c.problems.error("C0204", call.spans[1], "`embed` needs a table of rows", {
          label: `this is ${showValue(table.type, call.c)}`,
          help: "a table is [n, …], such as param W : [V, D]",
        });
        return poison;
      }
      const [rows] = table.type.shape;
      recordSelection(i, rows, (n) => `selects among ${n} rows`, call.span, call.c);
      if (dim.exceeds(i.type.below!, rows)) return poison;
      const isOwn = table.type.batch || table.type.time;
      return isOwn ? rowOf(table, i, call.c.builder) : value(call.c.builder.one("gather", [table, i], {}));
    },
  },
} satisfies Readonly<Record<string, Builtin>>;
