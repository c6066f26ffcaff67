/**
 * The whole op table. To add an op, add a row to a file of `ops/`, and its name, with its attributes if it has any, to `types.ts`.
 *
 * Whatever needs to know something about ops in general asks their rows here. An op without a row is an internal error.
 */

import { InternalError } from "../diagnostics/internal-error.ts";
import * as dim from "./dim.ts";
import { elementwise } from "./ops/elementwise.ts";
import type { Iteration, Row, StructuralRow } from "./ops/row.ts";
import { special } from "./ops/special.ts";
import { structural } from "./ops/structural.ts";
import type { Range } from "./range.ts";
import { ShapeError } from "./type.ts";
import type { Op, OpAttrs, OpName, StructuralOp, Type, Value } from "./types.ts";

const rows: { readonly [K in OpName]: Row<OpAttrs[K]> } = { ...elementwise, ...structural, ...special };

/** For lookups by names that need not be ops. */
const table: ReadonlyMap<string, unknown> = new Map(Object.entries(rows));

/** Whether the table has a row for an op of this name. */
export const isOp = (name: string): name is OpName => table.has(name);

/** An op's row. Throws `InternalError` if there is none. */
export function rowOf<K extends OpName>(op: K): Row<OpAttrs[K]> {
  const row = table.get(op);
  if (row === undefined) throw new InternalError(`the op table has no row for ${op}`);
  return row as Row<OpAttrs[K]>;
}

/** The row of an op that is neither elementwise nor special. */
export function structuralRow<K extends StructuralOp>(op: K): StructuralRow<K> {
  return rowOf(op) as StructuralRow<K>;
}

/** The types of an op's results. Throws `ShapeError` when the operands do not fit. */
export function inferTypes<K extends Exclude<OpName, "scan">>(
  op: K,
  x: readonly Type[],
  attrs: OpAttrs[K],
): readonly Type[] {
  const { operands, infer } = rowOf(op);
  if (operands === "many" ? x.length === 0 : x.length !== operands.length)
    throw new ShapeError(`${op} takes ${operands === "many" ? "some" : operands.length} values, not ${x.length}`);
  return infer(x, attrs);
}

/** Asked of the same ops again and again. */
const axesOfOps = new WeakMap<Op, readonly Iteration[]>();

/** How the results of an op (not a scan) depend on each of its operands. `types`: the operands' types, by default their own. */
export function axesOf(op: Op, types?: readonly Type[]): readonly Iteration[] {
  const axes = (of: readonly Type[]): readonly Iteration[] => rowOf(op.op).axes(of, op.attrs as never);
  if (types !== undefined) return axes(types);
  const known = axesOfOps.get(op) ?? axes(op.operands.map((v) => v.type));
  axesOfOps.set(op, known);
  return known;
}

/**
 * The range of the results of an op (not a scan), all of which have the same. `of` gives the operands' ranges, `defines` their ops.
 */
export function rangeOf(op: Op, of: (v: Value) => Range, defines: (v: Value) => Op | undefined): Range {
  return rowOf(op.op).range(op.operands.map(of), { attrs: op.attrs as never, operands: op.operands, defines });
}

/** The dimensions in an op's attributes: `batch`, `time`, and named ones. */
export function extentsIn(op: Op): ReadonlySet<string> {
  const names = new Set<string>();
  const extent = (text: string): void => dim.names(dim.parse(text)).forEach((name) => void names.add(name));
  rowOf(op.op).attributes.replace(op.attrs as never, { extent });
  return names;
}

/** Ops without code of their own: they only change how other values are read, or are computed where they are read. */
export const isView = (op: Op): boolean => op.inPlace === true || rowOf(op.op).form === "view";
