/**
 * Orders the ops of one kernel in stages. Within a stage nothing waits for anything; between stages stands a barrier.
 *
 * A sum is known a stage after what it sums. An elementwise value is computed where it is used, in as many loops as use it,
 * unless that is dear: then it is stored once, and later stages load it.
 */
import { elementwise, isElementwise } from "../ir/ops/elementwise.ts";
import { isView, rowOf } from "../ir/ops.ts";
import type { Op, Value } from "../ir/types.ts";
import { blocksProducts, type Machine, ownsResultsOnly } from "../machine.ts";
import { readsElsewhere } from "./reads.ts";

/** Recomputing a value that costs no more flops than this beats a store, a barrier and a load. */
const CHEAP = 3;
/**
 * So many elementwise values, each computed of the one before, are computed where the last is used; then one is stored. What is
 * computed in one place is written by recursion, and no processor has registers for more.
 */
const LONGEST = 128;
/** What a product costs that is computed where it is used, even one of few terms: never twice. */
const PRODUCT = 16;

export interface StagePlan {
  readonly stages: readonly (readonly Op[])[];
  /** Elementwise values that must be stored although nothing outside the kernel asks for them. */
  readonly stored: ReadonlySet<Value>;
}

export function isReduction(op: Op): boolean {
  const { form } = rowOf(op.op);
  return form === "reduction" || form === "partial";
}

/** Whether an op adds up, or compares, more elements than the one it computes. */
function combines(op: Op): boolean {
  const { form } = rowOf(op.op);
  return isReduction(op) || form === "scatter" || form === "contraction";
}

/** Whether an op's result is made in loops of its own and stored, not computed where it is used. */
export function storesItsResult(op: Op, machine: Machine): boolean {
  if (!combines(op) || ownsResultsOnly(machine)) return false;
  return rowOf(op.op).form !== "contraction" || blocksProducts(machine);
}

/**
 * @param exported values stored anyway, because something outside the kernel reads them
 */
export function stages(
  ops: readonly Op[],
  defs: ReadonlyMap<Value, Op>,
  exported: ReadonlySet<Value>,
  machine: Machine,
): StagePlan {
  const inside = new Set(ops.flatMap((op) => op.results));
  const stored = new Set<Value>();
  const stageOf = new Map<Value, number>();
  const cost = new Map<Value, number>();
  /** How many values stand in a row behind this one that are computed where it is. */
  const length = new Map<Value, number>();
  const isStored = (v: Value): boolean => stored.has(v) || exported.has(v);

  /** The first stage in which `v` can be read; with `whole`, elements other than one's own, so it must be stored. */
  const available = (v: Value, whole: boolean): number => {
    if (inside.has(v)) {
      const op = defs.get(v)!;
      const at = stageOf.get(v)!;
      if (storesItsResult(op, machine)) return at + 1;
      if (!whole && length.get(v)! < LONGEST) return at;
      stored.add(v);
      return at + 1;
    }
    const op = defs.get(v);
    if (!op || !isView(op)) return 0;
    const ofOthers = op.op === "concat" || op.op === "pivot" || op.op === "pivots";
    return Math.max(0, ...op.operands.map((o) => available(o, whole || ofOthers)));
  };
  /** The flops it takes to have `v` where it is used. */
  const price = (v: Value): number => {
    if (inside.has(v)) {
      const op = defs.get(v)!;
      const isInline = isElementwise(op.op) || (combines(op) && !storesItsResult(op, machine));
      return isStored(v) || !isInline ? 0 : cost.get(v)!;
    }
    const op = defs.get(v);
    return op && isView(op) ? op.operands.reduce((n, o) => n + price(o), 0) : 0;
  };
  /** The longest row of values behind `v` that are computed where it is used, in stage `at`: what is stored before is loaded. */
  const row = (v: Value, at: number): number => {
    if (inside.has(v)) {
      const isLoaded = isStored(v) && stageOf.get(v)! < at;
      return isLoaded || !isElementwise(defs.get(v)!.op) ? 0 : length.get(v)!;
    }
    const op = defs.get(v);
    return op && isView(op) ? Math.max(0, ...op.operands.map((o) => row(o, at))) : 0;
  };
  /** Values inside that `v` reads through views. */
  const direct = (v: Value): readonly Value[] => {
    if (inside.has(v)) return [v];
    const op = defs.get(v);
    return op && isView(op) ? op.operands.flatMap(direct) : [];
  };

  /**
   * The first stage in which nothing dear behind `v` would be computed again: what is stored must have been. `known` has what was
   * asked before: values meet again along more paths than can be walked.
   */
  const settled = (v: Value, known = new Map<Value, number>()): number => {
    const found = known.get(v) ?? settledAnew(v, known);
    known.set(v, found);
    return found;
  };
  const settledAnew = (v: Value, known: Map<Value, number>): number => {
    const op = defs.get(v);
    const behind = (): number => Math.max(0, ...op!.operands.map((o) => settled(o, known)));
    // What other kernels have made stands ready.
    if (!inside.has(v)) return op && isView(op) ? behind() : 0;
    const at = stageOf.get(v)!;
    if (isStored(v) && cost.get(v)! > CHEAP) return at + 1;
    return isElementwise(op!.op) ? Math.max(at, behind()) : at;
  };

  const smaller = (v: Value, than: Value): boolean =>
    (than.type.batch && !v.type.batch) ||
    (than.type.time && !v.type.time) ||
    v.type.shape.length < than.type.shape.length;

  for (const op of ops) {
    let at = 0;
    for (const v of op.operands) {
      // What belongs to a column is not computed again for each example, nor what belongs to a step for each feature.
      const once = direct(v).some((s) => smaller(s, op.results[0]) && cost.get(s)! > CHEAP);
      // To find the position of the largest, each is compared again.
      let dear = once || readsElsewhere(op) || rowOf(op.op).combines === "position";
      if (isReduction(op)) dear ||= direct(v).some((s) => price(s) > CHEAP || exported.has(s));
      at = Math.max(at, available(v, dear && direct(v).length > 0));
      if (isReduction(op) && !dear) at = Math.max(at, settled(v));
    }
    const flops = isElementwise(op.op) ? elementwise[op.op].flops : op.op === "dot" ? PRODUCT : 0;
    for (const r of op.results) {
      stageOf.set(r, at);
      cost.set(r, flops + op.operands.reduce((n, v) => n + price(v), 0));
      length.set(r, 1 + Math.max(0, ...op.operands.map((v) => row(v, at))));
    }
  }
  // What a later stage uses is stored unless recomputing it there is cheap.
  for (const op of ops) {
    for (const v of op.operands.flatMap(direct)) {
      const source = defs.get(v)!;
      if (isReduction(source) || isStored(v)) continue;
      const dearDot = source.op === "dot";
      if (stageOf.get(v)! < stageOf.get(op.results[0])! && (dearDot || cost.get(v)! > CHEAP)) stored.add(v);
    }
  }
  const byStage: Op[][] = [];
  for (const op of ops) {
    const at = stageOf.get(op.results[0])!;
    byStage[at] ??= [];
    byStage[at].push(op);
  }
  return { stages: Array.from(byStage, (s) => s ?? []), stored };
}
