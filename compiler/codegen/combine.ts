/**
 * Ops that combine many elements, at a point: their loops stand where the value is used. For machines whose kernels own nothing but
 * their results.
 */
import * as dim from "../ir/dim.ts";
import type { Op, OpOf } from "../ir/types.ts";
import * as x from "../kernel-ir/expr.ts";
import type { KExpr, KStmt } from "../kernel-ir/types.ts";
import { accumulateIn, accumulator, type Reduction, removedBy } from "./accumulate.ts";
import type { Evaluation, Scope } from "./elementwise.ts";
import type { OwnedAxis } from "./loop-nest.ts";
import { upTo } from "./loops.ts";
import type { Point } from "./point.ts";
import { argmaxAt, type ElementLoops, scatterAt } from "./reductions.ts";

/** The value of `op` at `p`; undefined for an op that combines nothing. The loops go to `evaluation`. */
export function combined(op: Op, p: Point, evaluation: Evaluation, scope: Scope): KExpr | undefined {
  const put = ({ statements, value }: ElementLoops): KExpr => {
    evaluation.statements.push(...statements);
    return value;
  };
  switch (op.op) {
    case "sum":
    case "maximum":
      return reduced(op, p, evaluation, scope);
    case "partial":
      return partial(op, p, evaluation, scope);
    case "argmax":
      return eachLane(p, (q) => put(argmaxAt({ scope }, op, q)));
    case "scatter":
      return eachLane(p, (q) => put(scatterAt({ scope }, op, q)));
    default:
      return undefined;
  }
}

function eachLane(p: Point, one: (q: Point) => KExpr): KExpr {
  if (p.width === 1) return one(p);
  const last = p.f.length - 1;
  const lane = (i: number): KExpr =>
    one({ ...p, width: 1, f: p.f.map((e, k) => (k === last ? x.add(e, x.int(i)) : e)) });
  return { k: "vec4", lanes: [lane(0), lane(1), lane(2), lane(3)] };
}

/** The sum over one part of the batch, which the first index of the point names. */
function partial(op: OpOf<"partial">, p: Point, evaluation: Evaluation, scope: Scope): KExpr {
  const { batch } = scope.dims;
  const size = Math.ceil(batch / op.attrs.parts);
  const [part, ...f] = p.f;
  const from = x.mul(part, x.int(size));
  const to = x.min(x.add(from, x.int(size)), x.int(batch));
  return total(op, [{ axis: "b", from, to, most: size, multiple: 1 }], { ...p, f }, false, evaluation, scope);
}

function reduced(op: OpOf<"sum"> | OpOf<"maximum">, p: Point, evaluation: Evaluation, scope: Scope): KExpr {
  const from = op.operands[0].type;
  const { batch, time, features, keep } = removedBy(op);
  const shape = from.shape.map((d) => dim.evaluate(d, scope.dims));
  // Four neighbours of the result are neighbours of the operand only if its last axis stays.
  if (p.width === 4 && features.includes(shape.length - 1))
    return eachLane(p, (q) => reduced(op, q, evaluation, scope));
  const kept = keep ? p.f.filter((_, i) => !features.includes(i)) : [...p.f];
  const f = shape.map((_, i) => (features.includes(i) ? x.int(0) : kept.shift()!));
  const whole = (axis: OwnedAxis["axis"], n: number): OwnedAxis => ({ axis, ...upTo(n), most: n, multiple: n });
  const axes: readonly OwnedAxis[] = [
    ...(time && from.time
      ? [{ axis: "t", from: x.int(0), to: scope.layout.steps, most: undefined, multiple: 1 } as const]
      : []),
    ...(batch && from.batch ? [whole("b", scope.dims.batch)] : []),
    ...features.map((i) => whole(i, shape[i])),
  ];
  const last = axes[axes.length - 1];
  const vectors = p.width === 1 && last?.axis === shape.length - 1 && (last.most ?? 0) >= 4;
  return total(op, axes, { ...p, f }, vectors, evaluation, scope);
}

/** What an op's operand adds up to along `axes`. */
function total(
  op: Reduction,
  axes: readonly OwnedAxis[],
  p: Point,
  vectors: boolean,
  evaluation: Evaluation,
  scope: Scope,
): KExpr {
  const statements: KStmt[] = [];
  const sum = accumulator({ scope }, op, p.width, statements);
  const loops = accumulateIn(evaluation, { scope }, [op], [sum], axes, p, vectors);
  evaluation.statements.push(...statements, ...loops);
  return sum;
}
