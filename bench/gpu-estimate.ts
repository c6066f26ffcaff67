/**
 * What dispatches would take on a GPU by its published figures: a roofline a core, with waves of workgroups, and a cost for each dispatch
 * and each barrier. It is an estimate and a lower bound in most: nothing is lost to conflicts, latency of loads, or lanes that have nothing to do.
 *
 *     cycles = max(flops / 256, floats of workgroup memory / 32, floats of storage / 16)        of a workgroup on its core
 *     core   = ⌈workgroups / cores⌉ · cycles / GHz + waits    workgroups on a core wait at the same time
 *     waits  = barriers of workgroup memory · 0.03 µs + barriers of storage · 0.6 µs
 *     time   = times · (dispatch + max(core, bytes / bandwidth))
 */
import {
  BARRIER,
  FLOPS_A_CYCLE,
  type GpuDevice,
  REGION_FLOATS_A_CYCLE,
  TILE_BARRIER,
  TILE_FLOATS_A_CYCLE,
} from "./gpu-devices.ts";
import type { Dispatched } from "./gpu-work.ts";

/** What a dispatch waits for most. */
export type Bound = "dispatches" | "arithmetic" | "workgroup memory" | "cache" | "barriers" | "memory";

export interface Estimate {
  /** µs of all times that it runs. */
  readonly microseconds: number;
  readonly bound: Bound;
  /** Part of the cores that have a workgroup. */
  readonly busy: number;
}

export function estimateOf(work: Dispatched, device: GpuDevice): Estimate {
  const { times, groups, flops, tileFloats, regionFloats, tileBarriers, barriers, bytes } = work;
  const waves = Math.ceil(groups / device.cores);
  // 10⁹ cycles a second are 1000 a µs.
  const cycles = (n: number): number => (waves * n) / (device.gigahertz * 1000);
  const [busiest, core] = largest<Bound>([
    ["arithmetic", cycles(flops / FLOPS_A_CYCLE)],
    ["workgroup memory", cycles(tileFloats / TILE_FLOATS_A_CYCLE)],
    ["cache", cycles(regionFloats / REGION_FLOATS_A_CYCLE)],
  ]);
  const waiting = tileBarriers * TILE_BARRIER + barriers * BARRIER;
  // 10⁹ bytes a second are 1000 a µs.
  const memory = bytes / (device.gigabytes * 1000);
  const [bound] = largest<Bound>([
    ["dispatches", device.dispatch],
    [busiest, core],
    ["barriers", waiting],
    ["memory", memory],
  ]);
  return {
    microseconds: times * (device.dispatch + Math.max(core + waiting, memory)),
    bound,
    busy: Math.min(1, groups / device.cores),
  };
}

const largest = <T>(parts: readonly (readonly [T, number])[]): readonly [T, number] =>
  parts.reduce((a, b) => (b[1] > a[1] ? b : a));

/** All of a run. */
export interface RunEstimate {
  readonly milliseconds: number;
  /** What bounds it: what the dispatches with most of the time wait for. */
  readonly bound: Bound;
  /** Of the dispatch that takes most of the time. */
  readonly busy: number;
  /** Part of the time that is the dispatches themselves. */
  readonly dispatching: number;
}

export function estimateRun(dispatches: readonly Dispatched[], device: GpuDevice): RunEstimate {
  const estimates = dispatches.map((work) => estimateOf(work, device));
  const total = estimates.reduce((sum, { microseconds }) => sum + microseconds, 0);
  const count = dispatches.reduce((sum, { times }) => sum + times, 0);
  const shares = new Map<Bound, number>();
  for (const { bound, microseconds } of estimates) shares.set(bound, (shares.get(bound) ?? 0) + microseconds);
  const longest = estimates.reduce((a, b) => (b.microseconds > a.microseconds ? b : a));
  return {
    milliseconds: total / 1000,
    bound: largest([...shares])[0],
    busy: longest.busy,
    dispatching: (count * device.dispatch) / total,
  };
}
