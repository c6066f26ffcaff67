/**
 * The op table, whole. Adding an op is adding a row to a file of `ops/`, and its name, with its attributes if it has any, to `types.ts`.
 *
 * Whoever wants to know something of ops in general asks their rows here; for what has no row that is an internal error.
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

/** By names that may be anything. */
const table: ReadonlyMap<string, unknown> = new Map(Object.entries(rows));

/** Whether the table has a row for an op of this name. */
export const isOp = (name: string): name is OpName => table.has(name);

/** What is known of an op. Throws `InternalError` where that is nothing. */
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

/** How the results of an op (no scan) depend on each of its operands, of these types if not of their own. */
export function axesOf(op: Op, types: readonly Type[] = op.operands.map((v) => v.type)): readonly Iteration[] {
  return rowOf(op.op).axes(types, op.attrs as never);
}

/** The range of an op's results (no scan), all of which have the same. `of`: those of operands; `defines`: their ops. */
export function rangeOf(op: Op, of: (v: Value) => Range, defines: (v: Value) => Op | undefined): Range {
  return rowOf(op.op).range(op.operands.map(of), { attrs: op.attrs as never, operands: op.operands, defines });
}

/** What the extents in an op's attributes are made of: `batch`, `time`, and names of dimensions. */
export function extentsIn(op: Op): ReadonlySet<string> {
  const names = new Set<string>();
  const extent = (text: string): void => dim.names(dim.parse(text)).forEach((name) => void names.add(name));
  rowOf(op.op).attributes.replace(op.attrs as never, { extent });
  return names;
}

/** Ops without code of their own: they say how other values are read. */
export const isView = (op: Op): boolean => rowOf(op.op).form === "view";
