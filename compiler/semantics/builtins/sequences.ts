/** Built-in functions of sequences, and of time. */
import type { Builder } from "../../ir/builder.ts";
import * as dim from "../../ir/dim.ts";
import { hasAllSteps } from "../../ir/steps.ts";
import type { Value } from "../../ir/types.ts";
import { allStepsOf, ofPresent, ownShape } from "../all-steps.ts";
import {
  alongAxis,
  type Builtin,
  type BuiltinCall,
  bracketsOfScan,
  constant,
  noFeatures,
  real,
  value,
} from "../builtin.ts";
import { asDim, maxParts } from "../constants.ts";
import { wanted } from "../context.ts";
import { describe, toValue } from "../expressions.ts";
import { padded } from "../padding.ts";
import { type Meaning, poison } from "../scope.ts";
import { axisAlong } from "./joins.ts";

/** The sequence in the first argument; undefined after a report. `without`: what to do instead where there is none. */
function sequence({ name, span, args, spans, c }: BuiltinCall, without: string): Value | undefined {
  const x = toValue(args[0], spans[0], c);
  if (x === undefined || x.type.time) return x;
  c.problems.error("C0215", span, `\`${name}\` needs a value that varies over time`, {
    label: "this value has no time axis",
    help: without,
  });
  return undefined;
}

const atStep = (step: "first" | "last"): Builtin => ({
  signature: `${step}(xs)`,
  doc: `the value at the ${step} time step`,
  arity: [1, 1],
  takesAllSteps: true,
  apply: (call) => {
    const x = sequence(call, `use it without \`${step}\``);
    return x === undefined ? poison : value(call.c.builder.one("at", [x], { step }));
  },
});

/** The number of steps in the second argument; undefined after a report. */
function distance({ name, args, spans, c }: BuiltinCall, least: number): number | undefined {
  const k = constant(args[1], spans[1], c);
  if (k === undefined || (Number.isInteger(k) && k >= least && Math.abs(k) <= maxParts)) return k;
  c.problems.error("C0222", spans[1], `\`${name}\` counts steps, and ${describe(args[1])} is no such count`, {
    label: `a whole number ${least > 0 ? `from ${least}` : `between -${maxParts} and`} ${least > 0 ? "to " : ""}${maxParts} is needed here`,
  });
  return undefined;
}

/** `x` as it was `by` steps before. Each example has an end of its own. */
function delayed(x: Value, by: number, { c: { builder: b } }: BuiltinCall): Value {
  return by === 0 ? x : b.one("shift", [b.broadcast(x, { ...x.type, batch: true })], { by });
}

/** The last k steps of `x`, oldest first. `extent`: k as it is written. */
function lastSteps(x: Value, k: number, extent: dim.Dim, call: BuiltinCall): Value {
  const { builder: b } = call.c;
  const steps = Array.from({ length: k }, (_, i) => {
    const then = b.one("at", [delayed(x, k - 1 - i, call)], { step: "last" });
    return b.one("reshape", [then], { shape: ["1", ...x.type.shape.map(dim.show)] });
  });
  const [newest] = steps.slice(-1);
  // A dimension stays a formula in shapes: what k exceeds the other steps by is one.
  const one = dim.subtract(extent, dim.constant(k - 1));
  const named = b.broadcast(newest, { ...newest.type, shape: [one, ...x.type.shape] });
  return b.one("concat", [...steps.slice(0, -1), named], { axis: 0 });
}

const last: Builtin = {
  signature: "last(xs), last(xs, k)",
  doc: "the value at the last time step, or those at the last k, oldest first: [k, …]",
  arity: [1, 2],
  apply: (call) => {
    const { args, spans, c } = call;
    if (args.length === 1) return atStep("last").apply(call);
    const brackets = args[1].kind === "value" ? bracketsOfScan(spans, c) : undefined;
    if (brackets !== undefined) {
      c.problems.error("C0205", call.span, "`last` is given two values", { help: brackets });
      return poison;
    }
    const x = sequence(call, "use it on a sequence, in a model");
    const k = distance(call, 1);
    const extent = asDim(args[1]);
    if (x === undefined || k === undefined || extent === undefined) return poison;
    if (x.type.dtype === "index") {
      c.problems.error("C0224", spans[0], "indices cannot be put side by side", {
        label: "an index",
        help: "take the rows that they select: last(embed(w, E), k)",
      });
      return poison;
    }
    wanted(extent, spans[1], c);
    return value(lastSteps(x, k, extent, call));
  },
};

const delay: Builtin = {
  signature: "delay(xs, k)",
  doc: "the value k steps before, 0 at the first k steps; with a negative k, of later steps",
  arity: [2, 2],
  apply: (call) => {
    const { spans, c } = call;
    const x = sequence(call, "use it on a sequence, in a model; in a cell, keep the value as a state: d' = x");
    const k = distance(call, -maxParts);
    if (x === undefined || k === undefined) return poison;
    if (x.type.dtype === "f32" || k >= 0) return value(delayed(x, k, call));
    c.problems.error("C0224", spans[0], "an index cannot be read ahead", {
      label: "an index",
      help: `read the rows that it selects: delay(embed(w, E), ${k})`,
    });
    return poison;
  },
};

const cumsum: Builtin = {
  signature: "cumsum(xs), or cumsum(x, over last, first, or all steps of a sequence)",
  doc: "the sum of all so far: at each step of a sequence, or at each entry along an axis",
  arity: [1, 1],
  along: ["time", "whole", "last", "first"],
  takesAllSteps: true,
  apply: (call) => {
    const [axis, [x]] = [alongAxis(call, cumsum), call.args];
    if (x.kind === "value" && hasAllSteps(x.value.type) && axis === call.c.allSteps?.axis) {
      const v = real(call, 0);
      return v === undefined ? poison : value(sumUpTo(ofPresent(v, 0, call.c), 0, call.c.builder));
    }
    return axis === "last" || axis === "first" ? runningSum(call) : sumOfSteps(call);
  },
};

/** At each step of a sequence the sum of all up to it. */
function sumOfSteps(call: BuiltinCall): Meaning {
  const help = call.c.scan
    ? "use it on a sequence; along features it is cumsum(x, over last)"
    : "use it on a sequence, in a model; in a cell, keep the sum as a state: s' = s + x; along features it is cumsum(x, over last)";
  const x = sequence(call, help);
  return x === undefined ? poison : value(call.c.builder.one("cumsum", [x], { reverse: false }));
}

function runningSum(call: BuiltinCall): Meaning {
  const x = real(call, 0);
  if (x === undefined) return poison;
  return ownShape(x.type).length === 0 ? noFeatures(call) : value(sumUpTo(x, axisAlong(call, x.type), call.c.builder));
}

/** Each sum is that of a window that ends at its entry, over as many zeros before the first as windows need. */
function sumUpTo(x: Value, axis: number, b: Builder): Value {
  const n = x.type.shape[axis];
  if (dim.isOne(n)) return x;
  const led = padded(x, [{ axis, before: dim.subtract(n, dim.constant(1)), after: [] }], b);
  const windows = b.one("windows", [led], { axis, size: dim.show(n), stride: 1, dilation: 1 });
  return b.sum(windows, { features: [axis + 1] });
}

/** A function without arguments, of the sequence around it. */
const ofTime = (name: "step" | "steps", doc: string, elsewhere: string): Builtin => ({
  signature: `${name}()`,
  doc,
  arity: [0, 0],
  apply: ({ span, c }): Meaning => {
    const found = c[name]?.(span);
    if (found !== undefined) return found;
    c.problems.error("C0215", span, `\`${name}()\` has no meaning here`, {
      label: "no sequence is known here",
      help: elsewhere,
    });
    return poison;
  },
});

const whole: Builtin = {
  signature: "whole(xs)",
  doc: "all steps of xs at each step, along an axis `whole`",
  arity: [1, 1],
  apply: ({ args, spans, span, c }) => {
    const x = toValue(args[0], spans[0], c);
    if (x === undefined) return poison;
    const inModel = c.allSteps?.axis === "whole";
    if (x.type.time && inModel) return value(allStepsOf(c.builder, x, x.name));
    c.problems.error("C0215", span, "`whole` needs a value that varies over time", {
      label: "this value has no time axis",
      help: inModel
        ? "use it on an input over time, or on what a scan makes"
        : "in a cell, an input is a whole sequence if it is declared so: input s : [S] over time",
    });
    return poison;
  },
};

export const sequenceFunctions = {
  whole,
  last,
  first: atStep("first"),
  delay,
  step: ofTime(
    "step",
    "the number of this step: 0, 1, 2, …",
    "use it in a model or a cell, and give norms what is made of it",
  ),
  steps: ofTime(
    "steps",
    "the number of each example's steps",
    "use it in a model; a cell can have it as an input: scan c(…) over x, steps()",
  ),
  cumsum,
} satisfies Readonly<Record<string, Builtin>>;
