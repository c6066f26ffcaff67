/**
 * Cost model: estimates the time of a loop's schedule from counts of its kernels and a machine's rates. Good enough to choose
 * between one dispatch per step and one for all, but no prediction of a time.
 *
 *     a kernel = dispatch + rounds × (the larger of arithmetic and memory + barriers)
 *
 * and, of a loop without barriers, what a lane waits for at each of its steps.
 *
 * A round is as many workgroups as run at a time. Lanes that are idle in a loop count as if they worked.
 */

import type { Extent } from "../../runtime/plan.ts";
import { axesOf, contractionAxes, extentOf, TIME } from "../ir/contraction-axes.ts";
import * as dim from "../ir/dim.ts";
import type { Op, OpOf } from "../ir/types.ts";
import { lanesOf } from "../kernel-ir/type-of.ts";
import { type Kernel, widthOf } from "../kernel-ir/types.ts";
import { flopsOf, type Measure, tally } from "../kernel-ir/work.ts";
import { invocationsOf, type Machine } from "../machine.ts";

/** For all steps together; times in µs. */
export interface Cost {
  readonly total: number;
  readonly dispatches: number;
  /** Workgroups of the largest grid: over how many the work is distributed. */
  readonly workgroups: number;
  /** Time for dispatches. */
  readonly dispatch: number;
  /** The longer of the times for arithmetic and for memory. */
  readonly work: number;
  readonly barriers: number;
  /** What lanes that own elements wait for, step after step. */
  readonly latency: number;
}

const none = { store: () => 0, barrier: () => 0 } as const;

/** Iterations of lanes, rounded up to whole turns of all lanes. */
function turns(machine: Machine): (iterations: number) => number {
  const lanes = invocationsOf(machine);
  return (iterations) => Math.ceil(iterations / lanes) * lanes;
}

const arithmetic = (machine: Machine): Measure => ({ ...none, of: flopsOf, lanes: turns(machine) });

const bytes = (machine: Machine): Measure => ({
  ...none,
  of: (e) => (e.k === "load" && e.memory.kind === "region" ? widthOf(e.memory.region) * lanesOf(e.type) : 0),
  store: ({ memory, type }) => (memory.kind === "region" ? widthOf(memory.region) * lanesOf(type) : 0),
  lanes: turns(machine),
});

const waits = ({ rates }: Machine): Measure => ({
  ...none,
  barrier: ({ only }) => (only === "tiles" ? rates.tileBarrier : rates.barrier),
  lanes: (iterations) => iterations,
});

const at = ({ fixed, perStep }: Extent, steps: number): number => fixed + perStep * steps;

/**
 * The cost of `kernels`, each run `times` times, with sequences of `steps` steps. `inARow`: how many steps a lane takes one after another
 * without a barrier.
 */
export function costOf(kernels: readonly Kernel[], times: number, steps: number, machine: Machine, inARow = 0): Cost {
  const { rates } = machine;
  let [work, barriers, workgroups] = [0, 0, 0];
  for (const kernel of kernels) {
    const groups = kernel.grid.reduce((n, extent) => n * at(extent, steps), 1);
    const rounds = times * Math.ceil(groups / rates.units);
    const of = (measure: Measure): number => tally(kernel, measure, steps);
    work += rounds * Math.max(of(arithmetic(machine)) / rates.flops, of(bytes(machine)) / rates.bytes);
    barriers += rounds * of(waits(machine));
    workgroups = Math.max(workgroups, groups);
  }
  const dispatches = kernels.length * times;
  const dispatch = dispatches * rates.dispatch;
  const latency = inARow * rates.latency;
  return { total: dispatch + work + barriers + latency, dispatches, workgroups, dispatch, work, barriers, latency };
}

/** f32 operations of the products among `ops`, for one step: at least these are needed, whoever owns them. */
export function productFlops(ops: readonly Op[], dims: Readonly<Record<string, number>>): number {
  const terms = (op: OpOf<"dot">): number => {
    const product = contractionAxes(op);
    const axes = new Set([...axesOf(product.result), ...product.contracted]);
    axes.delete(TIME);
    return [...axes].reduce((n, axis) => n * dim.evaluate(extentOf(product, axis), dims), 1);
  };
  return ops.reduce((sum, op) => (op.op === "dot" ? sum + 2 * terms(op) : sum), 0);
}
