/**
 * Fusion: groups ops into kernels. One question decides: does a workgroup own every element that an op of the kernel reduces over?
 *
 * - `column`: it owns some features for the whole batch: sums over examples are local. Also for a whole sequence (`steps`), where
 *   sums over time are local, too.
 * - `row`: it owns some examples with all their features: sums over features and products are local.
 * - `element`: it owns single elements: no reductions, only products with what other kernels computed.
 * - `part`: it owns some features of one part of the batch: sums over that part are local.
 * - `whole`: it owns everything.
 *
 * A kernel starts with every owner that its first op allows. Each op that joins may narrow them, and an op that would leave none
 * starts a new kernel.
 */
import { InternalError } from "../diagnostics/internal-error.ts";
import * as dim from "../ir/dim.ts";
import type { Along } from "../ir/ops/row.ts";
import { axesOf, isView, rowOf } from "../ir/ops.ts";
import { sameShape } from "../ir/type.ts";
import type { Op, OpOf, Type, Value } from "../ir/types.ts";
import { type Machine, ownsResultsOnly } from "../machine.ts";
import { type GroupedBlock, kernelLimits } from "./kernel-limits.ts";
import { looksAlongTime, readsElsewhere, sources } from "./reads.ts";
import { isReduction } from "./stages.ts";

export type Owner = "column" | "steps" | "row" | "element" | "part" | "whole";

export interface FusionGroup {
  readonly ops: Op[];
  /** The owners still possible, best first. */
  owners: readonly Owner[];
  /** The space its kernels run over: that of the op with most axes. */
  space: Type;
}

interface Demand {
  readonly owners: readonly Owner[];
  /** The space of the loops it needs: its result's, or its operand's if it reduces. */
  readonly space: Type;
}

/** The demand of an op that computes each element of `y` on its own. */
function pointwise(y: Type): Demand {
  const column: readonly Owner[] = y.shape.length > 0 ? ["column", "steps"] : [];
  const row: readonly Owner[] = y.batch ? ["row", "part"] : ["part"];
  // A single scalar is cheapest beside its producer.
  return {
    owners: y.shape.length === 0 && !y.batch && !y.time ? ["whole"] : ["element", ...column, ...row, "whole"],
    space: y,
  };
}

/** The demand of an op on the kernel it joins. */
function demand(op: Op, machine: Machine): Demand {
  const asked = demandOfOwner(op);
  return ownsResultsOnly(machine) ? { owners: ["element"], space: op.results[0].type } : asked;
}

/** The demand of an op on a machine whose kernels may own as much as the op reduces over. */
function demandOfOwner(op: Op): Demand {
  const y = op.results[0].type;
  const { form } = rowOf(op.op);
  switch (form) {
    case "point":
      // In one kernel with its reversed operand, a product could be distributed by examples only.
      return looksAlongTime(op) ? { owners: ["element", "whole"], space: y } : pointwise(y);
    case "reduction":
      return reducing(op);
    case "partial":
      return { owners: ["part"], space: op.operands[0].type };
    case "contraction":
      if (!y.batch) return { owners: ["element", "whole"], space: y };
      return {
        owners: y.shape.length > 0 ? ["element", "column", "row", "part", "whole"] : ["row", "element", "whole"],
        space: y,
      };
    case "scatter":
      return { owners: ["element", "whole"], space: y };
    case "view":
    case "loop":
    case "expanded":
      throw new InternalError(`${op.op} cannot be scheduled`);
    default:
      throw new InternalError(`${op.op} cannot be scheduled as ${form satisfies never}`);
  }
}

function reducing(op: Op): Demand {
  const from = op.operands[0].type;
  const [axes] = axesOf(op);
  const batch = axes.batch === "reduce" && from.batch;
  const time = axes.time === "reduce" && from.time;
  const features = axes.features.some((along, i) => along === "reduce" && !dim.isOne(from.shape[i]));
  if (!features && from.shape.length > 0) {
    if (time) return { owners: ["steps", "whole"], space: from };
    if (batch) return { owners: ["column", "steps", "whole"], space: from };
    // Along unit axes there is nothing to add up.
    return pointwise(op.results[0].type);
  }
  if (!batch && !time && from.batch) return { owners: ["row", "whole"], space: from };
  return { owners: ["whole"], space: from };
}

/** The number of parts in which a kernel of these ops takes the batch, if it does. */
export function partsOf(ops: readonly Op[]): number | undefined {
  return ops.find((op) => op.op === "partial")?.attrs.parts;
}

/** Whether a value of type `t` fits the loops of a kernel over `space` that `owner` owns, the batch in `parts`. */
function fits(owner: Owner, t: Type, space: Type, parts: number | undefined): boolean {
  switch (owner) {
    case "part": {
      if (t.time !== space.time) return false;
      if (t.batch) return sameShape(t.shape, space.shape);
      const [first, ...rest] = t.shape;
      return (
        parts !== undefined && first !== undefined && dim.asNumber(first) === parts && sameShape(rest, space.shape)
      );
    }
    case "element":
      return t.time === space.time && t.batch === space.batch && sameShape(t.shape, space.shape);
    case "column":
      return t.time === space.time && sameShape(t.shape, space.shape);
    case "steps":
      return sameShape(t.shape, space.shape);
    case "row":
      return t.time === space.time && t.batch;
    case "whole":
      return true;
  }
}

/** Whether `op`, in a kernel of `owner`, may read what the same kernel computes, `inside`. */
function mayRead(owner: Owner, op: Op, inside: ReadonlySet<Value>, defs: ReadonlyMap<Value, Op>): boolean {
  const internal = (v: Value): boolean => sources(v, defs).some((s) => inside.has(s));
  if (owner === "whole") return true;
  // Only a workgroup that owns everything owns the step at the other end.
  if (looksAlongTime(op)) return !op.operands.some(internal);
  // Elements of other workgroups are out of reach: no product, gather or shifted view of what this kernel computes.
  if (readsElsewhere(op)) {
    if (owner !== "row") return !op.operands.some(internal);
    return op.operands.every((v) => !internal(v) || v.type.batch);
  }
  const isOwn = (v: Value): boolean =>
    isLocal(owner, v, defs, inside) &&
    (owner !== "element" ||
      !isReduction(op) ||
      sources(v, defs).every((s) => !inside.has(s) || staysInPlace(op, s.type)));
  return op.operands.every((v) => !internal(v) || isOwn(v));
}

/** Whether a value that is broadcast to a reduction's operand has none of the axes that are reduced. */
function staysInPlace(op: Op, t: Type): boolean {
  const from = op.operands[0].type;
  const [axes] = axesOf(op);
  const lead = from.shape.length - t.shape.length;
  return (
    !(axes.batch === "reduce" && t.batch) &&
    !(axes.time === "reduce" && t.time) &&
    axes.features.every((along, i) => along !== "reduce" || i < lead || dim.isOne(t.shape[i - lead]))
  );
}

/** Whether a workgroup that owns as `owner` can run `op` in one kernel with the ops that compute `inside`. */
export const mayOwn = (
  owner: Owner,
  op: Op,
  inside: ReadonlySet<Value>,
  { defs, machine }: Pick<GroupedBlock, "defs" | "machine">,
): boolean => demand(op, machine).owners.includes(owner) && mayRead(owner, op, inside, defs);

/** Whether views between a consumer and what its kernel computes stay within what a workgroup owns. */
function isLocal(owner: Owner, v: Value, defs: ReadonlyMap<Value, Op>, inside: ReadonlySet<Value>): boolean {
  const op = defs.get(v);
  if (!op || !isView(op) || inside.has(v)) return true;
  if (op.inPlace) return op.operands.every((o) => isLocal(owner, o, defs, inside));
  if (isPivot(op)) return ownsPivot(owner, op) && isLocal(owner, op.operands[0], defs, inside);
  if (op.op === "broadcast" || op.op === "put") return op.operands.every((o) => isLocal(owner, o, defs, inside));
  // Other views move elements between features, examples or steps.
  const stays = (along: Along): boolean => along === "parallel" || along === "broadcast";
  if (owner === "row" && axesOf(op).every(({ batch, time }) => stays(batch) && stays(time)))
    return op.operands.every((o) => isLocal(owner, o, defs, inside));
  return sources(v, defs).every((s) => !inside.has(s));
}

export const isPivot = (op: Op): op is OpOf<"pivot"> | OpOf<"pivots"> => op.op === "pivot" || op.op === "pivots";

/** Whether a workgroup owns the pivot that it reads: the first element along the axes. */
export function ownsPivot(owner: Owner, op: OpOf<"pivot"> | OpOf<"pivots">): boolean {
  if (op.op === "pivots") return owner === "part";
  const { batch, time, features } = op.attrs.axes;
  switch (owner) {
    case "column":
      return !time && features.length === 0;
    case "steps":
      return features.length === 0;
    case "row":
      return !batch && !time;
    case "element":
    case "part":
      return false;
    case "whole":
      return true;
  }
}

export interface Grouping {
  readonly groups: readonly (FusionGroup | { readonly scan: Op })[];
}

/**
 * Groups the ops of one block, in order; a scan is on its own. Ops that compute a value of `last` go after all others, in kernels
 * of their own. Every group fits in one kernel of the machine; throws an InternalError for an op that does not.
 */
export function fuse(block: GroupedBlock, last: ReadonlySet<Value> = new Set()): Grouping {
  const { ops, defs, machine } = block;
  const refusal = kernelLimits(block);
  const groups: (FusionGroup | { readonly scan: Op })[] = [];
  const placed = new Map<Value, number>();
  const made: Set<Value>[] = [];
  const waits = (op: Op): boolean => op.results.some((v) => last.has(v));
  const inOrder = last.size === 0 ? ops : [...ops.filter((op) => !waits(op)), ...ops.filter(waits)];
  let others: number | undefined;
  for (const op of inOrder) {
    if (waits(op)) others ??= groups.length;
    if (op.op === "scan") {
      groups.push({ scan: op });
      made.push(new Set());
      for (const r of op.results) placed.set(r, groups.length - 1);
      continue;
    }
    if (isView(op)) continue;
    const need = demand(op, machine);
    // A copy only materialises a value, such as a loop's initial state. Before an earlier loop, its buffer would be live during all
    // of that loop.
    const afterLoops = op.op === "copy" ? groups.findLastIndex((g) => "scan" in g) + 1 : 0;
    const from = op.operands.flatMap((v) => groupsRead(v, defs, placed));
    const earliest = Math.max(afterLoops, others ?? 0, ...from);
    let at = groups.length - 1;
    let owners: readonly Owner[] = [];
    for (; at >= earliest; at--) {
      const candidate = groups[at];
      if ("scan" in candidate) continue;
      owners = joined(candidate, op, need, block, made[at], from.includes(at));
      if (owners.length > 0 && refusal([...candidate.ops, op]) === undefined) break;
    }
    if (at < earliest) {
      const refused = refusal([op]);
      if (refused !== undefined) throw new InternalError(`${op.op} cannot be a kernel: ${refused}`);
      const alone = need.owners.filter((owner) => fits(owner, spaceOf(op, owner, machine), need.space, partsOf([op])));
      groups.push({ ops: [op], owners: alone, space: need.space });
      made.push(new Set(op.results));
      for (const r of op.results) placed.set(r, groups.length - 1);
      continue;
    }
    const target = groups[at] as FusionGroup;
    target.ops.push(op);
    target.owners = owners;
    if (volume(need.space) > volume(target.space)) target.space = need.space;
    for (const r of op.results) {
      made[at].add(r);
      placed.set(r, at);
    }
  }
  return { groups };
}

/** The groups that compute what `v` reads, scans included. */
function groupsRead(v: Value, defs: ReadonlyMap<Value, Op>, placed: ReadonlyMap<Value, number>): readonly number[] {
  const direct = placed.get(v);
  if (direct !== undefined) return [direct];
  const op = defs.get(v);
  return op && isView(op) ? op.operands.flatMap((o) => groupsRead(o, defs, placed)) : [];
}

const volume = (t: Type): number => (t.time ? 4 : 0) + (t.batch ? 2 : 0) + (t.shape.length > 0 ? 1 : 0);

/** The owners left when `op` joins `group`. If there are none, it cannot join. */
function joined(
  group: FusionGroup,
  op: Op,
  need: Demand,
  { defs, machine }: GroupedBlock,
  made: ReadonlySet<Value>,
  reads: boolean,
): readonly Owner[] {
  const grows = volume(need.space) > volume(group.space);
  const space = grows ? need.space : group.space;
  const parts = partsOf(group.ops) ?? partsOf([op]);
  const left = group.owners.filter(
    (owner) =>
      need.owners.includes(owner) &&
      // One workgroup for everything is a last resort: only ops that demand it share it.
      (owner !== "whole" || (need.owners[0] === "whole" && group.owners[0] === "whole")) &&
      (owner !== "steps" || !narrows(group, need, reads)) &&
      fits(owner, need.space, space, parts) &&
      fits(owner, op.results[0].type, owner === "row" || owner === "element" ? op.results[0].type : space, parts) &&
      // The ops already in the group must fit the larger space.
      (!grows || group.ops.every((o) => fits(owner, spaceOf(o, owner, machine), space, parts))) &&
      mayRead(owner, op, made, defs),
  );
  // A workgroup takes all steps only for an op that sums over them: other ops would wait for it without need.
  return left[0] === "steps" && need.owners[0] !== "steps" && group.owners[0] !== "steps" ? [] : left;
}

/**
 * Whether a small sum over steps would make each workgroup of a kernel over examples sweep the whole sequence, pass after pass: one
 * step fits in the cache, all steps do not. The sum reads little, so it gets a kernel of its own, together with its readers.
 */
function narrows(group: FusionGroup, need: Demand, reads: boolean): boolean {
  const isSmall = ({ space, owners }: FusionGroup | Demand): boolean => !space.batch && !owners.includes("column");
  const overExamples = ({ space, owners }: FusionGroup | Demand): boolean => space.batch && owners.includes("column");
  if (isSmall(group)) return overExamples(need) || (!reads && need.owners.includes("column"));
  return isSmall(need) && overExamples(group);
}

/** The space in which an op of a group must fit: for a reduction, that of its operand. */
function spaceOf(op: Op, owner: Owner, machine: Machine): Type {
  const need = demand(op, machine).space;
  return owner === "row" && !need.batch ? op.results[0].type : need;
}
