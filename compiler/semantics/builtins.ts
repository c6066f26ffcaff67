/** The built-in functions, a row each. Functions that can be written in the language are in the prelude instead. */
import * as dim from "../ir/dim.ts";
import { broadcastShapes, ShapeError } from "../ir/type.ts";
import type { ElementwiseOp, OpAttrs, StatPolicy, Type, Value } from "../ir/types.ts";
import {
  type Builtin,
  type BuiltinCall,
  constant,
  extent,
  extents,
  index,
  noFeatures,
  positive,
  real,
  value,
} from "./builtin.ts";
import { extentOf, maxParts } from "./constants.ts";
import { type Context, claim, type Draw, showShape, wanted } from "./context.ts";
import { describe, elementwise, listed, misfit, toValue } from "./expressions.ts";
import { known } from "./finite.ts";
import { recordSelection } from "./index-bounds.ts";
import { reduce } from "./reductions.ts";
import { type Meaning, poison } from "./scope.ts";

const map = (op: ElementwiseOp, doc: string): Builtin => ({
  signature: `${op}(x)`,
  doc,
  arity: [1, 1],
  apply: (call) => {
    const x = real(call, 0);
    return x === undefined ? poison : elementwise(op, [x], call.spans, call.span, call.c);
  },
});

/** The smaller or larger of two values, or the largest value along axes. */
const extreme = (op: "min" | "max", doc: string): Builtin => ({
  signature: op === "max" ? "max(a, b) or max(x, over …)" : "min(a, b)",
  doc,
  arity: op === "max" ? [1, 2] : [2, 2],
  ...(op === "max" && { reduces: true }),
  apply: (call) => {
    if (call.args.length === 1 || call.over !== undefined) return reduce("max", call);
    const [a, b] = [real(call, 0), real(call, 1)];
    if (a === undefined || b === undefined) return poison;
    return elementwise(op, [a, b], call.spans, call.span, call.c);
  },
});

const reduction = (name: "sum" | "mean", doc: string): Builtin => ({
  signature: `${name}(x, over …)`,
  doc,
  arity: [1, 1],
  reduces: true,
  apply: (call) => reduce(name, call),
});

/** A function of a sequence. */
const ofSequence = (
  name: string,
  doc: string,
  of: (xs: Value, call: BuiltinCall) => Value,
  without: string,
): Builtin => ({
  signature: `${name}(xs)`,
  doc,
  arity: [1, 1],
  apply: (call) => {
    const { span, args, spans, c } = call;
    const x = toValue(args[0], spans[0], c);
    if (x === undefined) return poison;
    if (x.type.time) return value(of(x, call));
    c.problems.error("C0215", span, `\`${name}\` needs a value that varies over time`, {
      label: "this value has no time axis",
      help: without,
    });
    return poison;
  },
});

const atStep = (step: "first" | "last"): Builtin =>
  ofSequence(
    step,
    `the value at the ${step} time step`,
    (x, { c }) => c.builder.one("at", [x], { step }),
    `use it without \`${step}\``,
  );

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

/** Draws numbers, or reports that the text must not do so here. */
function draw(what: Draw, c: Context): Meaning {
  if (c.draw !== undefined) return c.draw(what);
  c.problems.error("C0223", what.span, "nothing can be drawn at random here", {
    label: "only cells and models draw noise and masks",
    help: "a norm gives the same for the same values; draw in the cell around it",
  });
  return poison;
}

/** A mask with one element for each of a value or a shape. */
const mask = (name: string, once: boolean, doc: string): Builtin => ({
  signature: `${name}(keep, x) or ${name}(keep, [n, …])`,
  doc,
  arity: [2, 2],
  apply: (call) => {
    const { args, spans, c, span } = call;
    const keep = constant(args[0], spans[0], c);
    if (keep === undefined) return poison;
    // Not 0 either: nothing would be left, and dividing by `keep` to compensate would give NaN.
    if (!(keep > 0 && keep <= 1)) {
      c.problems.error("C0222", spans[0], `a mask cannot keep a share of ${keep}`, {
        label: "a probability is needed here, above 0 and up to 1",
        help: "what is dropped or zoned out at a rate is kept with probability 1 − rate",
      });
      return poison;
    }
    const noise = { distribution: "bernoulli", keep } as const;
    const of = args[1];
    if (of.kind === "value") {
      const like = of.value.type;
      return draw({ noise, shape: like.shape, like, once, span }, c);
    }
    const shape = extents(call, of, spans[1]);
    return shape === undefined ? poison : draw({ noise, shape, once, span }, c);
  },
});

/** The statistic that records whether statistics kept by `policy` were collected: one for all of a norm with that policy. */
function collected({ name, policy }: OpAttrs["stat"], c: Context): string {
  const alike = c.builder.ops.find((op) => op.op === "population" && sameKeeping(op.attrs.policy, policy));
  if (alike?.op === "population") return alike.attrs.collected;
  return claim(`${name.slice(0, name.lastIndexOf("/"))}/collected`, c.world.taken);
}

const sameKeeping = (a: StatPolicy, b: StatPolicy): boolean =>
  a.kind === "per_step" && b.kind === "per_step" ? a.steps === b.steps : a.kind === b.kind;

export const builtins: Readonly<Record<string, Builtin>> = {
  exp: map("exp", "eˣ"),
  log: map("log", "natural logarithm"),
  tanh: map("tanh", "hyperbolic tangent"),
  sigmoid: map("sigmoid", "1 / (1 + e⁻ˣ)"),
  relu: map("relu", "max(x, 0)"),
  softplus: map("softplus", "log(1 + eˣ)"),
  sqrt: map("sqrt", "square root"),
  rsqrt: map("rsqrt", "1 / √x"),
  abs: map("abs", "|x|"),
  square: map("square", "x²"),
  sign: map("sign", "−1, 0 or 1"),
  sin: map("sin", "sine"),
  cos: map("cos", "cosine"),
  floor: map("floor", "largest whole number ≤ x"),
  min: extreme("min", "the smaller of two"),
  max: extreme("max", "the larger of two, or the largest along axes"),
  sum: reduction("sum", "sum along axes"),
  mean: reduction("mean", "mean along axes"),
  last: atStep("last"),
  first: atStep("first"),
  cumsum: ofSequence(
    "cumsum",
    "at each step the sum of all steps so far",
    (x, { c }) => c.builder.one("cumsum", [x], { reverse: false }),
    "use it on a sequence, in a model; in a cell, keep the sum as a state: s' = s + x",
  ),
  where: {
    signature: "where(c, a, b)",
    doc: "a where c is not 0, else b",
    arity: [3, 3],
    apply: (call) => {
      const x = [0, 1, 2].map((i) => real(call, i)).filter((v) => v !== undefined);
      return x.length === 3 ? elementwise("select", x, call.spans, call.span, call.c) : poison;
    },
  },
  stop: {
    signature: "stop(x)",
    doc: "x, through which no gradient flows",
    arity: [1, 1],
    apply: (call) => {
      const x = real(call, 0);
      if (x === undefined) return poison;
      const n = call.c.world.known.get(x);
      const stopped = call.c.builder.one("stop", [x], {});
      return value(n === undefined ? stopped : known(stopped, n, call.c));
    },
  },
  argmax: {
    signature: "argmax(x)",
    doc: "position of the largest entry of the last feature axis",
    arity: [1, 1],
    apply: (call) => {
      const x = real(call, 0);
      if (x === undefined) return poison;
      return x.type.shape.length === 0 ? noFeatures(call) : value(call.c.builder.one("argmax", [x], {}));
    },
  },
  split: {
    signature: "split(x, n)",
    doc: "n equal parts of the last feature axis",
    arity: [2, 2],
    apply: (call) => {
      const x = toValue(call.args[0], call.spans[0], call.c);
      const parts = positive(call, 1, "a number of parts that is known while compiling");
      if (x === undefined || parts === undefined) return poison;
      const axis = x.type.shape.length - 1;
      if (axis < 0) return noFeatures(call);
      const part = dim.divide(x.type.shape[axis], dim.constant(parts))!;
      if (part.some((t) => t.vars.length === 0 && t.den > 1)) {
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
      if (!dim.equal(dim.product(shape), dim.product(x.type.shape))) {
        const message = `${showShape(x.type.shape)} does not have the elements of ${showShape(shape)}`;
        return misfit(
          call.span,
          message,
          [{ span: call.spans[0], message: `this is ${showShape(x.type.shape)}` }],
          call.c,
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
  one_hot: {
    signature: "one_hot(i, n)",
    doc: "1 at index i, 0 elsewhere, along a new axis of extent n",
    arity: [2, 2],
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
    apply: (call) => {
      const i = index(call, 0);
      const table = real(call, 1);
      if (i === undefined || table === undefined) return poison;
      if (table.type.shape.length === 0 || table.type.batch || table.type.time) {
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
  iterate: {
    signature: "iterate(f, n, start, …)",
    doc: "n rounds of the function f: f(start, 0, …), then f of the result and 1, and so on; further arguments go to every round",
    arity: [3, Number.POSITIVE_INFINITY],
    takesFunction: true,
    apply: ({ f, args: [count, start, ...others], spans, c }) => {
      const rounds = constant(count, spans[0], c);
      if (rounds === undefined) return poison;
      if (!Number.isInteger(rounds) || rounds < 0 || rounds > maxParts) {
        c.problems.error("C0222", spans[0], `${rounds} is not a number of rounds`, {
          label: `a whole number up to ${maxParts} is needed`,
        });
        return poison;
      }
      let carried = start;
      for (let i = 0; i < rounds && carried.kind !== "poison"; i++)
        carried = f!([carried, { kind: "number", number: i }, ...others]);
      return carried;
    },
  },
  headwise: {
    signature: "headwise(x, W)",
    doc: "the product of x [k, n] and W [k, n, m], head by head: [k, m]",
    arity: [2, 2],
    apply: (call) => {
      const [x, W] = [real(call, 0), real(call, 1)];
      if (x === undefined || W === undefined) return poison;
      const [a, b] = [x.type.shape, W.type.shape];
      if (a.length === 2 && b.length === 3 && dim.equal(a[0], b[0]) && dim.equal(a[1], b[1]))
        return value(call.c.builder.dot(x, W, { a: "hk", b: "hka", out: "ha", batch: false, time: false }));
      const shapes = [x, W].map((v, i) => ({ span: call.spans[i], message: `this is ${showShape(v.type.shape)}` }));
      return misfit(call.span, "`headwise` multiplies [k, n] and [k, n, m]", shapes, call.c);
    },
  },
  size: shapeOf("size(x)", "extent of the last feature axis", (shape, call) => {
    const last = shape.at(-1);
    return last === undefined ? noFeatures(call) : { kind: "dim", dim: last };
  }),
  population: {
    signature: "population(m)",
    doc: "the population's value of the statistic m, without gradient",
    arity: [1, 1],
    apply: (call) => {
      const { c, spans, args } = call;
      const m = toValue(args[0], spans[0], c);
      if (m === undefined) return poison;
      const stat = c.builder.ops.find((op) => op.results.includes(m));
      if (stat?.op === "stat") {
        const { name, policy } = stat.attrs;
        return value(c.builder.one("population", [m], { name, policy, collected: collected(stat.attrs, c) }));
      }
      c.problems.error("C0226", spans[0], "this is not a statistic", {
        label: "there is a population's value of a `stat` only",
        help: "give the statistic a name, `stat m = …`, and write population(m)",
      });
      return poison;
    },
  },
  ramp: {
    signature: "ramp(from, to, first, last)",
    doc: "changes from `from` to `to` between the updates `first` and `last` of a training; `to` at inference",
    arity: [4, 4],
    apply: ({ args, spans, c, span }) => {
      const numbers = args.map((m, i) => constant(m, spans[i], c));
      const [from, to, first, last] = numbers;
      if (from === undefined || to === undefined || first === undefined || last === undefined) return poison;
      if (Number.isSafeInteger(first) && Number.isSafeInteger(last) && first >= 0 && last >= first)
        return value(c.builder.one("ramp", [], { from, to, first, last }));
      c.problems.error("C0222", span, `nothing changes between the updates ${first} and ${last}`, {
        label: "two whole numbers are needed, from 0 up, the second no smaller",
        help: "write ramp(1, 3, 5000, 40000)",
      });
      return poison;
    },
  },
  shape: shapeOf("shape(x)", "all extents of x, as reshape takes them", (shape) => {
    return { kind: "list", items: shape.map((d) => ({ kind: "dim", dim: d })) };
  }),
  elements: shapeOf("elements(x)", "how many features x has in all", (shape) => {
    return { kind: "dim", dim: dim.product(shape) };
  }),
  noise: {
    signature: "noise(std) or noise(std, [n, …])",
    doc: "normal noise, fresh for each example and step",
    arity: [1, 2],
    apply: (call) => {
      const { args, spans, c, span } = call;
      const scale = constant(args[0], spans[0], c);
      if (scale === undefined) return poison;
      const noise = { distribution: "normal", scale } as const;
      if (args.length === 1) return draw({ noise, once: false, span }, c);
      const shape = extents(call, args[1], spans[1]);
      return shape === undefined ? poison : draw({ noise, shape, once: false, span }, c);
    },
  },
  mask: mask("mask", false, "1 with probability keep, else 0, fresh for each example and step; at inference keep"),
  sequence_mask: mask("sequence_mask", true, "as mask, but the same at all steps of a sequence"),
};

function cannotJoin(call: BuiltinCall, xs: readonly Value[]): Meaning {
  return misfit(
    call.span,
    `${listed(xs.map((v) => showShape(v.type.shape)))} cannot be joined along the last axis`,
    xs.map((v, i) => ({ span: call.spans[i], message: `this is ${showShape(v.type.shape)}` })),
    call.c,
  );
}
