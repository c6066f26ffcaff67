/**
 * Chooses who owns each loop over the steps: what was asked for, else the cheapest of what is legal. Says of every owner
 * what it would take, or why it cannot be.
 */

import { CompileError } from "../diagnostics/diagnostic.ts";
import { nowhere } from "../diagnostics/span.ts";
import type { Op, OpOf, Value } from "../ir/types.ts";
import type { Kernel } from "../kernel-ir/types.ts";
import type { Machine } from "../machine.ts";
import { type Cost, costOf, productFlops } from "./cost.ts";
import { type LoopOwner, loopOwners, refusal } from "./loop-owner.ts";

/** For the loops from the first step to the last, and for those the other way. */
export type LoopChoice = Readonly<Partial<Record<Direction, LoopOwner>>>;
export type Direction = "forward" | "backward";

export const directionOf = (scan: OpOf<"scan">): Direction => (scan.attrs.reverse ? "backward" : "forward");

/** What an owner is estimated to take, or why it cannot be. */
export type Candidate = { readonly cost: Cost } | { readonly refused: string };

export interface ChosenLoop {
  readonly direction: Direction;
  readonly owner: LoopOwner;
  /** Why this owner, for people. */
  readonly reason: string;
  /** Estimated when somebody asks, if the choice did not need it. */
  candidate(owner: LoopOwner): Candidate;
}

/** What a loop's owner is estimated to take, in µs. */
export function costOfChosen({ owner, candidate }: ChosenLoop): number {
  const chosen = candidate(owner);
  return "cost" in chosen ? chosen.cost.total : 0;
}

/** A loop over the steps, and what stands around it. */
export interface LoopOf {
  readonly scan: OpOf<"scan">;
  readonly defs: ReadonlyMap<Value, Op>;
}

export interface Choosing {
  readonly loops: readonly LoopOf[];
  readonly machine: Machine;
  readonly dims: Readonly<Record<string, number>>;
  readonly asked: LoopChoice;
  /** The kernels of each loop if they had these owners. */
  kernels(owners: readonly LoopOwner[]): readonly (readonly Kernel[])[];
}

/** Steps that costs are estimated for: how long sequences are is known at run time only, and decides nothing here. */
const STEPS = 100;

/** One for each loop, in order. Throws C0306 for an owner that was asked for and cannot be. */
export function chooseLoopOwners({ loops, machine, dims, asked, kernels }: Choosing): readonly ChosenLoop[] {
  const open = loops.map((loop): OpenLoop => {
    const { scan, defs } = loop;
    const direction = directionOf(scan);
    const refused = new Map(loopOwners.map((owner) => [owner, refusal(scan, owner, defs, machine)]));
    const owner = asked[direction];
    const reason = owner && refused.get(owner);
    if (reason) throw new CompileError([illegal(direction, owner, reason)]);
    const flops = productFlops(scan.body!.ops, dims);
    const legal = loopOwners.filter((o) => refused.get(o) === undefined);
    const bounds = new Map(legal.map((o) => [o, { total: atLeast(o, flops, machine) }]));
    return { direction, asked: owner, refused, bounds, costs: new Map() };
  });
  /** Has a loop's owners estimated, those of the others as they are. */
  const estimate = (owners: readonly LoopOwner[]): void =>
    kernels(owners).forEach((made, i) => {
      open[i].costs.set(owners[i], loopCost(made, owners[i], machine));
    });
  for (;;) {
    const next = open.map(promising);
    if (next.every((owner) => owner === undefined)) break;
    estimate(open.map((loop, i) => next[i] ?? chosen(loop)));
  }
  return open.map((loop, i): ChosenLoop => {
    const { direction, refused, costs } = loop;
    return {
      direction,
      owner: chosen(loop),
      reason: loop.asked ? "asked for" : "the cheapest by estimate",
      candidate(owner) {
        const reason = refused.get(owner);
        if (reason !== undefined) return { refused: reason };
        if (!costs.has(owner)) estimate(open.map((other, k) => (k === i ? owner : chosen(other))));
        return { cost: costs.get(owner)! };
      },
    };
  });
}

type Total = Pick<Cost, "total">;

/** A loop that is still to be given an owner. */
interface OpenLoop {
  readonly direction: Direction;
  readonly asked: LoopOwner | undefined;
  /** Why an owner cannot be. */
  readonly refused: ReadonlyMap<LoopOwner, string | undefined>;
  /** What a legal owner takes at least. */
  readonly bounds: ReadonlyMap<LoopOwner, Total>;
  /** Estimates made so far. */
  readonly costs: Map<LoopOwner, Cost>;
}

/** The owner to estimate next: the most promising of those that may still turn out the cheapest. */
function promising({ asked, bounds, costs }: OpenLoop): LoopOwner | undefined {
  const best = Math.min(...[...costs].map(weight));
  const left = [...bounds].filter(([owner, bound]) => !costs.has(owner) && weight([owner, bound]) < best);
  return asked ? undefined : cheapest(left);
}

/** The owner of a loop, as far as estimates have been made. */
const chosen = ({ asked, costs }: OpenLoop): LoopOwner => asked ?? cheapest(costs) ?? "column";

/** What an owner takes at least: its dispatches, and the products of the loop. */
function atLeast(owner: LoopOwner, flops: number, { rates }: Machine): number {
  const dispatches = owner === "column" ? STEPS : 1;
  const units = owner === "whole" ? 1 : rates.units;
  return dispatches * rates.dispatch + (STEPS * flops * (owner === "row" ? rates.rows : 1)) / (units * rates.flops);
}

function loopCost(kernels: readonly Kernel[], owner: LoopOwner, machine: Machine): Cost {
  const cost = costOf(kernels, owner === "column" ? STEPS : 1, STEPS, machine);
  if (owner !== "row") return cost;
  const work = cost.work * machine.rates.rows;
  return { ...cost, work, total: cost.total + work - cost.work };
}

/** One kernel for all steps must save more than a fiftieth: all that its loop makes stands in memory at once. */
const GAIN = 0.98;

const weight = ([owner, { total }]: readonly [LoopOwner, Total]): number => (owner === "column" ? GAIN : 1) * total;

function cheapest(of: Iterable<readonly [LoopOwner, Total]>): LoopOwner | undefined {
  const [first, ...others] = of;
  return first && others.reduce((best, other) => (weight(other) < weight(best) ? other : best), first)[0];
}

const illegal = (direction: Direction, owner: LoopOwner, reason: string) =>
  ({
    code: "C0306",
    severity: "error",
    message: `the ${direction} loop cannot be owned by \`${owner}\`: ${reason}`,
    span: nowhere,
    help: "`column` and `whole` own any loop: --schedule column, or --schedule forward=column,backward=whole",
  }) as const;
