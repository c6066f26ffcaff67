/** Built-in functions that move the entries of an axis, repeat them or add them up, and values of one number. */
import type { Builder } from "../../ir/builder.ts";
import * as dim from "../../ir/dim.ts";
import type { Type, Value } from "../../ir/types.ts";
import { type Builtin, type BuiltinCall, extent, extents, isBearable, noFeatures, real, value } from "../builtin.ts";
import { asDim, extentOf } from "../constants.ts";
import { wanted } from "../context.ts";
import { describe } from "../expressions.ts";
import { padded } from "../padding.ts";
import { type Meaning, poison } from "../scope.ts";
import { axisAlong } from "./joins.ts";

const ends = ["last", "first"] as const;

/** The shape with another extent along an axis. */
const withExtent = (shape: Type["shape"], axis: number, d: dim.Dim): Type["shape"] => shape.with(axis, d);

const entries = (x: Value, axis: number, from: dim.Dim, to: dim.Dim, { c }: BuiltinCall): Value =>
  c.builder.one("slice", [x], { axis, from: dim.show(from), to: dim.show(to) });

/**
 * A function that moves entries by k along an axis. `join` puts those that stay after what comes in (or before it, to the left), given
 * what goes out at the other end.
 */
const moving = (
  name: string,
  doc: string,
  join: (
    stay: Value,
    gone: () => Value,
    way: { readonly axis: number; readonly left: boolean },
    d: dim.Dim,
    b: Builder,
  ) => Value,
  within: (k: number, n: number) => number | undefined,
): Builtin => ({
  signature: `${name}(x, k), over last or first`,
  doc,
  arity: [2, 2],
  along: ends,
  apply: (call) => {
    const { args, spans, c } = call;
    const x = real(call, 0);
    if (x === undefined) return poison;
    if (x.type.shape.length === 0) return noFeatures(call);
    const axis = axisAlong(call, x.type);
    const n = x.type.shape[axis];
    const by = asDim(args[1]);
    const known = by && extentOf(by, c.world.numbers);
    if (by === undefined || (known !== undefined && !Number.isInteger(known))) {
      c.problems.error("C0222", spans[1], `${describe(args[1])} is no distance along an axis`, {
        label: "a whole number is needed here, or dimensions, known while compiling",
        help: "a negative number moves entries to the left",
      });
      return poison;
    }
    const all = extentOf(n, c.world.numbers);
    const k = known !== undefined && all !== undefined ? within(known, all) : known;
    if (k === undefined && known !== undefined) {
      c.problems.error("C0222", spans[1], `\`${name}\` by ${known} leaves nothing of ${all}`, {
        label: "as far as the axis is long, or farther",
      });
      return poison;
    }
    // A number that the axis was long enough for stays as it is written.
    const distance = k === known ? by : dim.constant(k!);
    if (k === 0) return value(x);
    const left = (k ?? 1) < 0;
    const d = left ? dim.multiply(distance, dim.constant(-1)) : distance;
    const rest = dim.subtract(n, d);
    wanted(rest, spans[1], c);
    const b = c.builder;
    const stay = left ? entries(x, axis, d, n, call) : entries(x, axis, [], rest, call);
    const gone = (): Value => (left ? entries(x, axis, [], d, call) : entries(x, axis, rest, n, call));
    return value(join(stay, gone, { axis, left }, d, b));
  },
});

/** A function that repeats entries, or all of them, k times along an axis. */
const repeating = (name: string, doc: string, isEach: boolean): Builtin => ({
  signature: `${name}(x, k), over last or first`,
  doc,
  arity: [2, 2],
  along: ends,
  apply: (call) => {
    const x = real(call, 0);
    const k = extent(call, 1);
    if (x === undefined || k === undefined) return poison;
    const { shape } = x.type;
    if (shape.length === 0) return noFeatures(call);
    const axis = axisAlong(call, x.type);
    if (!isBearable(dim.product([...shape, k]), call)) return poison;
    const b = call.c.builder;
    const at = isEach ? axis + 1 : axis;
    const apart = b.one("reshape", [x], { shape: shape.toSpliced(at, 0, dim.constant(1)).map(dim.show) });
    const wide = b.broadcast(apart, { ...x.type, shape: shape.toSpliced(at, 0, k) });
    const whole = withExtent(shape, axis, dim.multiply(shape[axis], k));
    return value(b.one("reshape", [wide], { shape: whole.map(dim.show) }));
  },
});

const filled = (name: string, number: number): Builtin => ({
  signature: `${name}([n, …])`,
  doc: `${number} in every entry`,
  arity: [1, 1],
  apply: (call) => {
    const shape = extents(call, call.args[0], call.spans[0]);
    if (shape === undefined) return poison;
    const b = call.c.builder;
    return value(b.broadcast(b.scalar(number), { dtype: "f32", time: false, batch: false, shape }));
  },
});

/** [n, …] with the entries of an axis in reverse. */
function flipped(call: BuiltinCall): Meaning {
  const x = real(call, 0);
  if (x === undefined) return poison;
  if (x.type.shape.length === 0) return noFeatures(call);
  return value(call.c.builder.one("flip", [x], { axis: axisAlong(call, x.type) }));
}

export const moves = {
  shift: moving(
    "shift",
    "entries moved k places to the right, or to the left if k is negative; zeros come in",
    (stay, _, { axis, left }, d, b) => padded(stay, [{ axis, before: left ? [] : d, after: left ? d : [] }], b),
    (k, n) => (Math.abs(k) < n ? k : undefined),
  ),
  roll: moving(
    "roll",
    "entries moved k places to the right, or to the left if k is negative; what goes out comes in at the other end",
    (stay, gone, { axis, left }, _, b) => b.one("concat", left ? [stay, gone()] : [gone(), stay], { axis }),
    (k, n) => (Math.abs(k) < n ? k : k % n),
  ),
  flip: {
    signature: "flip(x), over last or first",
    doc: "entries in reverse",
    arity: [1, 1],
    along: ends,
    apply: flipped,
  },
  repeat: repeating("repeat", "each entry k times: a, a, b, b", true),
  tile: repeating("tile", "all entries k times: a, b, a, b", false),
  zeros: filled("zeros", 0),
  ones: filled("ones", 1),
} satisfies Readonly<Record<string, Builtin>>;
