/**
 * Chooses the owner of each loop over the steps: the one that was asked for, or else the cheapest legal one. Reports the cost of
 * every owner, or why it is impossible.
 */

import { CompileError } from "../diagnostics/diagnostic.ts";
import { nowhere } from "../diagnostics/span.ts";
import type { Op, OpOf, Value } from "../ir/types.ts";
import type { Kernel } from "../kernel-ir/types.ts";
import type { Machine } from "../machine.ts";
import { reservation } from "./chunks.ts";
import { type Cost, costOf, productFlops } from "./cost.ts";
import { type LoopOwner, loopOwners, refusal } from "./loop-owner.ts";

/** The owner of loops from the first step to the last, and of loops in the other direction. */
export type LoopChoice = Readonly<Partial<Record<Direction, LoopOwner>>>;
export type Direction = "forward" | "backward";

export const directionOf = (scan: OpOf<"scan">): Direction => (scan.attrs.reverse ? "backward" : "forward");

/** The estimated cost of an owner, or why it is impossible. */
export type Candidate = { readonly cost: Cost } | { readonly refused: string };

export interface ChosenLoop {
  readonly direction: Direction;
  readonly owner: LoopOwner;
  /** Why this owner, in words. */
  readonly reason: string;
  /** Estimated on demand, if the choice did not need it. */
  candidate(owner: LoopOwner): Candidate;
}

/** The estimated cost of a loop's owner, in µs. */
export function costOfChosen({ owner, candidate }: ChosenLoop): number {
  const chosen = candidate(owner);
  return "cost" in chosen ? chosen.cost.total : 0;
}

/** A loop over the steps, and its surroundings. */
export interface LoopOf {
  readonly scan: OpOf<"scan">;
  readonly defs: ReadonlyMap<Value, Op>;
}

export interface Choosing {
  readonly loops: readonly LoopOf[];
  readonly machine: Machine;
  readonly dims: Readonly<Record<string, number>>;
  readonly asked: LoopChoice;
  /** The kernels of each loop, given these owners. */
  kernels(owners: readonly LoopOwner[]): readonly (readonly Kernel[])[];
}

/**
 * The steps for which costs are estimated. Real lengths are known at run time only, and do not affect the choice. Only of a loop that may
 * run in chunks, which pay where sequences are long, the length counts that sequences are said to have, if it is more.
 */
const STEPS = 100;

/** Chooses an owner for each loop, in order. Throws C0306 if an owner was asked for that is impossible. */
export function chooseLoopOwners({ loops, machine, dims, asked, kernels }: Choosing): readonly ChosenLoop[] {
  const open = loops.map((loop): OpenLoop => {
    const { scan, defs } = loop;
    const direction = directionOf(scan);
    const owner = asked[direction];
    const refused = new Map(
      loopOwners.map((other) => {
        const reserved = other === "chunk" && other !== owner ? reservation(scan, defs) : undefined;
        return [other, refusal(scan, other, defs, machine) ?? reserved];
      }),
    );
    const reason = owner && refused.get(owner);
    if (reason) throw new CompileError([illegal(direction, owner, reason)]);
    const flops = productFlops(scan.body!.ops, dims);
    const legal = loopOwners.filter((o) => refused.get(o) === undefined);
    const steps = legal.includes("chunk") ? Math.max(STEPS, dims.steps ?? 0) : STEPS;
    const bounds = new Map(legal.map((o) => [o, { total: atLeast(o, flops, steps, machine) }]));
    return { direction, asked: owner, refused, steps, bounds, costs: new Map() };
  });
  /** Estimates the cost of every loop, with these owners. */
  const estimate = (owners: readonly LoopOwner[]): void =>
    kernels(owners).forEach((made, i) => {
      open[i].costs.set(owners[i], loopCost(made, owners[i], open[i].steps, machine));
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

/** A loop without an owner yet. */
interface OpenLoop {
  readonly direction: Direction;
  readonly asked: LoopOwner | undefined;
  /** Why an owner is impossible. */
  readonly refused: ReadonlyMap<LoopOwner, string | undefined>;
  /** How many steps are estimated. */
  readonly steps: number;
  /** A lower bound of the cost of each legal owner. */
  readonly bounds: ReadonlyMap<LoopOwner, Total>;
  /** Estimates made so far. */
  readonly costs: Map<LoopOwner, Cost>;
}

/** The owner to estimate next: the most promising one that may still turn out cheapest. */
function promising({ asked, bounds, costs }: OpenLoop): LoopOwner | undefined {
  const best = Math.min(...[...costs].map(weight));
  const left = [...bounds].filter(([owner, bound]) => !costs.has(owner) && weight([owner, bound]) < best);
  return asked ? undefined : cheapest(left);
}

/** The owner of a loop, according to the estimates so far. */
const chosen = ({ asked, costs }: OpenLoop): LoopOwner => asked ?? cheapest(costs) ?? "column";

/** A lower bound of an owner's cost: its dispatches, and the products of the loop. */
function atLeast(owner: LoopOwner, flops: number, steps: number, { rates }: Machine): number {
  const dispatches = owner === "column" ? steps : owner === "chunk" ? 3 : 1;
  const units = owner === "whole" ? 1 : rates.units;
  return dispatches * rates.dispatch + (steps * flops * (owner === "row" ? rates.rows : 1)) / (units * rates.flops);
}

function loopCost(kernels: readonly Kernel[], owner: LoopOwner, steps: number, machine: Machine): Cost {
  const cost = costOf(kernels, owner === "column" ? steps : 1, steps, machine, inARow(kernels, owner, steps));
  if (owner !== "row") return cost;
  const work = cost.work * machine.rates.rows;
  return { ...cost, work, total: cost.total + work - cost.work };
}

/** How many steps a lane that owns elements takes one after another. */
function inARow(kernels: readonly Kernel[], owner: LoopOwner, steps: number): number {
  if (owner === "element") return steps;
  if (owner !== "chunk") return 0;
  const chunks = Math.max(...kernels.map(({ grid }) => grid[1].fixed));
  // Two kernels run a chunk's steps, the others go from chunk to chunk.
  return 2 * Math.ceil(steps / chunks) + (kernels.length - 2) * chunks;
}

/** One kernel for all steps must save more than a fiftieth: everything its loop computes is in memory at once. */
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
