/** Built-in functions that take values apart, put them together, and say what their shapes are. */
import * as dim from "../../ir/dim.ts";
import { broadcastShapes, ShapeError } from "../../ir/type.ts";
import type { Type, Value } from "../../ir/types.ts";
import { type Builtin, type BuiltinCall, constant, extent, noFeatures, positive, real, value } from "../builtin.ts";
import { extentOf, maxParts } from "../constants.ts";
import { showShape, wanted } from "../context.ts";
import { describe, equalByNumbers, listed, misfit, toValue } from "../expressions.ts";
import { type Meaning, poison } from "../scope.ts";
import { partsByDimension } from "./equal-parts.ts";

/** A function of the shape of a value. */
const shapeOf = (
  signature: string,
  doc: string,
  of: (shape: Type["shape"], call: BuiltinCall) => Meaning,
): Builtin => ({
  signature,
  doc,
  arity: [1, 1],
  apply: (call) => {
    const x = toValue(call.args[0], call.spans[0], call.c);
    return x === undefined ? poison : of(x.type.shape, call);
  },
});

function cannotJoin(call: BuiltinCall, xs: readonly Value[]): Meaning {
  return misfit(
    call.span,
    `${listed(xs.map((v) => showShape(v.type.shape)))} cannot be joined along the last axis`,
    xs.map((v, i) => ({ span: call.spans[i], message: `this is ${showShape(v.type.shape)}` })),
    call.c,
  );
}

export const shapeFunctions = {
  split: {
    signature: "split(x, n)",
    doc: "n equal parts of the last feature axis",
    arity: [2, 2],
    apply: (call) => {
      const x = toValue(call.args[0], call.spans[0], call.c);
      const [, n] = call.args;
      if (x !== undefined && n.kind === "dim" && dim.asNumber(n.dim) === undefined)
        return partsByDimension(x, n.dim, call);
      const parts = positive(call, 1, "a number of parts that is known while compiling");
      if (x === undefined || parts === undefined) return poison;
      const axis = x.type.shape.length - 1;
      if (axis < 0) return noFeatures(call);
      const part = dim.divide(x.type.shape[axis], dim.constant(parts))!;
      if (dim.isBroken(part)) {
        const message = `${dim.show(x.type.shape[axis])} cannot be split in ${parts} equal parts`;
        return misfit(
          call.span,
          message,
          [{ span: call.spans[0], message: `this is ${showShape(x.type.shape)}` }],
          call.c,
        );
      }
      wanted(part, call.span, call.c);
      const items = call.c.builder.emit("split", [x], { axis, parts }).map(value);
      return parts === 1 ? items[0] : { kind: "list", items };
    },
  },
  concat: {
    signature: "concat(a, b, …)",
    doc: "values concatenated along the last feature axis",
    arity: [1, Number.POSITIVE_INFINITY],
    apply: (call) => {
      const xs = call.args.map((_, i) => real(call, i)).filter((v) => v !== undefined);
      if (xs.length < call.args.length) return poison;
      const rank = Math.max(...xs.map((v) => v.type.shape.length));
      try {
        xs.map((v): Type["shape"] => v.type.shape.slice(0, -1)).reduce(broadcastShapes);
      } catch (e) {
        if (!(e instanceof ShapeError)) throw e;
        return cannotJoin(call, xs);
      }
      if (rank === 0 || xs.some((v) => v.type.shape.length !== rank)) return cannotJoin(call, xs);
      return value(call.c.builder.one("concat", xs, { axis: rank - 1 }));
    },
  },
  reshape: {
    signature: "reshape(x, [n, …])",
    doc: "the same elements in another shape",
    arity: [2, 2],
    apply: (call) => {
      const x = real(call, 0);
      const list = call.args[1];
      if (x === undefined) return poison;
      if (list.kind !== "list") {
        call.c.problems.error("C0222", call.spans[1], "`reshape` needs a shape: [n, …]", { label: describe(list) });
        return poison;
      }
      if (list.items.some((m) => m.kind === "poison")) return poison;
      const items = { ...call, args: list.items, spans: list.items.map(() => call.spans[1]) };
      const shape = list.items.map((_, i) => extent(items, i)).filter((d) => d !== undefined);
      if (shape.length < list.items.length) return poison;
      const [is, wants] = [x.type.shape, shape].map(dim.product);
      if (!dim.equal(is, wants)) {
        const message = `${showShape(x.type.shape)} does not have the elements of ${showShape(shape)}`;
        return misfit(
          call.span,
          message,
          [{ span: call.spans[0], message: `this is ${showShape(x.type.shape)}` }],
          call.c,
          equalByNumbers(is, wants, call.c),
        );
      }
      return value(call.c.builder.one("reshape", [x], { shape: shape.map(dim.show) }));
    },
  },
  transpose: {
    signature: "transpose(x)",
    doc: "the last two feature axes swapped",
    arity: [1, 1],
    apply: (call) => {
      const x = real(call, 0);
      if (x === undefined) return poison;
      const rank = x.type.shape.length;
      if (rank < 2) {
        const is = [{ span: call.spans[0], message: `this is ${showShape(x.type.shape)}` }];
        return misfit(call.span, "`transpose` needs two feature axes", is, call.c);
      }
      const permutation = [...Array(rank - 2).keys(), rank - 1, rank - 2];
      return value(call.c.builder.one("transpose", [x], { permutation }));
    },
  },
  row: {
    signature: "row(W, i)",
    doc: "entry i of W along its first axis, for a compile-time number i: the weights of one round of several",
    arity: [2, 2],
    apply: (call) => {
      const { args, spans, c } = call;
      const x = real(call, 0);
      const i = constant(args[1], spans[1], c);
      if (x === undefined || i === undefined) return poison;
      if (x.type.shape.length === 0) return noFeatures(call);
      const [first] = x.type.shape;
      // In a mere check, an unknown extent is assumed to have that entry.
      const n = extentOf(first, c.world.numbers) ?? i + 1;
      if (!Number.isInteger(i) || i < 0 || i >= n || n > maxParts) {
        c.problems.error("C0222", spans[1], `there is no entry ${i} among ${n}`, {
          label: "entries count from 0",
        });
        return poison;
      }
      const part = c.builder.emit("split", [x], { axis: 0, parts: n })[i];
      return value(c.builder.sum(part, { features: [0] }));
    },
  },
  size: shapeOf("size(x)", "extent of the last feature axis", (shape, call) => {
    const last = shape.at(-1);
    return last === undefined ? noFeatures(call) : { kind: "dim", dim: last };
  }),
  shape: shapeOf("shape(x)", "all extents of x, as reshape takes them", (shape) => {
    return { kind: "list", items: shape.map((d) => ({ kind: "dim", dim: d })) };
  }),
  elements: shapeOf("elements(x)", "how many features x has in all", (shape) => {
    return { kind: "dim", dim: dim.product(shape) };
  }),
} satisfies Readonly<Record<string, Builtin>>;
