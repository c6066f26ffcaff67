/**
 * Divides the ops of one kernel into stages. Ops of one stage do not wait for each other; a barrier separates stages.
 *
 * A reduction's result is available one stage after its operand. An elementwise value is recomputed in every loop that uses it,
 * unless that is expensive: then it is stored once, and later stages load it. What is stored for others is computed in the stage that
 * first uses it, which then need not load it.
 */
import { elementwise, isElementwise } from "../ir/ops/elementwise.ts";
import { isView, rowOf } from "../ir/ops.ts";
import type { Op, Value } from "../ir/types.ts";
import { blocksProducts, type Machine, ownsResultsOnly } from "../machine.ts";
import { readsElsewhere } from "./reads.ts";

/** Recomputing a value of at most so many flops is cheaper than a store, a barrier and a load. */
const CHEAP = 3;
/**
 * The longest chain of elementwise values that are computed where the last of them is used; then one of them is stored. Code
 * generation follows a chain by recursion, and no processor has registers for more.
 */
const LONGEST = 128;
/** The cost of a product that is computed where it is used, however few terms it has: it is never computed twice. */
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

/** Whether each element of an op's result depends on many elements of its operands. */
function combines(op: Op): boolean {
  const { form } = rowOf(op.op);
  return isReduction(op) || form === "scatter" || form === "contraction";
}

/** Whether an op's result is computed in loops of its own and stored, not computed where it is used. */
export function storesItsResult(op: Op, machine: Machine): boolean {
  if (!combines(op) || ownsResultsOnly(machine)) return false;
  return rowOf(op.op).form !== "contraction" || blocksProducts(machine);
}

/** @param exported values that are stored anyway, because something outside the kernel reads them */
export const stages = (
  ops: readonly Op[],
  defs: ReadonlyMap<Value, Op>,
  exported: ReadonlySet<Value>,
  machine: Machine,
): StagePlan => new Stager(ops, defs, exported, machine).run();

class Stager {
  private readonly ops: readonly Op[];
  private readonly defs: ReadonlyMap<Value, Op>;
  private readonly exported: ReadonlySet<Value>;
  private readonly machine: Machine;
  /** What the ops compute. */
  private readonly inside: ReadonlySet<Value>;
  private readonly stored = new Set<Value>();
  private readonly stageOf = new Map<Value, number>();
  /** Flops to compute a value, including the values it depends on that are computed along with it. */
  private readonly cost = new Map<Value, number>();
  /** The length of the longest chain of values that ends in this one and is computed along with it. */
  private readonly length = new Map<Value, number>();

  constructor(ops: readonly Op[], defs: ReadonlyMap<Value, Op>, exported: ReadonlySet<Value>, machine: Machine) {
    this.ops = ops;
    this.defs = defs;
    this.exported = exported;
    this.machine = machine;
    this.inside = new Set(ops.flatMap((op) => op.results));
  }

  run(): StagePlan {
    for (const op of this.ops) this.place(op);
    for (const op of this.ops) this.storeOperands(op);
    if (!ownsResultsOnly(this.machine)) for (const op of this.ops.toReversed()) this.sink(op);
    const byStage: Op[][] = [];
    for (const op of this.ops) {
      const at = this.stageOf.get(op.results[0])!;
      byStage[at] ??= [];
      byStage[at].push(op);
    }
    return { stages: Array.from(byStage, (s) => s ?? []), stored: this.stored };
  }

  /** Moves an elementwise op that could run earlier to the first stage that uses its result. */
  private sink(op: Op): void {
    const [v] = op.results;
    if (!isElementwise(op.op) || !this.isStored(v)) return;
    const own = op.operands.flatMap((o) => this.direct(o));
    if (own.some((o) => !this.isLoaded(o) && this.recomputation(o) > CHEAP)) return;
    const first = this.stageOf.get(v)!;
    // What uses a cheap value in its own stage computes it again in any case.
    const isCheap = this.cost.get(v)! <= CHEAP;
    const needed = this.usesOf(v, false).flatMap(({ at, whole }) =>
      at === first && isCheap ? [] : [whole ? at - 1 : at],
    );
    if (needed.length > 0) this.stageOf.set(v, Math.max(first, Math.min(...needed)));
  }

  /**
   * The stages in which a value is used, also by ops whose own results are computed where they are used; and whether all of it is used
   * there, not only the element at hand. `whole`: whether that is so of what is made of it.
   */
  private usesOf(v: Value, whole: boolean): readonly { readonly at: number; readonly whole: boolean }[] {
    return this.ops.flatMap((user) => {
      const reads = user.operands.filter((o) => this.direct(o).includes(v));
      if (reads.length === 0) return [];
      const ofWhole = whole || !isElementwise(user.op) || reads.some((o) => o !== v);
      const [y] = user.results;
      if (isElementwise(user.op) && !this.isStored(y)) return this.usesOf(y, ofWhole);
      return [{ at: this.stageOf.get(y)!, whole: ofWhole }];
    });
  }

  private isLoaded(v: Value): boolean {
    return this.isStored(v) || storesItsResult(this.defs.get(v)!, this.machine);
  }

  private isStored(v: Value): boolean {
    return this.stored.has(v) || this.exported.has(v);
  }

  /** The view that makes `v`, if one does. */
  private viewOf(v: Value): Op | undefined {
    const op = this.defs.get(v);
    return op && isView(op) ? op : undefined;
  }

  /** The values of this kernel that `v` reads through views. */
  private direct(v: Value): readonly Value[] {
    if (this.inside.has(v)) return [v];
    return this.viewOf(v)?.operands.flatMap((o) => this.direct(o)) ?? [];
  }

  /** Finds the stage of an op: the first in which all of its operands can be read. */
  private place(op: Op): void {
    let at = 0;
    for (const v of op.operands) {
      const read = this.direct(v);
      // A unit that owns its results only reads no others of them: see `fusion.ts`.
      const isExpensive = !ownsResultsOnly(this.machine) && this.mustBeStored(op, read);
      at = Math.max(at, this.available(v, isExpensive && read.length > 0));
      if (isReduction(op) && !isExpensive && !ownsResultsOnly(this.machine))
        at = Math.max(at, this.cheaplyAvailable(v));
    }
    const flops = isElementwise(op.op) ? elementwise[op.op].flops : op.op === "dot" ? PRODUCT : 0;
    for (const r of op.results) {
      this.stageOf.set(r, at);
      this.cost.set(r, flops + op.operands.reduce((n, v) => n + this.recomputation(v), 0));
      this.length.set(r, 1 + Math.max(0, ...op.operands.map((v) => this.chain(v, at))));
    }
  }

  /** Whether `op` reads elements of `read` other than its own, or would compute them too often. */
  private mustBeStored(op: Op, read: readonly Value[]): boolean {
    // What a column shares is not recomputed for each example, nor what a step shares for each feature.
    const [y] = op.results;
    if (read.some((v) => isSmaller(v, y) && this.cost.get(v)! > CHEAP)) return true;
    // Finding the position of the largest compares each element again.
    if (readsElsewhere(op) || rowOf(op.op).combines === "position") return true;
    return isReduction(op) && read.some((v) => this.recomputation(v) > CHEAP || this.exported.has(v));
  }

  /** The first stage in which `v` can be read; with `whole` also elements other than one's own, so that it must be stored. */
  private available(v: Value, whole: boolean): number {
    if (this.inside.has(v)) {
      const at = this.stageOf.get(v)!;
      if (storesItsResult(this.defs.get(v)!, this.machine)) return at + 1;
      if (!whole && this.length.get(v)! < LONGEST) return at;
      this.stored.add(v);
      return at + 1;
    }
    const view = this.viewOf(v);
    if (!view) return 0;
    const ofOthers = view.op === "concat" || view.op === "pivot" || view.op === "pivots";
    return Math.max(0, ...view.operands.map((o) => this.available(o, whole || ofOthers)));
  }

  /**
   * The first stage in which `v` can be computed without recomputing anything expensive: what is stored must have been. `known`
   * memoises the answers, since values meet again along exponentially many paths.
   */
  private cheaplyAvailable(v: Value, known = new Map<Value, number>()): number {
    const found = known.get(v);
    if (found !== undefined) return found;
    const op = this.inside.has(v) ? this.defs.get(v)! : this.viewOf(v);
    const ofOperands = (): number => Math.max(0, ...(op?.operands ?? []).map((o) => this.cheaplyAvailable(o, known)));
    const stage = this.inside.has(v) ? this.cheapStage(v, ofOperands) : ofOperands();
    known.set(v, stage);
    return stage;
  }

  private cheapStage(v: Value, ofOperands: () => number): number {
    const at = this.stageOf.get(v)!;
    if (this.isStored(v) && this.cost.get(v)! > CHEAP) return at + 1;
    return isElementwise(this.defs.get(v)!.op) ? Math.max(at, ofOperands()) : at;
  }

  /** Flops to have `v` where it is used: 0 if it is loaded. */
  private recomputation(v: Value): number {
    if (!this.inside.has(v)) return this.viewOf(v)?.operands.reduce((n, o) => n + this.recomputation(o), 0) ?? 0;
    const op = this.defs.get(v)!;
    const isInline = isElementwise(op.op) || (combines(op) && !storesItsResult(op, this.machine));
    return this.isStored(v) || !isInline ? 0 : this.cost.get(v)!;
  }

  /** The length of the longest chain of values that ends in `v` and is computed where `v` is used, in stage `at`. */
  private chain(v: Value, at: number): number {
    if (!this.inside.has(v)) return Math.max(0, ...(this.viewOf(v)?.operands ?? []).map((o) => this.chain(o, at)));
    const isLoaded = this.isStored(v) && this.stageOf.get(v)! < at;
    return isLoaded || !isElementwise(this.defs.get(v)!.op) ? 0 : this.length.get(v)!;
  }

  /** Stores the operands that come from an earlier stage, unless recomputing them is cheap. */
  private storeOperands(op: Op): void {
    for (const v of op.operands.flatMap((o) => this.direct(o))) {
      const source = this.defs.get(v)!;
      if (isReduction(source) || this.isStored(v)) continue;
      const isExpensive = source.op === "dot" || this.cost.get(v)! > CHEAP;
      if (this.stageOf.get(v)! < this.stageOf.get(op.results[0])! && isExpensive) this.stored.add(v);
    }
  }
}

/** Whether a value has an axis less than another. */
const isSmaller = (v: Value, than: Value): boolean =>
  (than.type.batch && !v.type.batch) ||
  (than.type.time && !v.type.time) ||
  v.type.shape.length < than.type.shape.length;
