/** The elementwise ops that recompute a value from others. */
import * as dim from "../ir/dim.ts";
import { elementwise, isElementwise } from "../ir/ops/elementwise.ts";
import type { Op, Value } from "../ir/types.ts";

export interface Cone {
  /** In order. Empty if the value is one of those to start from. */
  readonly ops: readonly Op[];
  readonly from: readonly Value[];
}

/** Up to so many flops per element, recomputing beats a store and a load, which go to memory if the sequence is long. */
const MOST_FLOPS = 8;

/**
 * The elementwise ops between `v` and values for which `starts` holds; undefined if there are other ops between, or they cost too
 * much.
 */
export function cone(v: Value, defs: ReadonlyMap<Value, Op>, starts: (u: Value) => boolean): Cone | undefined {
  const ops: Op[] = [];
  const from = new Set<Value>();
  const done = new Set<Value>();
  const visit = (u: Value): boolean => {
    if (done.has(u)) return true;
    done.add(u);
    if (starts(u)) {
      from.add(u);
      return true;
    }
    const op = defs.get(u);
    if (!op || !(isElementwise(op.op) || op.op === "const" || op.op === "reshape" || op.op === "broadcast"))
      return false;
    if (!op.operands.every(visit)) return false;
    ops.push(op);
    return true;
  };
  if (!visit(v)) return undefined;
  const flops = ops.reduce((n, op) => n + (isElementwise(op.op) ? elementwise[op.op].flops : 0), 0);
  return flops <= MOST_FLOPS ? { ops, from: [...from] } : undefined;
}

/** Whether `v` has fewer entries than `of`: it lacks steps, examples or features. */
export const smaller = (v: Value, of: Value): boolean =>
  (of.type.time && !v.type.time) || (of.type.batch && !v.type.batch) || wide(v) < wide(of);

/** How many feature axes have more than one entry. */
export const wide = (v: Value): number => v.type.shape.filter((d) => !dim.isOne(d)).length;
