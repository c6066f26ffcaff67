/** The derivative of one op, from its row in the op table. */
import { elementwise, isElementwise } from "../ir/ops/elementwise.ts";
import { structuralRow } from "../ir/ops.ts";
import type { Op, OpOf, StructuralOp, Value } from "../ir/types.ts";
import type { Builder } from "./rewrite.ts";

/** Whether a gradient may flow through an op. */
export function hasGradient({ op }: Exclude<Op, OpOf<"scan">>): boolean {
  return op !== "leaf" && (isElementwise(op) ? elementwise[op] : structuralRow(op as StructuralOp)).grad !== "zero";
}

/** The cotangents of an op's operands from those of its results. */
export function gradient(b: Builder, op: Op, dy: readonly (Value | undefined)[]): readonly (Value | undefined)[] {
  if (isElementwise(op.op)) {
    const { grad } = elementwise[op.op];
    return grad === "zero" ? [] : grad(b, { x: op.operands, y: op.results[0], dy: dy[0]! });
  }
  const { grad } = structuralRow(op.op as StructuralOp);
  return grad === "zero" ? [] : grad(b, { x: op.operands, y: op.results, dy, attrs: op.attrs as never });
}
