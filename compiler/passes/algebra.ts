/**
 * The algebra of `simplify`, as a table of rewrite rules. A rule looks at an op about to be built and returns equal values of the
 * same types that cost less, or nothing.
 *
 * No rule may turn a numerically safe form into an unsafe one: sums of centred values stay centred.
 */
import * as dim from "../ir/dim.ts";
import { elementwise } from "../ir/ops/elementwise.ts";
import { inferTypes } from "../ir/ops.ts";
import { sameShape, sameType } from "../ir/type.ts";
import type { ElementwiseOp, Value } from "../ir/types.ts";
import { sums, vacuous } from "./algebra-sums.ts";
import { wide } from "./cone.ts";
import { bare, defined, type NewOp, type Rule, rule, typeOf, uniform } from "./rule.ts";
import type { SimplifyingBuilder } from "./simplify.ts";
import { finalState } from "./simplify-scan.ts";

const elementwiseOps = Object.keys(elementwise) as readonly ElementwiseOp[];

/** Constant folding: an elementwise op on numbers is a number. */
const foldConstants = rule(elementwiseOps, (b, op) => {
  if (op.op === "select") return undefined;
  const numbers: number[] = [];
  for (const v of op.operands) {
    const n = uniform(b, v);
    if (n === undefined) return undefined;
    numbers.push(n);
  }
  const value = (elementwise[op.op].evaluate as (...x: number[]) => number)(...numbers);
  return [b.broadcast(b.scalar(value), typeOf(op))];
});

/** Constant folding of products with extents. */
const foldExtents = rule(["mul"], (b, op) => {
  const [x, y] = op.operands.map((v) => defined(b, v, "const"));
  if (!x || !y) return undefined;
  return [b.one("const", [], { value: x.attrs.value * y.attrs.value, dims: [...x.attrs.dims, ...y.attrs.dims] })];
});

/** f(broadcast x, …) = broadcast f(x, …): compute it once, not for each example. */
const sinkBroadcast = rule(elementwiseOps, (b, op) => {
  if (!op.operands.some((v) => defined(b, v, "broadcast"))) return undefined;
  const small = b.elementwise(
    op.op,
    op.operands.map((v) => bare(b, v)),
  );
  return [b.broadcast(small, typeOf(op))];
});

/** Identities of 0 and 1, and of signs. */
const identities = rule(["add", "sub", "mul", "div", "neg", "square", "select"], (b, op) => {
  const [x, y] = op.operands;
  const n = op.operands.map((v) => uniform(b, v));
  const as = (v: Value): readonly Value[] => [b.broadcast(v, typeOf(op))];
  const negated = (v: Value): Value | undefined => defined(b, v, "neg")?.operands[0];
  switch (op.op) {
    case "add": {
      if (n[0] === 0) return as(y);
      if (n[1] === 0) return as(x);
      const [nx, ny] = [negated(x), negated(y)];
      if (ny) return [b.sub(x, ny)];
      if (nx) return [b.sub(y, nx)];
      return undefined;
    }
    case "sub": {
      if (n[1] === 0) return as(x);
      if (n[0] === 0) return [b.broadcast(b.neg(y), typeOf(op))];
      if (x === y) return as(b.scalar(0));
      const ny = negated(y);
      return ny ? [b.add(x, ny)] : undefined;
    }
    case "mul": {
      for (const [c, other] of [
        [n[0], y],
        [n[1], x],
      ] as const) {
        if (c === 0) return as(b.scalar(0));
        if (c === 1) return as(other);
        if (c === -1) return [b.broadcast(b.neg(other), typeOf(op))];
        // Numbers are collected in front: 2 · (3 · x) = 6 · x.
        const inner = c === undefined ? undefined : defined(b, other, "mul");
        if (!inner) continue;
        const at = inner.operands.findIndex((v) => uniform(b, v) !== undefined);
        if (at < 0) continue;
        return [b.broadcast(b.mul(b.scalar(c! * uniform(b, inner.operands[at])!), inner.operands[1 - at]), typeOf(op))];
      }
      const [nx, ny] = [negated(x), negated(y)];
      if (nx || ny) {
        const product = b.mul(nx ?? x, ny ?? y);
        return [nx && ny ? product : b.neg(product)];
      }
      return x === y ? [b.square(x)] : undefined;
    }
    case "div":
      if (n[0] === 0) return as(b.scalar(0));
      if (n[1] === 1) return as(x);
      if (n[1] !== undefined && n[1] !== 0) return [b.broadcast(b.mul(b.scalar(1 / n[1]), x), typeOf(op))];
      return negated(x) ? [b.neg(b.div(negated(x)!, y))] : undefined;
    case "neg": {
      const inner = negated(x);
      if (inner) return [inner];
      const difference = defined(b, x, "sub");
      return difference ? [b.sub(difference.operands[1], difference.operands[0])] : undefined;
    }
    case "square":
      return negated(x) ? [b.square(negated(x)!)] : undefined;
    case "select":
      if (n[0] !== undefined) return as(n[0] !== 0 ? y : op.operands[2]);
      return y === op.operands[2] ? as(y) : undefined;
  }
});

const dots = rule(["dot"], (b, op) => {
  return op.operands.some((v) => uniform(b, v) === 0) ? [b.zeros(typeOf(op))] : undefined;
});

/**
 * A product with a single number for each example or step on one side, which contracts only axes of extent 1, is elementwise, or a
 * weighted sum over examples and steps.
 */
const scaled = rule(["dot"], (b, op) => {
  const { a, b: second, out, batch, time } = op.attrs;
  const [x, y] = op.operands;
  const wide = (v: Value, labels: string): string => [...labels].filter((_, i) => !dim.isOne(v.type.shape[i])).join("");
  const [wx, wy] = [wide(x, a), wide(y, second)];
  const whole = [...out].filter((label) => wx.includes(label) || wy.includes(label)).join("");
  if ((wx !== "" && wy !== "") || wx + wy !== whole) return undefined;
  const squeezed = (v: Value): Value =>
    b.one("reshape", [v], { shape: v.type.shape.filter((d) => !dim.isOne(d)).map(dim.show) });
  const product = b.mul(squeezed(x), squeezed(y));
  const total = batch || time ? b.sum(product, { batch, time }) : product;
  return [b.one("reshape", [total], { shape: typeOf(op).shape.map(dim.show) })];
});

/** The factors of an elementwise product: first the one without features, then the one with features. */
function outer(b: SimplifyingBuilder, v: Value): readonly [Value, Value] | undefined {
  const op = defined(b, v, "mul");
  if (!op) return undefined;
  const [x, y] = op.operands;
  if (wide(x) === 0 && wide(y) > 0) return [x, y];
  return wide(y) === 0 && wide(x) > 0 ? [y, x] : undefined;
}

/** Whether a factor's square stays well within f32. A number whose square does not was put there as a scale, for a reason. */
const isSquarable = (n: number | undefined): boolean => n === undefined || (n ** 2 < 2 ** 63 && n ** 2 > 2 ** -63);

/** Ops on a product of a number and features are done on the number first: there are fewer numbers than features. */
const numbersFirst = rule(["square", "div", "add", "sub"], (b, op) => {
  const products = op.operands.map((v) => outer(b, v));
  const [x, y] = products;
  switch (op.op) {
    case "square":
      return x && isSquarable(uniform(b, x[0])) ? [b.mul(b.square(x[0]), b.square(x[1]))] : undefined;
    case "div":
      return x && wide(op.operands[1]) === 0 ? [b.mul(b.div(x[0], op.operands[1]), x[1])] : undefined;
    case "add":
    case "sub":
      return x && y && x[1] === y[1] ? [b.mul(b.elementwise(op.op, [x[0], y[0]]), x[1])] : undefined;
  }
});

/**
 * a · (p · x) = (a · p) · x where only x differs from example to example: what all examples share is multiplied once. So a norm's
 * gain and its 1/σ become one factor.
 */
const sharedFirst = rule(["mul"], (b, op) => {
  for (const [a, product] of [op.operands, [...op.operands].reverse()]) {
    const inner = a.type.batch ? undefined : defined(b, product, "mul");
    const x = inner?.operands.find((v) => v.type.batch);
    const p = inner?.operands.find((v) => !v.type.batch);
    if (x !== undefined && p !== undefined) return [b.mul(b.mul(a, p), x)];
  }
});

const moving = ["broadcast", "reshape", "transpose", "split", "cut", "concat", "at", "put", "stop"] as const;

const movement = rule(moving, (b, op) => {
  const [x] = op.operands;
  switch (op.op) {
    case "broadcast": {
      if (sameType(x.type, op.attrs.type)) return [x];
      const inner = defined(b, x, "broadcast");
      return inner ? [b.broadcast(inner.operands[0], op.attrs.type)] : undefined;
    }
    case "reshape": {
      if (sameShape(x.type.shape, op.attrs.shape.map(dim.parse))) return [x];
      const inner = defined(b, x, "reshape");
      if (inner) return [b.one("reshape", inner.operands, op.attrs)];
      const n = uniform(b, x);
      return n === undefined ? undefined : [b.broadcast(b.scalar(n), typeOf(op))];
    }
    case "transpose": {
      if (op.attrs.permutation.every((p, i) => p === i)) return [x];
      const inner = defined(b, x, "transpose");
      if (!inner) return undefined;
      return [
        b.one("transpose", inner.operands, {
          permutation: op.attrs.permutation.map((i) => inner.attrs.permutation[i]),
        }),
      ];
    }
    case "split":
    case "cut": {
      const inner = defined(b, x, "concat");
      const types = inferTypes(op.op, [x.type], op.attrs as never);
      if (inner && inner.attrs.axis === op.attrs.axis && inner.operands.length === types.length) {
        const fits = inner.operands.every((v, i) =>
          dim.equal(v.type.shape[op.attrs.axis], types[i].shape[op.attrs.axis]),
        );
        if (fits) return inner.operands.map((v, i) => b.broadcast(v, types[i]));
      }
      const n = uniform(b, x);
      return n === undefined ? undefined : types.map((t) => b.broadcast(b.scalar(n), t));
    }
    case "concat": {
      const numbers = op.operands.map((v) => uniform(b, v));
      if (numbers[0] !== undefined && numbers.every((n) => n === numbers[0]))
        return [b.broadcast(b.scalar(numbers[0]), typeOf(op))];
      const first = defined(b, x, "split") ?? defined(b, x, "cut");
      if (first && first.attrs.axis === op.attrs.axis && first.results.length === op.operands.length) {
        if (op.operands.every((v, i) => v === first.results[i])) return [first.operands[0]];
      }
      return undefined;
    }
    case "at": {
      const inner = b.definition(x);
      if (inner?.op === "broadcast" && !inner.operands[0].type.time)
        return [b.broadcast(inner.operands[0], typeOf(op))];
      if (inner?.op === "put") {
        return inner.attrs.step === op.attrs.step ? [b.broadcast(inner.operands[0], typeOf(op))] : undefined;
      }
      const final = inner?.op === "scan" ? finalState(inner, x, op.attrs.step) : undefined;
      return final && [final];
    }
    case "put":
    case "stop":
      return uniform(b, x) === 0 ? [b.zeros(typeOf(op))] : undefined;
  }
});

/** In the order in which they are tried. */
const all: readonly Rule[] = [
  foldConstants,
  foldExtents,
  sinkBroadcast,
  identities,
  vacuous,
  sums,
  dots,
  scaled,
  numbersFirst,
  sharedFirst,
  movement,
];

/** The rules about each op, in the order in which they are tried. */
export const rules = new Map<NewOp["op"], Rule["rewrite"][]>();
for (const { on, rewrite } of all) for (const op of on) rules.set(op, [...(rules.get(op) ?? []), rewrite]);
