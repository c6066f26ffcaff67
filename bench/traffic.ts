/**
 * Bytes that a step moves, and the least it could move: counted from the kernels' addresses, not measured.
 *
 *     moved = Σ over the step's dispatches of the bytes of (floats it reads + floats it writes)
 *     least = the bytes of (floats the step reads that it has not written before + floats it writes that are read after it or are results)
 *
 * Every float counts once a dispatch, however often the dispatch touches it: caches and workgroup memory may serve the other
 * times, but from one dispatch to the next nothing is sure to stay. `least` is what one dispatch a step would move if it kept
 * to itself whatever only it needs. What stands outside the loops, for all steps at once, is counted in the same way, as runs
 * of dispatches before, between and after the loops; a dispatch that goes through the sequence itself is a run of its own.
 */
import type { Kernel } from "../compiler/kernel-ir/types.ts";
import type { Target } from "../compiler/target.ts";
import { rangeOf, regionNames, regionSizes, widthOf } from "../runtime/layout.ts";
import type { Command, EntryName, Plan, Tensor } from "../runtime/plan.ts";

import { type Footprint, footprintOf, loopsOverTime, type Marks, READ, WRITTEN } from "./footprint.ts";

export interface Moved {
  readonly moved: number;
  readonly least: number;
}

/** Bytes. */
export interface Traffic {
  /** Of one step, not the last that runs, of a loop that goes from the first step to the last, and of one that goes back. */
  readonly forward: Moved;
  readonly backward: Moved;
  /** Outside of the loops, for each further step. */
  readonly outside: Moved;
}

/** A target that keeps the kernels it is given to assemble. */
export function recordKernels(target: Target): { readonly target: Target; readonly kernels: () => readonly Kernel[] } {
  let heard: readonly Kernel[] = [];
  return {
    target: {
      ...target,
      assemble(kernels) {
        heard = kernels;
        return target.assemble(kernels);
      },
    },
    kernels: () => heard,
  };
}

/** In a loop of two the first step is like any other: the second reads what it wrote. */
const STEPS = 2;

/** Counts an entry. Throws where an address depends on data. */
export function trafficOf(plan: Plan, kernels: readonly Kernel[], entry: EntryName): Traffic {
  const footprints = new Map(
    kernels.map((kernel) => [kernel.name, { footprint: footprintOf(kernel), alone: loopsOverTime(kernel) }]),
  );
  const [shorter, longer] = [STEPS - 1, STEPS].map((steps) => count(plan, footprints, entry, steps));
  // A model can have several loops each way.
  const first = (where: Piece["where"]): Moved =>
    sum(longer.filter((piece) => piece.where === where && piece.t === (where === "forward" ? 0 : STEPS - 1)));
  const outside = (pieces: readonly Piece[]): Moved => sum(pieces.filter(({ where }) => where === "outside"));
  const [few, more] = [outside(shorter), outside(longer)];
  return {
    forward: first("forward"),
    backward: first("backward"),
    outside: { moved: more.moved - few.moved, least: more.least - few.least },
  };
}

/** Dispatches that are counted together: a step of a loop, or those before, between or after loops. */
interface Piece extends Moved {
  readonly where: "forward" | "backward" | "outside";
  readonly t: number;
}

const sum = (pieces: readonly Moved[]): Moved => ({
  moved: pieces.reduce((n, { moved }) => n + moved, 0),
  least: pieces.reduce((n, { least }) => n + least, 0),
});

interface Counted {
  readonly footprint: Footprint;
  /** Not counted together with its neighbours. */
  readonly alone: boolean;
}

interface Run {
  readonly where: Piece["where"];
  readonly t: number;
  readonly dispatches: readonly Footprint[];
}

function count(plan: Plan, footprints: ReadonlyMap<string, Counted>, name: EntryName, steps: number): readonly Piece[] {
  const entry = plan.entries[name];
  if (entry === undefined) throw new Error(`${plan.name} has no entry ${name}`);
  const sizes = regionSizes(plan, steps);
  const blank = (): Marks => Object.fromEntries(regionNames.map((region) => [region, new Uint8Array(sizes[region])]));
  const counted = runs(entry.commands, footprints, steps).map(({ where, t, dispatches }) => {
    const together = blank();
    let moved = 0;
    for (const dispatch of dispatches) {
      const marks = blank();
      dispatch(marks, t, steps);
      moved += merge(together, marks);
    }
    return { where, t, moved, together };
  });
  // Backwards: what is wanted after a piece is what the pieces behind it read, and the results.
  const wanted = blank();
  for (const tensor of entry.tensors) if (isResult(tensor)) markTensor(wanted, tensor, plan, name, steps);
  return counted
    .toReversed()
    .map(({ where, t, moved, together }): Piece => {
      let least = 0;
      for (const region of regionNames) {
        const [touched, after] = [together[region], wanted[region]];
        for (let i = 0; i < touched.length; i++) {
          if (touched[i] & WRITTEN && after[i] !== 0) {
            least += widthOf(region);
            after[i] = 0;
          }
          if (touched[i] & READ) {
            least += widthOf(region);
            after[i] = 1;
          }
        }
      }
      return { where, t, moved, least };
    })
    .toReversed();
}

/** The commands in the order they run, cut into what is counted together. */
function runs(commands: readonly Command[], footprints: ReadonlyMap<string, Counted>, steps: number): readonly Run[] {
  const counted = (command: Command): Counted => {
    const found = command.do === "dispatch" ? footprints.get(command.kernel) : undefined;
    if (found === undefined) throw new Error("sequences in segments are not counted");
    return found;
  };
  const made: Run[] = [];
  let outside: Footprint[] = [];
  const close = (): void => {
    if (outside.length > 0) made.push({ where: "outside", t: 0, dispatches: outside });
    outside = [];
  };
  for (const command of commands) {
    if (command.do === "dispatch") {
      const { footprint, alone } = counted(command);
      if (alone) close();
      outside.push(footprint);
      if (alone) close();
      continue;
    }
    close();
    const dispatches = command.commands.map((inner) => counted(inner).footprint);
    for (let k = 0; k < steps; k++) {
      const t = command.reverse ? steps - 1 - k : k;
      made.push({ where: command.reverse ? "backward" : "forward", t, dispatches });
    }
  }
  close();
  return made;
}

/** Adds a dispatch's marks to those of its piece; how many bytes the dispatch moves. */
function merge(together: Marks, marks: Marks): number {
  let moved = 0;
  for (const region of regionNames) {
    const [all, own] = [together[region], marks[region]];
    for (let i = 0; i < own.length; i++) {
      if (own[i] === 0) continue;
      moved += widthOf(region) * ((own[i] & READ ? 1 : 0) + (own[i] & WRITTEN ? 1 : 0));
      // Read after an earlier dispatch of the piece wrote it: nothing new comes in.
      all[i] |= all[i] & WRITTEN ? WRITTEN : own[i];
    }
  }
  return moved;
}

const results: ReadonlySet<Tensor["role"]["kind"]> = new Set([
  "grad",
  "stat",
  "output",
  "loss",
  "loss_term",
  "metric",
  "batch_stat",
]);
const isResult = ({ role }: Tensor): boolean => results.has(role.kind);

function markTensor(marks: Marks, tensor: Tensor, plan: Plan, name: EntryName, steps: number): void {
  const { region, offset, length, stride, count } = rangeOf(tensor, plan.entries[name]!, steps);
  for (let piece = 0; piece < count; piece++) {
    const start = offset + piece * stride;
    marks[region].fill(1, start, start + length);
  }
}
