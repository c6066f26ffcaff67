/** The number of parts in which kernels take a batch, each with a workgroup of its own. */
import { type EntryOptions, scheduleEntries } from "./entries.ts";
import type { Graph } from "./ir/types.ts";
import { lowerable } from "./lower.ts";
import { costOfChosen } from "./partition/loop-strategy.ts";
import type { Target } from "./target.ts";

/** Splits a batch that fills the lanes of more than one workgroup, if its loops are estimated to take less time in parts. */
export function bestParts(graph: Graph, options: EntryOptions, target: Pick<Target, "machine">): number {
  const { batch = 64 } = options;
  const { unit } = target.machine;
  if (unit.kind !== "workgroup" || batch <= unit.invocations) return 1;
  const withLoops = lowerable.filter((entry) => options.entries?.includes(entry) ?? true);
  const cost = (parts: number): number => {
    const { scheduled } = scheduleEntries(graph, { ...options, entries: withLoops, parts, observe: undefined }, target);
    return [...scheduled.values()].flatMap((s) => s.loops).reduce((sum, loop) => sum + costOfChosen(loop), 0);
  };
  const most = Math.ceil(batch / unit.invocations);
  return cost(most) < cost(1) ? most : 1;
}
