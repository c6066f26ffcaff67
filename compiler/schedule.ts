/**
 * Tensor IR → Kernel IR, in steps from one printable form to the next:
 *
 *     graph ─► prepared graph ─► partition ─► buffers ─► kernels and commands
 *
 * The owners of the loops over the steps are chosen by the estimated cost of the kernels, so these steps are taken for each owner that
 * may be the cheapest.
 */
import type { Command, Region, RegionName, Tensor } from "../runtime/plan.ts";
import { assignBuffers, type Buffers } from "./buffers/buffers.ts";
import type { LiveBuffer } from "./buffers/layout.ts";
import type { AssignmentOptions, Carried } from "./buffers/named.ts";
import type { SharedTexture } from "./buffers/textures.ts";
import { type GeneratedKernel, Generator } from "./codegen/generate.ts";
import type { Graph, Op, OpOf } from "./ir/types.ts";
import type { LoopOwner } from "./partition/loop-owner.ts";
import { type ChosenLoop, chooseLoopOwners, type LoopChoice, type LoopOf } from "./partition/loop-strategy.ts";
import { type Partition, partition } from "./partition/partition.ts";
import { definitions } from "./passes/rewrite.ts";
import type { Piece, Segmented } from "./passes/segment.ts";
import { preparation, type Storage } from "./pipelines.ts";

export interface ScheduleOptions extends AssignmentOptions {
  /** Who owns the loops over the steps; default: the cheapest. */
  readonly loops?: LoopChoice;
  /** How the values saved for the backward pass are stored. */
  readonly storage?: Storage;
}

/** An entry, as it runs. */
export interface Scheduled {
  readonly kernels: readonly GeneratedKernel[];
  readonly commands: readonly Command[];
  readonly tensors: readonly Tensor[];
  readonly regions: Readonly<Record<RegionName, Region>>;
  /** Who owns each loop over the steps, and why. */
  readonly loops: readonly ChosenLoop[];
  /** The buffers in `work` and `half`, with their live intervals. */
  readonly arena: readonly LiveBuffer[];
  /** The forms it went through. */
  readonly partition: Partition;
  readonly buffers: Buffers;
  /** The textures of `work`, on a machine that keeps it in textures. */
  readonly textures?: readonly SharedTexture[];
}

export function schedule(graph: Graph, options: ScheduleOptions): Scheduled {
  return scheduleSegments(
    { pieces: [{ graph, loop: undefined }], carries: new Map(), cotangents: new Map() },
    undefined,
    options,
  );
}

/** Schedules the pieces of a graph one after another in one arena, for segments of `length` steps. */
export function scheduleSegments(
  { pieces, ...carried }: Segmented,
  length: number | undefined,
  options: ScheduleOptions,
): Scheduled {
  const prepared = pieces.map(({ graph, loop }): Piece => {
    const passes = preparation(options, loop !== undefined);
    return { loop, graph: passes.reduce((g, pass) => pass.run(g), graph) };
  });
  const found = loopsOf(prepared);
  // Kernels that were generated for an estimate are used again if it is chosen.
  const known = new Map<string, Generated>();
  const generated = (owners: readonly LoopOwner[]): Generated => {
    const key = owners.join();
    const of = new Map<Op, LoopOwner>(found.map(({ scan }, i) => [scan, owners[i]]));
    const made = known.get(key) ?? generate(prepared, { ...options, carried, length, owners: of });
    known.set(key, made);
    return made;
  };
  const loops = chooseLoopOwners({
    loops: found,
    machine: options.machine,
    dims: options.dims,
    asked: options.loops ?? {},
    kernels: (owners) => generated(owners).generator.loopKernels(),
  });
  const { generator, partition, buffers } = generated(loops.map(({ owner }) => owner));
  return {
    kernels: generator.kernels(),
    commands: generator.commands(),
    tensors: [...options.shared.tensors, ...buffers.tensors],
    regions: buffers.layout.regions(),
    arena: buffers.arena,
    ...{ loops, partition, buffers },
    ...(options.machine.buffers === "textures" && { textures: buffers.textures }),
  };
}

const loopsOf = (pieces: readonly Piece[]): readonly LoopOf[] =>
  pieces.flatMap(({ graph }) => {
    const defs = definitions(graph.ops);
    return graph.ops.filter((op): op is OpOf<"scan"> => op.op === "scan").map((scan) => ({ scan, defs }));
  });

/** A partition with its buffers, and its kernels, which are still to be generated. */
interface Generated {
  readonly partition: Partition;
  readonly buffers: Buffers;
  readonly generator: Generator;
}

function generate(
  pieces: readonly Piece[],
  options: ScheduleOptions & {
    readonly carried: Carried;
    readonly length: number | undefined;
    readonly owners: ReadonlyMap<Op, LoopOwner>;
  },
): Generated {
  const parts = partition(pieces, options);
  const buffers = assignBuffers(parts, options);
  const { machine, dims } = options;
  return { partition: parts, buffers, generator: new Generator(parts, buffers, { machine, dims }) };
}
