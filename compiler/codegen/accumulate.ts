/** The serial part of a reduction: an accumulator for each op, and loops that add the elements of its operand to it. */

import { InternalError } from "../diagnostics/internal-error.ts";
import type { Axes, Op, Type, Value } from "../ir/types.ts";
import * as x from "../kernel-ir/expr.ts";
import type { KExpr, KStmt } from "../kernel-ir/types.ts";
import type { Machine } from "../machine.ts";
import { Evaluation, type Scope, type Surroundings } from "./elementwise.ts";
import type { OwnedAxis } from "./loop-nest.ts";
import { inBlocks, nest, type Variable } from "./loops.ts";
import type { Partials } from "./partials.ts";
import { type Point, type PointAxis, withIndex } from "./point.ts";

/** Reductions that share loops where they run over the same axes. */
export type Reduction = Extract<Op, { op: "sum" | "maximum" | "partial" }>;

/** The axes that a reduction removes. Of the batch, `partial` removes the part that its workgroup owns. */
export const removedBy = (op: Reduction): Axes =>
  op.op === "partial" ? { batch: true, time: false, features: [], keep: false } : op.attrs.axes;

/** What the loops of a reduction must know of the kernel they stand in. */
export interface LoopSite {
  readonly scope: Scope;
}

/** What a reduction must know of the kernel it stands in. */
export interface ReductionSite extends LoopSite {
  readonly machine: Machine;
  /** The step of values with `time`, if each workgroup has a single step. */
  readonly step: KExpr | undefined;
  /** The part of the batch that the workgroup owns, where the batch is split. */
  readonly part: KExpr | undefined;
  /** The axes of a space, with the part of each that the workgroup owns. */
  axes(space: Type): readonly OwnedAxis[];
  /** Statements that store the value of `v` at `p` in each of its places. */
  store(v: Value, p: Point, value: KExpr): readonly KStmt[];
  /** Workgroup memory for the lanes' partial results. */
  readonly partials: Partials;
}

/** Below every finite f32. */
export const LOWEST = -3.4028234663852886e38;

/** How a reduction combines two elements. */
export const combinerOf = (op: Op): "max" | "add" => (op.op === "maximum" ? "max" : "add");

/** The point of a reduction's result that belongs to a point of its operand's space. */
export function resultPoint(site: ReductionSite, op: Reduction, p: Point): Point {
  if (op.op === "partial") return { ...p, f: [site.part!, ...p.f] };
  const { features, keep } = op.attrs.axes;
  return { ...p, f: keep ? p.f : p.f.filter((_, i) => !features.includes(i)) };
}

/** Declares, in `into`, what the elements of `op`'s operand are added to. */
export function accumulator(site: LoopSite, op: Op, width: 1 | 4, into: KStmt[]): Variable {
  const name = site.scope.name(op.results[0].name || op.op);
  const start = x.float(op.op === "maximum" ? LOWEST : 0);
  const type = width === 4 ? "f32x4" : "f32";
  into.push({ s: "var", name, type, value: width === 4 ? { k: "splat", a: start } : start });
  return { k: "var", name, type };
}

/** `total = total ⊕ value`, as `op` combines them. */
export function combine(op: Op, { name, type }: Variable, value: KExpr): KStmt {
  if (type !== "f32" && type !== "f32x4") throw new InternalError(`a reduction's accumulator is of type ${type}`);
  const total = x.variable(name, type);
  return { s: "assign", name, type, value: { k: "math", op: combinerOf(op), type, args: [total, value] } };
}

/**
 * Loops over `axes` that add each op's operand, around the point `p`, to its total. With `vectors` the last axis, a feature axis
 * of four elements at least, is run four at a time.
 */
export function accumulate(
  site: LoopSite,
  ops: readonly Op[],
  totals: readonly Variable[],
  axes: readonly OwnedAxis[],
  p: Point,
  vectors: boolean,
): readonly KStmt[] {
  const before = new Evaluation(site.scope);
  const loops = accumulateIn(before, site, ops, totals, axes, p, vectors);
  return [...before.statements, ...loops];
}

/** The loops alone: loop-invariant values are computed in `before`, and go before them. */
export function accumulateIn(
  before: Evaluation,
  site: LoopSite,
  ops: readonly Op[],
  totals: readonly Variable[],
  axes: readonly OwnedAxis[],
  p: Point,
  vectors: boolean,
): readonly KStmt[] {
  const outer = vectors ? axes.slice(0, -1) : axes;
  const headers = outer.map(({ axis, from, to }) => ({ hint: hint(axis), from, to }));
  return nest(site.scope.name, headers, (indices) => {
    const q = outer.reduce((point, { axis }, i) => withIndex(point, axis, indices[i]), p);
    const around: Surroundings = { evaluation: before, loops: indices.map(({ name }) => name) };
    return vectors
      ? accumulateVectors(site, ops, totals, axes[axes.length - 1], q, around)
      : addElement(site, ops, totals, q, around);
  });
}

const hint = (axis: PointAxis): string => (axis === "t" ? "s" : axis === "b" ? "n" : "k");

/** Adds each op's operand at `p` to its total. */
function addElement(
  site: LoopSite,
  ops: readonly Op[],
  totals: readonly Variable[],
  p: Point,
  around: Surroundings,
): readonly KStmt[] {
  const evaluation = new Evaluation(site.scope, around);
  ops.forEach((op, i) => {
    evaluation.statements.push(combine(op, totals[i], evaluation.at(op.operands[0], p)));
  });
  return evaluation.statements;
}

/** Keeps four partial results for each op, combines them at the end, and adds the elements that are left over. */
function accumulateVectors(
  site: LoopSite,
  ops: readonly Op[],
  totals: readonly Variable[],
  { axis, most }: OwnedAxis,
  p: Point,
  around: Surroundings,
): readonly KStmt[] {
  const declared: KStmt[] = [];
  const fours = ops.map((op) => accumulator(site, op, 4, declared));
  const range = { hint: hint(axis), from: x.int(0), to: x.int(most!), most, multiple: most! };
  const [main, ...rest] = inBlocks(site.scope.name, range, [4, 1], (first, size) => {
    const here = { ...withIndex(p, axis, first), width: size === 4 ? 4 : 1 } as const;
    const inside = { ...around, loops: [...around.loops, first.name] };
    return addElement(site, ops, size === 4 ? fours : totals, here, inside);
  });
  const across = ops.map((op, i) => combine(op, totals[i], { k: "across", op: combinerOf(op), a: fours[i] }));
  return [...declared, main, ...across, ...rest];
}
