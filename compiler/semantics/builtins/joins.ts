/** Built-in functions that take values apart along an axis, and put them together. */
import type { Builder } from "../../ir/builder.ts";
import * as dim from "../../ir/dim.ts";
import { hasAllSteps } from "../../ir/steps.ts";
import { broadcastShapes, ShapeError } from "../../ir/type.ts";
import type { Type, Value } from "../../ir/types.ts";
import { ownShape, shapeLike, showValue } from "../all-steps.ts";
import {
  alongAxis,
  type Builtin,
  type BuiltinCall,
  extents,
  isBearable,
  noFeatures,
  positive,
  real,
  value,
} from "../builtin.ts";
import { extentOf } from "../constants.ts";
import { showShape, wanted } from "../context.ts";
import { listed, misfit, realValue, toValue } from "../expressions.ts";
import { type Meaning, poison } from "../scope.ts";
import { asRow, stacked } from "../stacks.ts";
import { partsByDimension } from "./equal-parts.ts";

const ends = ["last", "first"] as const;

/** The feature axis that a call is along. */
export const axisAlong = (call: BuiltinCall, type: Type): number =>
  alongAxis(call, { along: ends }) === "first" ? type.shape.length - ownShape(type).length : type.shape.length - 1;

/** Values to be joined: what is the same at all steps is repeated for each, if others differ from step to step. */
function joinable(b: Builder, values: readonly Value[]): readonly Value[] {
  const whole = values.find((v) => hasAllSteps(v.type));
  if (whole === undefined) return values;
  return values.map((v) =>
    hasAllSteps(v.type) ? v : b.broadcast(v, { ...v.type, shape: shapeLike(whole.type, v.type.shape) }),
  );
}

/** A single number as a vector of one: among vectors it is one entry more. */
const asVector = (v: Value, b: Builder): Value =>
  ownShape(v.type).length > 0
    ? v
    : b.one("reshape", [v], { shape: shapeLike(v.type, [dim.constant(1)]).map(dim.show) });

/** The call's arguments, or the items of a list that is the only one. */
function itemsOf(call: BuiltinCall): BuiltinCall {
  const [list, ...others] = call.args;
  if (list?.kind !== "list" || others.length > 0) return call;
  return { ...call, args: list.items, spans: list.items.map(() => call.spans[0]) };
}

function cannotJoin(call: BuiltinCall, xs: readonly Value[]): Meaning {
  return misfit(
    call.span,
    `${listed(xs.map((v) => showValue(v.type, call.c)))} cannot be joined along the ${alongAxis(call, { along: ends })} axis`,
    xs.map((v, i) => ({ span: call.spans[i], message: `this is ${showValue(v.type, call.c)}` })),
    call.c,
    new Set(xs.map((v) => ownShape(v.type).length)).size > 1
      ? "[x] has one more axis than x; a window is push(past, x)"
      : undefined,
  );
}

/** Parts of equal width. */
function evenly(x: Value, axis: number, call: BuiltinCall): Meaning {
  const parts = positive(call, 1, "a number of parts that is known while compiling, or a list of widths");
  if (parts === undefined) return poison;
  const part = dim.divide(x.type.shape[axis], dim.constant(parts))!;
  if (dim.isBroken(part)) {
    const message = `${dim.show(x.type.shape[axis])} cannot be split in ${parts} equal parts`;
    return misfit(call.span, message, [{ span: call.spans[0], message: `this is ${showShape(x.type.shape)}` }], call.c);
  }
  wanted(part, call.span, call.c);
  const items = call.c.builder.emit("split", [x], { axis, parts }).map(value);
  return parts === 1 ? items[0] : { kind: "list", items };
}

/** Parts of widths that add up with the dimensions' numbers only. */
function inNumbers(x: Value, axis: number, widths: readonly dim.Dim[], b: Builder): Meaning {
  let from: dim.Dim = [];
  const items = widths.map((width) => {
    const to = dim.add(from, width);
    const part = b.one("slice", [x], { axis, from: dim.show(from), to: dim.show(to) });
    from = to;
    return value(part);
  });
  return { kind: "list", items };
}

/** Parts of the widths in a list. */
function inWidths(x: Value, axis: number, list: Meaning, call: BuiltinCall): Meaning {
  const { c, spans } = call;
  const widths = extents(call, list, spans[1]);
  if (widths === undefined) return poison;
  const [whole, total] = [x.type.shape[axis], widths.reduce(dim.add, [])];
  if (dim.equal(whole, total) && widths.length > 0) {
    const attrs = { axis, widths: widths.map(dim.show) };
    return { kind: "list", items: c.builder.emit("cut", [x], attrs).map(value) };
  }
  const missing = dim.subtract(whole, total);
  const left = extentOf(missing, c.world.numbers);
  if (left === 0 && widths.length > 0) return inNumbers(x, axis, widths, c.builder);
  const shown = (d: dim.Dim): string => {
    const n = extentOf(d, c.world.numbers);
    return n === undefined || dim.asNumber(d) !== undefined ? dim.show(d) : `${dim.show(d)} = ${n}`;
  };
  const is = [{ span: spans[0], message: `this is ${showShape(x.type.shape)}` }];
  const tooMany = left !== undefined ? left < 0 : dim.exceeds(total, whole) === true;
  const over = tooMany ? `${shown(dim.multiply(missing, dim.constant(-1)))} too many` : `${shown(missing)} is left`;
  c.problems.error("C0204", call.span, `the widths are ${shown(total)} of ${shown(whole)}`, {
    label: over,
    notes: is,
  });
  return poison;
}

export const joins = {
  split: {
    signature: "split(x, n) or split(x, [a, b, …]), over last or first",
    doc: "n equal parts of an axis, or parts of these widths",
    arity: [2, 2],
    along: ends,
    takesAllSteps: true,
    apply: (call) => {
      const x = toValue(call.args[0], call.spans[0], call.c);
      if (x === undefined) return poison;
      const axis = axisAlong(call, x.type);
      if (ownShape(x.type).length === 0) return noFeatures(call);
      const by = call.args[1];
      if (by.kind === "list") return inWidths(x, axis, by, call);
      const isNamed = by.kind === "dim" && dim.asNumber(by.dim) === undefined;
      return isNamed ? partsByDimension(x, axis, by.dim, call) : evenly(x, axis, call);
    },
  },
  concat: {
    signature: "concat(a, b, …), over last or first",
    doc: "values joined along an axis",
    arity: [1, Number.POSITIVE_INFINITY],
    along: ends,
    takesAllSteps: true,
    apply: (whole) => {
      const call = itemsOf(whole);
      const given = call.args.map((_, i) => real(call, i)).filter((v) => v !== undefined);
      if (given.length < call.args.length) return poison;
      const own = given.some((v) => ownShape(v.type).length > 1)
        ? given
        : given.map((v) => asVector(v, call.c.builder));
      const xs = joinable(call.c.builder, own);
      const rank = Math.max(...xs.map((v) => v.type.shape.length));
      const axis = axisAlong(call, xs[0].type);
      const joins = own.every((v) => ownShape(v.type).length > 0) && xs.every((v) => v.type.shape.length === rank);
      if (!joins) return cannotJoin(call, own);
      try {
        xs.map((v): Type["shape"] => v.type.shape.toSpliced(axis, 1)).reduce(broadcastShapes);
      } catch (e) {
        if (!(e instanceof ShapeError)) throw e;
        return cannotJoin(call, own);
      }
      const extent = xs.map((v) => v.type.shape[axis]).reduce(dim.add);
      return isBearable(extent, call) ? value(call.c.builder.one("concat", xs, { axis })) : poison;
    },
  },
  stack: {
    signature: "stack(a, b, …)",
    doc: "values along a new first axis, as the list [a, b, …]",
    arity: [1, Number.POSITIVE_INFINITY],
    apply: (given) => {
      const call = itemsOf(given);
      return value(stacked(call.args, call.spans, call.span, call.c));
    },
  },
  push: {
    signature: "push(past, x)",
    doc: "a window of the newest k values, past [k, …] without its first entry and with x [...] as its last",
    arity: [2, 2],
    apply: (call) => {
      const { args, spans, span, c } = call;
      const past = realValue(args[0], spans[0], c);
      const x = realValue(args[1], spans[1], c);
      if (past === undefined || x === undefined) return poison;
      const { shape } = past.type;
      if (shape.length === 0) return noFeatures(call);
      const [k, ...each] = shape;
      const own = x.type.shape;
      if (own.length > 0 && (own.length !== each.length || own.some((d, i) => !dim.equal(d, each[i])))) {
        const notes = [past, x].map((v, i) => ({ span: spans[i], message: `this is ${showShape(v.type.shape)}` }));
        return misfit(
          span,
          `an entry of the window is ${showShape(each)}, and this value is ${showShape(own)}`,
          notes,
          c,
        );
      }
      const last = asRow(x, each, c);
      if (dim.isOne(k)) return value(last);
      wanted(dim.subtract(k, dim.constant(1)), spans[0], c);
      const kept = c.builder.one("slice", [past], { axis: 0, from: "1", to: dim.show(k) });
      return value(c.builder.one("concat", [kept, last], { axis: 0 }));
    },
  },
} satisfies Readonly<Record<string, Builtin>>;
