/**
 * Which states of a loop are linear: h' = a h + b, with a and b free of h. It follows from the derivatives of the op table: an op is affine
 * in some operands if its derivative with respect to them is free of them; and a is the derivative of h' with respect to h.
 */
import { Builder, Ids } from "../ir/builder.ts";
import { madeFrom, refusalOfElements, statesOf } from "../ir/elementwise-loops.ts";
import { rangeOf, rowOf } from "../ir/ops.ts";
import { anything, type Range } from "../ir/range.ts";
import { type Origins, originsOf, showOp, showTerm } from "../ir/show-term.ts";
import type { Op, OpOf, Value } from "../ir/types.ts";
import { gradient, hasGradient } from "./gradient.ts";
import { behind, definitions, reads } from "./rewrite.ts";

/** Whether an op is affine in those of its operands that are in `made`: its derivative with respect to them is free of them. */
export function isAffine(op: Op, made: ReadonlySet<Value>): boolean {
  const own = op.operands.filter((v) => made.has(v));
  if (own.length === 0) return true;
  if (op.op === "scan" || op.op === "leaf" || rowOf(op.op).held || !hasGradient(op)) return false;
  const b = new Builder(following([op]));
  const dy = op.results.map(({ type }) => b.value(type));
  const cotangents = gradient(b, op, dy);
  return op.operands.every((v, i) => {
    const cotangent = cotangents[i];
    if (!made.has(v)) return true;
    if (cotangent === undefined) return false;
    const read = new Set([cotangent, ...[...behind(b.ops, [cotangent])].flatMap(reads)]);
    return [...own, ...op.results].every((u) => !read.has(u));
  });
}

/** Ids that none of the ops' values has. */
export function following(ops: readonly Op[]): Ids {
  const ids = new Ids();
  for (const op of ops) for (const v of [...op.operands, ...op.results]) ids.skip(v.id);
  return ids;
}

/**
 * What a linear state is multiplied by to get its next value, which `ops` compute: the ops of it go to `b`. Undefined: it is 0.
 */
export function coefficient(
  b: Builder,
  state: Value,
  next: Value,
  ops: readonly Op[],
  made: ReadonlySet<Value>,
): Value | undefined {
  if (!made.has(next)) return undefined;
  const cotangents = new Map<Value, Value>([[next, b.scalar(1)]]);
  for (const op of ops.toReversed()) {
    const dy = op.results.map((v) => cotangents.get(v));
    if (op.op === "scan" || op.op === "leaf" || dy.every((v) => v === undefined)) continue;
    gradient(b, op, dy).forEach((cotangent, i) => {
      const v = op.operands[i];
      if (cotangent === undefined || !made.has(v)) return;
      const known = cotangents.get(v);
      cotangents.set(v, known ? b.add(known, cotangent) : cotangent);
    });
  }
  return cotangents.get(state);
}

/** A state of a loop whose steps can be taken in chunks. */
export type ChunkedState =
  /**
   * Linear, free of all other states: a chunk multiplies it by a factor, and adds an offset. `ops` compute the step's coefficient;
   * `large`: in words, a coefficient that is not known to be at most 1 in size.
   */
  | { readonly kind: "linear"; readonly coefficient: Value; readonly ops: readonly Op[]; readonly large?: string }
  /** A sum over the steps that no other value of the loop reads: chunks have sums of their own. */
  | { readonly kind: "sum" };

/** How the steps of an elementwise loop can be taken in chunks, state by state; or why not. */
export function chunkedStates(
  scan: OpOf<"scan">,
  defs: ReadonlyMap<Value, Op>,
): readonly ChunkedState[] | { readonly refused: string } {
  const refused = refusalOfElements(scan, defs);
  if (refused !== undefined) return { refused };
  const body = scan.body!;
  const params = statesOf(scan);
  const origins = originsOf(scan, defs);
  const found: ChunkedState[] = [];
  for (const [i, p] of params.entries()) {
    const next = body.results[i];
    const made = madeFrom(body, [p]);
    const needed = behind(body.ops, [next]);
    const own = body.ops.filter((op) => needed.has(op));
    const curved = own.find((op) => !isAffine(op, made));
    const other = params.find((q) => q !== p && (next === q || own.some((op) => op.operands.includes(q))));
    if (curved === undefined && other === undefined) {
      const b = new Builder(following(body.ops));
      const a = coefficient(b, p, next, own, made) ?? b.scalar(0);
      const large = isAtMostOne(a, b.ops, origins) ? undefined : showTerm(a, within(b.ops, origins));
      found.push({ kind: "linear", coefficient: a, ops: b.ops, ...(large !== undefined && { large }) });
    } else if (isSum(scan, i)) found.push({ kind: "sum" });
    else if (curved) return { refused: `\`${showOp(curved, origins)}\` is not linear in ${showTerm(p, origins)}` };
    else return { refused: `${showTerm(p, origins)} is computed from ${showTerm(other!, origins)}, another state` };
  }
  return found;
}

const within = (ops: readonly Op[], { op, sequence }: Origins): Origins => {
  const made = definitions(ops);
  return { op: (v) => made.get(v) ?? op(v), sequence };
};

/** Whether a value that `ops` compute is known to lie between −1 and 1. */
function isAtMostOne(value: Value, ops: readonly Op[], from: Origins): boolean {
  const origins = within(ops, from);
  const known = new Map<Value, Range>();
  const of = (v: Value): Range => {
    const found = known.get(v) ?? ranged(v);
    known.set(v, found);
    return found;
  };
  const ranged = (v: Value): Range => {
    const sequence = origins.sequence(v);
    if (sequence !== undefined) return of(sequence);
    const op = origins.op(v);
    return op === undefined || op.op === "scan" ? anything : rangeOf(op, of, origins.op);
  };
  const { low, high } = of(value);
  return low >= -1 && high <= 1;
}

/** Whether a state is a sum over the steps that nothing in the loop reads, nor what it yields. */
function isSum(scan: OpOf<"scan">, i: number): boolean {
  const body = scan.body!;
  const p = body.params[i];
  const next = body.results[i];
  const read = (v: Value): number =>
    [...body.ops.flatMap((op) => op.operands), ...body.results].filter((u) => u === v).length;
  const op = body.ops.find(({ results }) => results.includes(next));
  return op?.op === "add" && op.operands.includes(p) && read(p) === 1 && read(next) === 1;
}
