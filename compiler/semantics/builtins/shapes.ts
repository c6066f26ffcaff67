/** Built-in functions that give values another shape, take entries of them, and say what their shapes are. */
import * as dim from "../../ir/dim.ts";
import type { Type } from "../../ir/types.ts";
import { ownShape, shapeLike, showValue } from "../all-steps.ts";
import { type Builtin, type BuiltinCall, constant, extent, noFeatures, real, value } from "../builtin.ts";
import { extentOf, maxParts } from "../constants.ts";
import { showShape } from "../context.ts";
import { describe, equalByNumbers, misfit, toValue } from "../expressions.ts";
import { type Meaning, poison } from "../scope.ts";

/** A function of the shape of a value. */
const shapeOf = (
  signature: string,
  doc: string,
  of: (shape: Type["shape"], call: BuiltinCall) => Meaning,
): Builtin => ({
  signature,
  doc,
  arity: [1, 1],
  takesAllSteps: true,
  apply: (call) => {
    const x = toValue(call.args[0], call.spans[0], call.c);
    return x === undefined ? poison : of(ownShape(x.type), call);
  },
});

export const shapeFunctions = {
  reshape: {
    signature: "reshape(x, [n, …])",
    doc: "the same elements in another shape",
    arity: [2, 2],
    takesAllSteps: true,
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
      const [is, wants] = [ownShape(x.type), shape].map(dim.product);
      if (!dim.equal(is, wants)) {
        const message = `${showShape(ownShape(x.type))} does not have the elements of ${showShape(shape)}`;
        return misfit(
          call.span,
          message,
          [{ span: call.spans[0], message: `this is ${showValue(x.type, call.c)}` }],
          call.c,
          equalByNumbers(is, wants, call.c),
        );
      }
      return value(call.c.builder.one("reshape", [x], { shape: shapeLike(x.type, shape).map(dim.show) }));
    },
  },
  transpose: {
    signature: "transpose(x)",
    doc: "the last two feature axes swapped",
    arity: [1, 1],
    takesAllSteps: true,
    apply: (call) => {
      const x = real(call, 0);
      if (x === undefined) return poison;
      const rank = x.type.shape.length;
      if (ownShape(x.type).length < 2) {
        const is = [{ span: call.spans[0], message: `this is ${showValue(x.type, call.c)}` }];
        const help = "products of two vectors are outer(a, b) and dot(a, b)";
        return misfit(call.span, "`transpose` needs two feature axes", is, call.c, help);
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
