/** The op table, whole. Adding an op is adding a row to `elementwise.ts` or `structural.ts` (and its attributes to `types.ts`). */
import { elementwise, isElementwise } from "./elementwise.ts";
import { type StructuralRow, structural } from "./structural.ts";
import { broadcastTypes, ShapeError } from "./type.ts";
import type { OpAttrs, OpName, Type } from "./types.ts";

export type StructuralOp = keyof typeof structural;

export function structuralRow<K extends StructuralOp>(op: K): StructuralRow<K> {
  return structural[op] as unknown as StructuralRow<K>;
}

/** The types of an op's results. Throws `ShapeError` when the operands do not fit. */
export function inferTypes<K extends Exclude<OpName, "scan">>(
  op: K,
  x: readonly Type[],
  attrs: OpAttrs[K],
): readonly Type[] {
  if (op === "leaf") return [(attrs as OpAttrs["leaf"]).type];
  if (isElementwise(op)) {
    const { arity } = elementwise[op];
    if (x.length !== arity) throw new ShapeError(`${op} takes ${arity} values, not ${x.length}`);
    return [broadcastTypes(x)];
  }
  return structuralRow(op as StructuralOp).infer(x, attrs as never);
}
