/**
 * A scan as one kernel (a persistent kernel), with the loop over time inside it: whatever a workgroup needs for a step, it must
 * itself have computed in the steps before. `whole` runs any body, because one workgroup owns everything. `row` runs bodies in
 * which no example depends on another: a workgroup owns some examples with all their features, from the first step to the last.
 * `element` runs elementwise bodies: each lane owns its units of its examples, and nobody waits for anybody. `chunk` runs those that are
 * linear, too, in a few kernels: each lane owns a chunk of the steps of a unit (`chunks.ts`).
 */

import { refusalOfElements } from "../ir/elementwise-loops.ts";
import { axesOf, isView } from "../ir/ops.ts";
import type { Op, OpOf, Type, Value } from "../ir/types.ts";
import { type Machine, ownsResultsOnly } from "../machine.ts";
import { refusalOfChunks } from "./chunks.ts";
import { type FusionGroup, mayOwn } from "./fusion.ts";

/** Who owns the loop: a kernel or a few for each step (`column`), or one for all steps. */
export type LoopOwner = "column" | "row" | "element" | "chunk" | "whole";

export const loopOwners: readonly LoopOwner[] = ["column", "row", "element", "chunk", "whole"];

/** Why `owner` cannot have a loop; undefined if it can. */
export function refusal(
  scan: OpOf<"scan">,
  owner: LoopOwner,
  defs: ReadonlyMap<Value, Op>,
  machine: Machine,
): string | undefined {
  if (owner === "column") return undefined;
  const made = loopKernel(scan, owner, defs, machine);
  return "refused" in made ? made.refused : undefined;
}

/** The one kernel of a scan's body, or why `owner` cannot have it. */
export function loopKernel(
  scan: OpOf<"scan">,
  owner: Exclude<LoopOwner, "column">,
  defs: ReadonlyMap<Value, Op>,
  machine: Machine,
): FusionGroup | { readonly refused: string } {
  const body = scan.body!;
  const { states, reverse } = scan.attrs;
  const ops = body.ops.filter((op) => !isView(op));
  const made = new Set(ops.flatMap((op) => op.results));
  if (ownsResultsOnly(machine) || !machine.barriers || !machine.readWrite)
    return { refused: `no kernel of ${machine.name} can load what it stored in the step before` };
  if (owner === "element" || owner === "chunk") {
    const refused = owner === "element" ? refusalOfElements(scan, defs) : refusalOfChunks(scan, defs, machine);
    return refused === undefined ? { ops, owners: ["element"], space: body.params[0].type } : { refused };
  }
  if (owner === "row") {
    const shared = [...body.params.slice(0, states), ...ops.flatMap((op) => op.results)].find((v) => !v.type.batch);
    const summed = ops.find((op) => combinesExamples(op));
    if (summed) return { refused: `${nameOf(summed, defs, reverse)} is summed over the batch in the loop` };
    if (shared) return { refused: `${shared.name || "a value"} is one for all examples in the loop` };
    const other = ops.find((op) => !mayOwn("row", op, made, { defs, machine }));
    if (other) return { refused: `${nameOf(other, defs, reverse)} reads other examples in the loop` };
  }
  const inParts = ops.find((op) => op.op === "partial");
  if (inParts)
    return { refused: `${nameOf(inParts, defs, reverse)} is summed over parts of the batch, each by a workgroup` };
  return { ops: [...ops], owners: [owner], space: largest(ops) };
}

/** Whether it reads along the batch. */
const combinesExamples = (op: Op): boolean =>
  axesOf(op).some(({ batch }, i) => batch !== "parallel" && op.operands[i].type.batch);

/**
 * A name for the op in messages: that of its result, or of what it is computed from. In a backward loop, a value without a name is
 * an adjoint.
 */
function nameOf(op: Op, defs: ReadonlyMap<Value, Op>, reverse: boolean): string {
  const from = op.operands.flatMap((v) => [v, ...(defs.get(v)?.operands ?? [])]).filter((v) => v.type.batch);
  return [...op.results, ...from].find((v) => v.name !== "")?.name ?? (reverse ? "an adjoint" : "a value");
}

/** The result type with most axes. */
function largest(ops: readonly Op[]): Type {
  const axes = (t: Type): number => (t.batch ? 4 : 0) + t.shape.length;
  return ops.map((op) => op.results[0].type).reduce((a, b) => (axes(b) > axes(a) ? b : a));
}
