/** The rules about sums: what can be factored out of them, what sums to zero, and what makes them a longer product. */
import * as dim from "../ir/dim.ts";
import { reducedExtents } from "../ir/ops/reductions.ts";
import { broadcastTypes, real, sameShape, sameType } from "../ir/type.ts";
import type { Axes, Type, Value } from "../ir/types.ts";
import { defined, rule, typeOf, uniform } from "./rule.ts";
import type { SimplifyingBuilder } from "./simplify.ts";

/** Whether `v` is the same along every axis that `axes` removes. */
function invariant(v: Value, axes: Axes): boolean {
  if (axes.batch && v.type.batch) return false;
  if (axes.time && v.type.time) return false;
  // A feature reduction takes a factor out only when the factor has no features at all.
  return axes.features.length === 0 || v.type.shape.every((d) => dim.isOne(d));
}

interface Factors {
  readonly sign: 1 | -1;
  /** The factors, then the divisors. */
  readonly over: readonly Value[];
  readonly under: readonly Value[];
}

/**
 * `v` as a product. It is taken apart through mul, neg and div only if that frees a factor which does not vary along `axes`:
 * factors that do vary stay together, as they were computed.
 */
function factors(b: SimplifyingBuilder, v: Value, axes: Axes): Factors {
  const op = b.definition(v);
  const whole: Factors = { sign: 1, over: [v], under: [] };
  if (op === undefined || invariant(v, axes)) return whole;
  const free = (f: Factors): boolean => f.sign === -1 || [...f.over, ...f.under].some((x) => invariant(x, axes));
  switch (op.op) {
    case "mul": {
      const [l, r] = op.operands.map((o) => factors(b, o, axes));
      const both: Factors = {
        sign: l.sign === r.sign ? 1 : -1,
        over: [...l.over, ...r.over],
        under: [...l.under, ...r.under],
      };
      return free(both) ? both : whole;
    }
    case "neg": {
      const f = factors(b, op.operands[0], axes);
      return { ...f, sign: f.sign === 1 ? -1 : 1 };
    }
    case "div": {
      const f = factors(b, op.operands[0], axes);
      const all: Factors = { ...f, under: [...f.under, op.operands[1]] };
      return free(all) ? all : whole;
    }
    case "broadcast":
      return factors(b, op.operands[0], axes);
    default:
      return whole;
  }
}

const product = (b: SimplifyingBuilder, values: readonly Value[]): Value | undefined =>
  values.length === 0 ? undefined : [...values].sort((x, y) => x.id - y.id).reduce((x, y) => b.mul(x, y));

/** Whether `v` is x − mean(x) over exactly `axes` of a value of rank `rank`: it sums to zero. */
function centred(here: SimplifyingBuilder, value: Value, axes: Axes, rank: number): boolean {
  const { b, v } = here.source(value);
  const difference = defined(b, v, "sub");
  if (!difference) return false;
  const mean = defined(b, unshaped(b, difference.operands[1]), "div");
  const sum = mean && defined(b, mean.operands[0], "sum");
  const n = mean && defined(b, mean.operands[1], "const");
  if (!sum || !n || sum.operands[0] !== difference.operands[0]) return false;
  const x = sum.operands[0].type;
  const same = (p: Axes, q: Axes): boolean =>
    (p.batch && x.batch) === (q.batch && x.batch) &&
    (p.time && x.time) === (q.time && x.time) &&
    [...p.features].sort().join() === [...q.features].sort().join();
  // Feature axes align from the right.
  const lead = rank - v.type.shape.length;
  const own = { ...axes, features: axes.features.map((i) => i - lead) };
  const extents = (dims: readonly string[]): string => dim.show(dim.product(dims.map(dim.parse)));
  return (
    n.attrs.value === 1 &&
    extents(n.attrs.dims) === extents(reducedExtents(x, sum.attrs.axes)) &&
    same(sum.attrs.axes, own)
  );
}

/** The value before broadcasts and before reshapes that only add unit axes. */
function unshaped(b: SimplifyingBuilder, v: Value): Value {
  const op = b.definition(v);
  if (op?.op === "broadcast") return unshaped(b, op.operands[0]);
  const squeezed = (t: Type): readonly dim.Dim[] => t.shape.filter((d) => !dim.isOne(d));
  if (op?.op === "reshape" && sameShape(squeezed(op.operands[0].type), squeezed(v.type)))
    return unshaped(b, op.operands[0]);
  return v;
}

/** Whether the sum of `v` over `axes` is known to be zero. */
function vanishes(b: SimplifyingBuilder, v: Value, axes: Axes): boolean {
  if (uniform(b, v) === 0) return true;
  const { over, under } = factors(b, v, axes);
  const varying = over.filter((f) => !invariant(f, axes));
  return (
    varying.length === 1 && under.every((f) => invariant(f, axes)) && centred(b, varying[0], axes, v.type.shape.length)
  );
}

/** Over axes that an operand lacks, or that have extent 1, there is nothing to reduce. */
export const vacuous = rule(["dot", "sum", "maximum"], (b, op) => {
  if (op.op === "dot") {
    const batch = op.attrs.batch && op.operands.some((v) => v.type.batch);
    const time = op.attrs.time && op.operands.some((v) => v.type.time);
    const same = batch === op.attrs.batch && time === op.attrs.time;
    return same ? undefined : [b.one("dot", op.operands, { ...op.attrs, batch, time })];
  }
  const [x] = op.operands;
  const { axes } = op.attrs;
  const batch = axes.batch && x.type.batch;
  const time = axes.time && x.type.time;
  const features = axes.features.filter((i) => !dim.isOne(x.type.shape[i]));
  const reduces = batch || time || features.length > 0;
  if (reduces && batch === axes.batch && time === axes.time && features.length === axes.features.length)
    return undefined;
  const reduced = reduces ? b.one(op.op, [x], { axes: { ...axes, batch, time, features } }) : x;
  const type = typeOf(op);
  return [b.broadcast(b.one("reshape", [reduced], { shape: type.shape.map(dim.show) }), type)];
});

export const sums = rule(["sum"], (b, op) => {
  const [x] = op.operands;
  const type = typeOf(op);
  const { axes } = op.attrs;
  const { batch, time } = axes;
  if (vanishes(b, x, axes)) return [b.zeros(type)];

  const inner = b.definition(x);
  // A sum over axes that a broadcast added is a multiple.
  if (inner?.op === "broadcast") {
    const [from] = inner.operands;
    const lead = x.type.shape.length - from.type.shape.length;
    const made = axes.features.filter(
      (i) => i < lead || (dim.isOne(from.type.shape[i - lead]) && !dim.isOne(x.type.shape[i])),
    );
    const madeBatch = batch && !from.type.batch;
    const madeTime = time && !from.type.time;
    if (madeBatch || madeTime || made.length > 0) {
      const n = b.extent([
        ...(madeBatch ? ["batch"] : []),
        ...(madeTime ? ["time"] : []),
        ...made.map((i) => dim.show(x.type.shape[i])),
      ]);
      const left = axes.features.filter((i) => !made.includes(i)).map((i) => i - lead);
      const smaller = b.sum(b.mul(from, n), {
        batch: batch && from.type.batch,
        time: time && from.type.time,
        features: left,
        keep: true,
      });
      const shape = type.shape.map(dim.show);
      const fits = sameShape(smaller.type.shape, type.shape);
      const squeezable = dim.equal(dim.product(smaller.type.shape), dim.product(type.shape));
      if (fits || !squeezable)
        return squeezable || smaller.type.shape.length <= type.shape.length
          ? broadcastIfFits(b, smaller, type)
          : undefined;
      return [b.broadcast(b.one("reshape", [smaller], { shape }), type)];
    }
    return undefined;
  }
  // Σ over examples or steps of a product is a longer product, when both sides vary along them.
  if (
    inner?.op === "dot" &&
    axes.features.length === 0 &&
    inner.operands.every((v) => (!batch || v.type.batch) && (!time || v.type.time))
  ) {
    const a = inner.attrs;
    return [b.one("dot", inner.operands, { ...a, batch: batch || a.batch, time: time || a.time })];
  }
  if (inner?.op === "add" || inner?.op === "sub") {
    const [l, r] = inner.operands;
    if (vanishes(b, l, axes) || vanishes(b, r, axes)) {
      const side = (v: Value): Value => b.sum(b.broadcast(v, real(x.type)), axes);
      return [inner.op === "add" ? b.add(side(l), side(r)) : b.sub(side(l), side(r))];
    }
  }
  // Over examples first, then over steps: the first sum may be needed itself, or free a factor, as in Σₜ r·Σᵢ dy.
  if (batch && time && axes.features.length === 0) return [b.sum(b.sum(x, { ...axes, time: false }), { time: true })];
  // Factor out what does not vary along the summed axes: Σ g·r·dy = g·r·Σ dy.
  const { sign, over, under } = factors(b, x, axes);
  const out = over.filter((f) => invariant(f, axes));
  const outUnder = under.filter((f) => invariant(f, axes));
  const stay = over.filter((f) => !out.includes(f));
  const stayUnder = under.filter((f) => !outUnder.includes(f));
  if ((out.length === 0 && outUnder.length === 0 && sign === 1) || stay.length === 0) return undefined;
  // If the sum drops its features, the unit axes of a factor go, too.
  const fit = (v: Value): Value => (v.type.shape.length > type.shape.length ? b.one("reshape", [v], { shape: [] }) : v);
  let rest = product(b, stay)!;
  if (stayUnder.length > 0) rest = b.div(rest, product(b, stayUnder)!);
  const features = axes.features.length > 0 ? x.type.shape : rest.type.shape;
  let total = b.sum(
    b.broadcast(rest, {
      ...real(rest.type),
      time: time || rest.type.time,
      batch: batch || rest.type.batch,
      shape: features,
    }),
    axes,
  );
  const factor = product(b, out.map(fit));
  if (factor) total = b.mul(factor, total);
  if (outUnder.length > 0) total = b.div(total, product(b, outUnder.map(fit))!);
  return [b.broadcast(sign === 1 ? total : b.neg(total), type)];
});

function broadcastIfFits(b: SimplifyingBuilder, v: Value, type: Type): readonly Value[] | undefined {
  const fits = sameType(broadcastTypes([v.type, type]), real(type));
  return fits ? [b.broadcast(v, type)] : undefined;
}
