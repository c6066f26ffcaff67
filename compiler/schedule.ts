/**
 * Tensor IR → Kernel IR: groups ops into kernels, gives every value that crosses a kernel a place in memory, and writes the
 * commands that run them.
 */

import type { Command, Region, RegionName, Tensor } from "../runtime/plan.ts";
import { type LiveInterval, span } from "./buffers/arena.ts";
import type { AssignmentOptions, Common, Pending } from "./buffers/assignment.ts";
import { type Buffer, Layout, type LiveBuffer } from "./buffers/layout.ts";
import type { Graph, Op, OpOf, Value } from "./ir/types.ts";
import type { Kernel } from "./kernel-ir/types.ts";
import type { FusionGroup } from "./partition/fusion.ts";
import type { LoopOwner } from "./partition/loop-owner.ts";
import { type ChosenLoop, chooseLoopOwners, type LoopChoice, type LoopOf } from "./partition/loop-strategy.ts";
import { halfResiduals } from "./passes/half-residuals.ts";
import { materialise } from "./passes/materialise.ts";
import { prepackWeights } from "./passes/prepack-weights.ts";
import { definitions } from "./passes/rewrite.ts";
import type { Piece, Segmented } from "./passes/segment.ts";
import { type Plan, Scheduler } from "./scheduler.ts";

export interface ScheduleOptions extends AssignmentOptions {
  /** Who owns the loops over the steps; the cheapest, where nothing is said. */
  readonly loops?: LoopChoice;
  /** As what the values saved for the backward pass are stored. */
  readonly storage?: Storage;
}

export type Storage = "f32" | "f16";

export interface KernelGroup {
  readonly kernel: Kernel;
  readonly group: FusionGroup;
}

export interface Scheduled {
  readonly kernels: readonly KernelGroup[];
  readonly commands: readonly Command[];
  readonly tensors: readonly Tensor[];
  readonly regions: Readonly<Record<RegionName, Region>>;
  /** Who owns each loop over the steps, and why. */
  readonly loops: readonly ChosenLoop[];
  /** What stands in `work` and `half`, and from when to when. */
  readonly arena: readonly LiveBuffer[];
}

export function schedule(graph: Graph, options: ScheduleOptions): Scheduled {
  return scheduleSegments({ pieces: [{ graph, loop: undefined }], carries: new Map() }, undefined, options);
}

/** Schedules the pieces of a graph one after another in one arena, for segments of `length` steps. */
export function scheduleSegments(
  { pieces, carries }: Segmented,
  length: number | undefined,
  options: ScheduleOptions,
): Scheduled {
  const halves = new Set<Value>();
  const quads = new Set<Value>();
  const settled = pieces.map(({ graph, loop }): Piece => {
    const packed = prepackWeights(materialise(graph, loop !== undefined), options.machine, options.dims);
    for (const v of packed.quads) quads.add(v);
    if (options.storage !== "f16") return { graph: packed.graph, loop };
    const halved = halfResiduals(packed.graph);
    for (const v of halved.halves) halves.add(v);
    return { graph: halved.graph, loop };
  });
  const found = settled.flatMap(({ graph }): readonly LoopOf[] => {
    const defs = definitions(graph.ops);
    const scans = graph.ops.filter((op): op is OpOf<"scan"> => op.op === "scan");
    return scans.map((scan) => ({ scan, defs }));
  });
  // What was laid out for an estimate serves again if it is chosen.
  const known = new Map<string, Laid>();
  const lay = (owners: readonly LoopOwner[]): Laid => {
    const of = new Map<Op, LoopOwner>(found.map(({ scan }, i) => [scan, owners[i]]));
    const laid = known.get(owners.join()) ?? layOut({ pieces: settled, carries, halves, quads }, length, options, of);
    known.set(owners.join(), laid);
    return laid;
  };
  const loops = chooseLoopOwners({
    loops: found,
    machine: options.machine,
    dims: options.dims,
    asked: options.loops ?? {},
    kernels: (owners) => lay(owners).schedulers.flatMap(({ scheduler, plan }) => scheduler.loopKernels(plan)),
  });
  const { layout, common, arena, schedulers } = lay(loops.map(({ owner }) => owner));
  const tensors = [...options.shared.tensors, ...common.pending.map((p) => listed(p, layout))];
  const made = schedulers.map(({ scheduler, plan }) => scheduler.make(plan));
  const commands = made.flatMap(({ commands: own }, at): readonly Command[] => {
    const { loop } = pieces[at];
    return loop === undefined
      ? own
      : [{ do: "segments", length: length!, reverse: loop === "backward", commands: own }];
  });
  return { kernels: made.flatMap((m) => m.kernels), commands, tensors, regions: layout.regions(), arena, loops };
}

/** Everything in its place, the kernels still to be written. */
interface Laid {
  readonly layout: Layout;
  readonly common: Common;
  readonly arena: readonly LiveBuffer[];
  readonly schedulers: readonly { readonly scheduler: Scheduler; readonly plan: Plan }[];
}

function layOut(
  { pieces, carries, halves, quads }: Segmented & Pick<Common, "halves" | "quads">,
  length: number | undefined,
  options: ScheduleOptions,
  owners: ReadonlyMap<Op, LoopOwner>,
): Laid {
  const { shared } = options;
  const layout = new Layout(length);
  layout.reserve("param", shared.params);
  layout.reserve("grad", shared.skipped + 1);
  layout.reserve("slot", shared.params * shared.slots.length);
  layout.reserve("stat", shared.stats * (shared.trained ? 2 : 1));
  const common: Common = {
    ...{
      layout,
      carries,
      halves,
      quads,
      owners,
      crossing: new Map(),
      leaves: new Map(),
      pending: [],
      counts: new Map(),
    },
  };
  const schedulers = pieces.map(({ graph, loop }) => {
    const scheduler = new Scheduler(graph, options, common, loop);
    return { scheduler, plan: scheduler.plan() };
  });
  const lives = livesOf(schedulers, common);
  const replacements = schedulers.flatMap(({ scheduler, plan }) => scheduler.replacements(plan, lives));
  return { layout, common, arena: layout.close(lives, replacements), schedulers };
}

/** From when to when each buffer holds something. */
function livesOf(schedulers: Laid["schedulers"], common: Common): ReadonlyMap<Buffer, LiveInterval> {
  const lives = new Map<Buffer, LiveInterval>();
  const add = (buffer: Buffer, life: LiveInterval): void => {
    const known = lives.get(buffer);
    lives.set(buffer, known ? span(known, life) : life);
  };
  schedulers.forEach(({ scheduler, plan }, at) => {
    for (const [buffer, life] of scheduler.lives(plan, at)) add(buffer, life);
  });
  const end = [schedulers.length];
  for (const { home } of common.pending) add(home.buffer, { from: end, to: end, behind: { from: end, to: end } });
  return lives;
}

function listed({ home, ...rest }: Pending, layout: Layout): Tensor {
  const { buffer, frame, start } = home;
  const { region } = buffer;
  if (region === "half") throw new Error(`\`${rest.name}\`, which the host reads, is stored as f16`);
  const shift = buffer.time && frame.kind === "shifted" ? frame.by * layout.region(region).frame : 0;
  return { ...rest, region, offset: buffer.offset + start + shift };
}
