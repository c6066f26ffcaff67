/** What a rule of the algebra is, and what rules ask about values. */
import { inferTypes } from "../ir/ops.ts";
import type { Op, OpName, OpOf, Type, Value } from "../ir/types.ts";
import type { SimplifyingBuilder } from "./simplify.ts";

/** An op about to be built: no results yet. */
export type NewOp = { [K in Exclude<OpName, "scan">]: Pick<OpOf<K>, "op" | "operands" | "attrs"> }[Exclude<
  OpName,
  "scan"
>];
export interface Rule {
  /** The ops that it may rewrite: it is tried on no other. */
  readonly on: readonly NewOp["op"][];
  rewrite(b: SimplifyingBuilder, op: NewOp): readonly Value[] | undefined;
}

export const rule = <K extends NewOp["op"]>(
  on: readonly K[],
  rewrite: (b: SimplifyingBuilder, op: Extract<NewOp, { readonly op: K }>) => readonly Value[] | undefined,
): Rule => ({ on, rewrite });

export function defined<K extends OpName>(b: SimplifyingBuilder, v: Value, kind: K): OpOf<K> | undefined {
  const op: Op | undefined = b.definition(v);
  return op?.op === kind ? (op as OpOf<K>) : undefined;
}

/** The value before broadcasts. */
export function bare(b: SimplifyingBuilder, v: Value): Value {
  const op = defined(b, v, "broadcast");
  return op ? bare(b, op.operands[0]) : v;
}

/** The number that every element of `v` equals, if that is known. */
export function uniform(b: SimplifyingBuilder, v: Value): number | undefined {
  const op = defined(b, bare(b, v), "const");
  return op && op.attrs.dims.length === 0 ? op.attrs.value : undefined;
}

export const typeOf = (op: NewOp): Type =>
  inferTypes(
    op.op,
    op.operands.map((v) => v.type),
    op.attrs as never,
  )[0];
