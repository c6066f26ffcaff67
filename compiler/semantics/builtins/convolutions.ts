/**
 * Convolutions, channels last: a product with windows of the value, which has zeros around it. (As in every library for neural
 * networks the kernel is not turned: y[i] = Σ x[i + j] · W[j].)
 */
import * as dim from "../../ir/dim.ts";
import { windowCount, windowsCover } from "../../ir/ops/windows.ts";
import type { Value } from "../../ir/types.ts";
import { type Builtin, type BuiltinCall, choiceOption, real, value, wholeOption } from "../builtin.ts";
import { extentOf } from "../constants.ts";
import { showShape, wanted } from "../context.ts";
import { misfit } from "../expressions.ts";
import { padded } from "../padding.ts";
import { type Meaning, poison } from "../scope.ts";

const paddings = ["same", "valid", "causal"] as const;
type Padding = (typeof paddings)[number] | number;

interface Convolution {
  readonly stride: number;
  readonly dilation: number;
  readonly padding: Padding;
}

const one = dim.constant(1);
const times = (d: dim.Dim, n: number): dim.Dim => dim.multiply(d, dim.constant(n));

/** The options of a call. Undefined after a report. */
function optionsOf(call: BuiltinCall): Convolution | undefined {
  const stride = wholeOption(call, "stride", 1);
  const dilation = wholeOption(call, "dilation", 1);
  const isWidth = call.options.padding.meaning.kind === "number";
  const padding = isWidth ? wholeOption(call, "padding", 0) : choiceOption(call, "padding", paddings);
  if (stride === undefined || dilation === undefined || padding === undefined) return undefined;
  return { stride, dilation, padding };
}

/** How windows lie along an axis: the zeros before and after it, and how many windows there are. */
interface Placing {
  readonly before: dim.Dim;
  readonly after: dim.Dim;
  readonly count: dim.Dim;
}

/** How windows of `size` entries lie along an axis of `n`. */
function placing(n: dim.Dim, size: dim.Dim, { stride, dilation, padding }: Convolution, call: BuiltinCall): Placing {
  const { numbers } = call.c.world;
  const reach = times(dim.subtract(size, one), dilation);
  /** As many windows as there is room for, if numbers are written; otherwise as many as end exactly at the last entry. */
  const counted = (whole: dim.Dim): dim.Dim => {
    const exact = windowCount(whole, size, stride, dilation);
    const number = dim.asNumber(exact);
    return number === undefined ? exact : dim.constant(Math.floor(number));
  };
  if (padding === "valid") return { before: [], after: [], count: counted(n) };
  if (padding === "causal") return { before: reach, after: [], count: counted(dim.add(n, reach)) };
  if (typeof padding === "number") {
    const width = dim.constant(padding);
    return { before: width, after: width, count: counted(dim.add(n, times(width, 2))) };
  }
  const even = dim.divide(n, dim.constant(stride))!;
  const whole = dim.asNumber(even);
  const count = whole === undefined ? even : dim.constant(Math.ceil(whole));
  const missing = dim.subtract(windowsCover(count, size, stride, dilation), n);
  const known = extentOf(missing, numbers);
  if (known !== undefined && known <= 0) return { before: [], after: [], count };
  const half =
    known === undefined ? times(dim.divide(missing, dim.constant(2))!, 1) : dim.constant(Math.floor(known / 2));
  return { before: half, after: dim.subtract(missing, half), count };
}

/** Windows of the extents `sizes` along the first axes of a value with zeros around it; each axis is followed by that of its windows. */
function windowsOf(x: Value, sizes: readonly dim.Dim[], how: Convolution, call: BuiltinCall): Value {
  const b = call.c.builder;
  const { stride, dilation } = how;
  const placed = sizes.map((size, axis) => ({ axis, size, ...placing(x.type.shape[axis], size, how, call) }));
  const around = padded(x, placed, b);
  return placed.reduce((v, { axis: at, size, count }) => {
    wanted(count, call.span, call.c);
    // Windows of the axes before have axes of their own.
    const axis = 2 * at;
    const covered = windowsCover(count, size, stride, dilation);
    const isAll = dim.equal(covered, v.type.shape[axis]);
    const needed = isAll ? v : b.one("slice", [v], { axis, from: "0", to: dim.show(covered) });
    return b.one("windows", [needed], { axis, size: dim.show(size), stride, dilation });
  }, around);
}

const letters = [
  { windows: "nkc", kernel: "kc", out: "n" },
  { windows: "nkmlc", kernel: "klc", out: "nm" },
] as const;

/** A convolution over one or two axes. */
function overAxes(x: Value, W: Value, call: BuiltinCall): Meaning {
  const axes = x.type.shape.length - 1;
  const how = optionsOf(call);
  if (how === undefined) return poison;
  if (how.padding === "causal" && axes > 1) {
    call.c.problems.error("C0233", call.options.padding.span, 'padding = "causal" is for one axis', {
      label: "what comes before is not known of two",
    });
    return poison;
  }
  const windows = windowsOf(x, W.type.shape.slice(0, axes), how, call);
  const { windows: a, kernel, out } = letters[axes - 1];
  const isDepthwise = W.type.shape.length === axes + 1;
  const labels = { a, b: isDepthwise ? kernel : `${kernel}f`, out: out + (isDepthwise ? "c" : "f") };
  return value(call.c.builder.dot(windows, W, labels));
}

/**
 * A causal convolution over time: the windows of the newest inputs are collected step by step, and multiplied all at once. (As many
 * `shift`s as a window has entries would do without a loop, but a shift is by a number, and the extent of a kernel may be a formula.)
 */
function overTime(x: Value, W: Value, call: BuiltinCall): Meaning {
  const { c, span } = call;
  const how = optionsOf(call);
  if (how === undefined) return poison;
  const { padding, stride } = call.options;
  if (how.stride > 1 || (padding.isGiven && how.padding !== "causal")) {
    const at = how.stride > 1 ? stride.span : padding.span;
    c.problems.error("C0233", at, "a convolution over time has a result at each step, of the steps up to it", {
      help: 'leave out stride and padding: over time, padding is "causal"',
    });
    return poison;
  }
  const [size, channels] = W.type.shape;
  const isDepthwise = W.type.shape.length === 2;
  const product = (windows: Value): Meaning =>
    value(c.builder.dot(windows, W, isDepthwise ? { a: "kc", b: "kc", out: "c" } : { a: "kc", b: "kcf", out: "f" }));
  const row = [one, channels];
  const known = extentOf(size, c.world.numbers);
  if (known === 1) return product(c.builder.one("reshape", [x], { shape: [dim.show(size), dim.show(channels)] }));
  const past = times(dim.subtract(size, one), how.dilation);
  wanted(past, span, c);
  const before = c.builder.zeros({ dtype: "f32", time: false, batch: x.type.batch, shape: [past, channels] });
  const inner = c.builder.body();
  const step = inner.value({ ...x.type, time: false }, "x");
  const held = inner.value(before.type, "past");
  const all = inner.one("concat", [held, inner.one("reshape", [step], { shape: row.map(dim.show) })], { axis: 0 });
  const next = inner.one("slice", [all], { axis: 0, from: "1", to: dim.show(dim.add(past, one)) });
  const apart = inner.one("windows", [all], { axis: 0, size: dim.show(size), stride: 1, dilation: how.dilation });
  const window = inner.one("reshape", [apart], { shape: [size, channels].map(dim.show) });
  const { outputs } = c.builder.scan(
    [before],
    [x],
    { params: [held, step], ops: inner.ops, results: [next, window] },
    { reverse: false, names: ["past", "window"] },
  );
  return product(outputs[0]);
}

const channelsDiffer = (x: Value, W: Value, axes: number): boolean =>
  !dim.equal(x.type.shape[x.type.shape.length - 1], W.type.shape[axes]);

export const convolutions = {
  conv: {
    signature: 'conv(x, W, stride = 1, padding = "same", dilation = 1), or conv(xs, W, dilation = 1, over time)',
    doc: "convolution of x [n, c] with W [k, c, f], or x [n, m, c] with W [k, l, c, f]; without f, of each channel by itself",
    arity: [2, 2],
    options: { stride: 1, padding: "same", dilation: 1 },
    along: ["feature", "time"],
    apply: (call) => {
      const { span, spans, c, over } = call;
      const [x, W] = [real(call, 0), real(call, 1)];
      if (x === undefined || W === undefined) return poison;
      const isOverTime = over?.[0]?.axis === "time";
      const [rank, kernel] = [x.type.shape.length, W.type.shape.length];
      const notes = [x, W].map((v, i) => ({ span: spans[i], message: `this is ${showShape(v.type.shape)}` }));
      if (isOverTime && !x.type.time) {
        c.problems.error("C0215", spans[0], "`conv` over time needs a value that varies over time", {
          label: "this value has no time axis",
          help: "in a cell, keep the last inputs as a state: past' = push(past, x)",
        });
        return poison;
      }
      const axes = isOverTime ? 1 : rank - 1;
      const fits = isOverTime ? rank === 1 : rank === 2 || rank === 3;
      if (!fits || (kernel !== axes + 1 && kernel !== axes + 2)) {
        const wanted = isOverTime
          ? "`conv` over time takes x [c] and W [k, c, f]"
          : "`conv` takes x [n, c] and W [k, c, f], or x [n, m, c] and W [k, l, c, f]";
        return misfit(span, wanted, notes, c);
      }
      if (channelsDiffer(x, W, axes)) {
        const [own, theirs] = [x.type.shape[rank - 1], W.type.shape[axes]].map(dim.show);
        return misfit(span, `x has ${own} channels, and W is for ${theirs}`, notes, c);
      }
      return isOverTime ? overTime(x, W, call) : overAxes(x, W, call);
    },
  },
} satisfies Readonly<Record<string, Builtin>>;
