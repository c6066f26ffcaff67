/**
 * Bytes that a step moves, and the least it could move: counted from the kernels' addresses, not measured.
 *
 *     moved = Σ over the step's dispatches of the bytes of (floats it reads + floats it writes)
 *     least = the bytes of (floats the step reads that it has not written before + floats it writes that are read after it or are results)
 *
 * Every float counts once per dispatch, however often the dispatch touches it: caches and workgroup memory may serve further
 * accesses, but nothing is sure to stay in them from one dispatch to the next. `least` is what a single dispatch per step would move
 * if it kept its temporaries to itself. Dispatches outside the loops, for all steps at once, are counted in the same way, in groups
 * before, between and after the loops. A dispatch that loops over the sequence itself is a group of its own.
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
  /** Bytes of one step, not the last one to run, of a forward loop and of a backward loop. */
  readonly forward: Moved;
  readonly backward: Moved;
  /** Bytes outside the loops, for each further step. */
  readonly outside: Moved;
}

/** Wraps a target so that it records the kernels it is given to assemble. */
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

/** With two steps, the first is like any other: the second reads what it wrote. */
const STEPS = 2;

/** Counts an entry. Throws if an address depends on data. */
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

/** Dispatches that are counted together: a step of a loop, or dispatches before, between or after loops. */
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
  /** Whether it is counted separately from its neighbours. */
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
  const blank = (): Marks => noMarks(sizes);
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
  // Go backward: what is live after a piece is what later pieces read, and the results.
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

/** The commands in execution order, divided into groups that are counted together. */
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

/** Every float untouched. */
const noMarks = (sizes: ReturnType<typeof regionSizes>): Marks =>
  Object.fromEntries(regionNames.map((region) => [region, new Uint8Array(sizes[region])]));

/** Bytes that a kernel's dispatch moves at step `t` of `steps`: every float that it reads or writes once. */
export function movedBy(plan: Plan, kernel: Kernel, t: number, steps: number): number {
  const sizes = regionSizes(plan, steps);
  const marks = noMarks(sizes);
  footprintOf(kernel)(marks, t, steps);
  return merge(noMarks(sizes), marks);
}

/** Adds a dispatch's marks to those of its piece. Returns how many bytes the dispatch moves. */
function merge(together: Marks, marks: Marks): number {
  let moved = 0;
  for (const region of regionNames) {
    const [all, own] = [together[region], marks[region]];
    for (let i = 0; i < own.length; i++) {
      if (own[i] === 0) continue;
      moved += widthOf(region) * ((own[i] & READ ? 1 : 0) + (own[i] & WRITTEN ? 1 : 0));
      // If an earlier dispatch of the piece wrote the float, reading it brings in nothing new.
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
