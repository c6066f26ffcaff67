/**
 * Chooses who owns each loop over the steps: what was asked for, else the cheapest of what is legal. Says of every owner
 * what it would take, or why it cannot be.
 */
import { CompileError } from "../diagnostics/diagnostic.ts";
import { nowhere } from "../diagnostics/span.ts";
import type { Op, OpOf, Value } from "../ir/types.ts";
import { type Cost, costOf } from "./cost.ts";
import type { Kernel, Machine } from "./kernel-ir.ts";
import { type LoopOwner, loopOwners, refusal } from "./loop.ts";

/** For the loops from the first step to the last, and for those the other way. */
export type LoopChoice = Readonly<Partial<Record<Direction, LoopOwner>>>;
export type Direction = "forward" | "backward";

export const directionOf = (scan: OpOf<"scan">): Direction => (scan.attrs.reverse ? "backward" : "forward");

export interface Candidate {
  readonly owner: LoopOwner;
  /** What it is estimated to take, or why it cannot be. */
  readonly cost?: Cost;
  readonly refused?: string;
}

export interface ChosenLoop {
  readonly direction: Direction;
  readonly owner: LoopOwner;
  /** Why this owner, for people. */
  readonly reason: string;
  /** Every owner; their costs are estimated when somebody asks. */
  candidates(): readonly Candidate[];
}

/** What a loop's owner is estimated to take, in µs. */
export const costOfChosen = ({ owner, candidates }: ChosenLoop): number =>
  candidates().find((c) => c.owner === owner)?.cost?.total ?? 0;

/** A loop over the steps, and what stands around it. */
export interface LoopOf {
  readonly scan: OpOf<"scan">;
  readonly defs: ReadonlyMap<Value, Op>;
}

export interface Choosing {
  readonly loops: readonly LoopOf[];
  readonly machine: Machine;
  readonly asked: LoopChoice;
  /** The kernels of each loop if they had these owners. */
  kernels(owners: readonly LoopOwner[]): readonly (readonly Kernel[])[];
}

/** Steps that costs are estimated for: how long sequences are is known at run time only, and decides nothing here. */
const STEPS = 100;

/** One for each loop, in order. Throws C0306 for an owner that was asked for and cannot be. */
export function chooseLoops({ loops, machine, asked, kernels }: Choosing): readonly ChosenLoop[] {
  const scans = loops.map(({ scan }) => scan);
  const refused = loops.map(
    (loop) => new Map(loopOwners.map((owner) => [owner, refusal(loop.scan, owner, loop.defs)])),
  );
  scans.forEach((scan, i) => {
    const owner = asked[directionOf(scan)];
    const reason = owner && refused[i].get(owner);
    if (reason) throw new CompileError([illegal(directionOf(scan), owner, reason)]);
  });
  let estimated: readonly ReadonlyMap<LoopOwner, Cost>[] | undefined;
  const costs = (i: number): ReadonlyMap<LoopOwner, Cost> => {
    estimated ??= estimate(refused, machine, kernels);
    return estimated[i];
  };
  return scans.map((scan, i): ChosenLoop => {
    const direction = directionOf(scan);
    const wanted = asked[direction];
    return {
      direction,
      owner: wanted ?? cheapest(costs(i)),
      reason: wanted ? "asked for" : "the cheapest by estimate",
      candidates: () =>
        loopOwners.map((owner): Candidate => {
          const [cost, reason] = [costs(i).get(owner), refused[i].get(owner)];
          return { owner, ...(cost && { cost }), ...(reason !== undefined && { refused: reason }) };
        }),
    };
  });
}

/** What each loop would cost by each owner that can be. */
function estimate(
  refused: readonly ReadonlyMap<LoopOwner, string | undefined>[],
  machine: Machine,
  kernels: Choosing["kernels"],
): readonly ReadonlyMap<LoopOwner, Cost>[] {
  const costs = refused.map(() => new Map<LoopOwner, Cost>());
  for (const owner of loopOwners) {
    const legal = refused.map((reasons) => reasons.get(owner) === undefined);
    if (!legal.some(Boolean)) continue;
    kernels(legal.map((is) => (is ? owner : "column"))).forEach((made, i) => {
      if (legal[i]) costs[i].set(owner, loopCost(made, owner, machine));
    });
  }
  return costs;
}

function loopCost(kernels: readonly Kernel[], owner: LoopOwner, machine: Machine): Cost {
  const cost = costOf(kernels, owner === "column" ? STEPS : 1, STEPS, machine);
  if (owner !== "row") return cost;
  const work = cost.work * machine.rates.rows;
  return { ...cost, work, total: cost.total + work - cost.work };
}

/** One kernel for all steps must save more than a fiftieth: all that its loop makes stands in memory at once. */
const GAIN = 0.98;

function cheapest(costs: ReadonlyMap<LoopOwner, Cost>): LoopOwner {
  return [...costs].reduce((best, other) => (other[1].total < GAIN * best[1].total ? other : best))[0];
}

const illegal = (direction: Direction, owner: LoopOwner, reason: string) =>
  ({
    code: "C0306",
    severity: "error",
    message: `the ${direction} loop cannot be owned by \`${owner}\`: ${reason}`,
    span: nowhere,
    help: "`column` and `whole` own any loop: --schedule column, or --schedule forward=column,backward=whole",
  }) as const;
