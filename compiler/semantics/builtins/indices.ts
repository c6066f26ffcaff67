/** Built-in functions of indices. */
import * as dim from "../../ir/dim.ts";
import { hasAllSteps } from "../../ir/steps.ts";
import { ownShape } from "../all-steps.ts";
import { type Builtin, extent, index, noFeatures, real, value } from "../builtin.ts";
import { recordSelection } from "../index-bounds.ts";
import { poison } from "../scope.ts";

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

export const indexFunctions = {
  argmax: place("argmax", "largest"),
  argmin: place("argmin", "smallest"),
  one_hot: {
    signature: "one_hot(i, n)",
    doc: "1 at index i, 0 elsewhere, along a new axis of extent n",
    arity: [2, 2],
    takesAllSteps: true,
    apply: (call) => {
      const i = index(call, 0);
      const n = extent(call, 1);
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
      if (ownShape(table.type).length === 0 || hasAllSteps(table.type) || table.type.batch || table.type.time) {
        call.c.problems.error("C0204", call.spans[1], "`embed` needs a table of rows", {
          label: "not a parameter [n, …]",
        });
        return poison;
      }
      const [rows] = table.type.shape;
      recordSelection(i, rows, (n) => `selects among ${n} rows`, call.span, call.c);
      if (dim.exceeds(i.type.below!, rows)) return poison;
      return value(call.c.builder.one("gather", [table, i], {}));
    },
  },
} satisfies Readonly<Record<string, Builtin>>;
