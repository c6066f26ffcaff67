/**
 * The limits of one kernel of a machine: whether its later stages may load what earlier ones stored, from how many textures it may
 * load, and to how many buffers it may store.
 */
import { isView } from "../ir/ops.ts";
import type { Op, Value } from "../ir/types.ts";
import { joinsInMemory, type Machine } from "../machine.ts";
import { captured } from "../passes/rewrite.ts";
import { loadedFor, sources } from "./reads.ts";
import { stages } from "./stages.ts";

/** The ops of a block that are to be grouped. */
export interface GroupedBlock {
  readonly ops: readonly Op[];
  /** The values that the block yields. */
  readonly results: readonly Value[];
  readonly defs: ReadonlyMap<Value, Op>;
  readonly machine: Machine;
}

/** Why a group of the block's ops cannot be one kernel of the machine; undefined if it can. */
export type KernelLimits = (group: readonly Op[]) => string | undefined;

export function kernelLimits({ ops, results, defs, machine }: GroupedBlock): KernelLimits {
  const { name, barriers, readWrite, outputs, buffers, maxBindings } = machine;
  // All values are in regions: every kernel binds the same few.
  const mostLoaded = buffers === "textures" ? maxBindings : Number.POSITIVE_INFINITY;
  if (barriers && readWrite && outputs === undefined && buffers === "regions") return () => undefined;
  const yielded = new Set(results.flatMap((v) => sources(v, defs)));
  const readers = new Map<Value, Op[]>();
  for (const op of ops) {
    if (isView(op)) continue;
    const read = op.op === "scan" ? [...op.operands, ...captured(op.body!)] : op.operands;
    for (const v of read.flatMap((operand) => sources(operand, defs))) readers.set(v, [...(readers.get(v) ?? []), op]);
  }
  return (group) => {
    const inside = new Set(group);
    const isStored = (v: Value): boolean => yielded.has(v) || (readers.get(v) ?? []).some((op) => !inside.has(op));
    const made = new Set(group.flatMap((op) => op.results));
    const stored = [...made].filter(isStored);
    const read = group.flatMap((op) => op.operands).flatMap((v) => loadedFor(v, defs, joinsInMemory(machine)));
    const loaded = new Set(read.filter((v) => !made.has(v)));
    // What a loop stores step by step may be in two textures, for even and for odd frames.
    const loads = [...loaded].reduce((sum, v) => sum + (defs.get(v)?.op === "scan" ? 2 : 1), 0);
    if (loads > mostLoaded) return `it loads ${loads} values, and a kernel of ${name} binds ${maxBindings}`;
    if (outputs !== undefined && stored.length > outputs.most)
      return `it stores ${stored.length} values, and a kernel of ${name} stores ${outputs.most}`;
    return stageRefusal(stages(group, defs, new Set(stored), machine).stages.length, machine);
  };
}

/** Why a kernel of the machine cannot have so many stages; undefined if it can. */
export function stageRefusal(count: number, { name, barriers, readWrite }: Machine): string | undefined {
  if (count < 2 || (barriers && readWrite)) return undefined;
  const lacks = barriers ? `no kernel of ${name} may load what it stores` : `${name} has no barriers`;
  return `it has ${count} stages, and ${lacks}`;
}
