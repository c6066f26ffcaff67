/** The op table, whole. Adding an op is adding a row to `elementwise.ts` or `structural.ts` (and its attributes to `types.ts`). */
import * as dim from "./dim.ts";
import { elementwise, isElementwise } from "./elementwise.ts";
import { type StructuralRow, structural } from "./structural.ts";
import { broadcastTypes, ShapeError, showType } from "./type.ts";
import type { OpAttrs, OpName, Type } from "./types.ts";

/** The two ops without a row: their meaning is in the interpreter, their derivative in `derive`. */
export const special = {
  leaf: "a value from outside the graph",
  scan: "a body run once per time step",
} satisfies Partial<Record<OpName, string>>;

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
  if (op === "leaf") {
    if (x.length > 0) throw new ShapeError(`a leaf takes no values, not ${x.length}`);
    const { leaf, type } = attrs as OpAttrs["leaf"];
    const below = leaf.kind === "index" ? dim.parse(leaf.size) : undefined;
    if (below === undefined ? type.dtype === "index" : !type.below || !dim.equal(type.below, below))
      throw new ShapeError(`the leaf ${leaf.name} is no ${showType(type)}`);
    return [type];
  }
  if (isElementwise(op)) {
    const { arity } = elementwise[op];
    if (x.length !== arity) throw new ShapeError(`${op} takes ${arity} values, not ${x.length}`);
    return [broadcastTypes(x)];
  }
  const { operands, infer } = structuralRow(op as StructuralOp);
  if (operands === "many" ? x.length === 0 : x.length !== operands.length)
    throw new ShapeError(`${op} takes ${operands === "many" ? "some" : operands.length} values, not ${x.length}`);
  return infer(x, attrs as never);
}
