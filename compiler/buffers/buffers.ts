/**
 * The memory of an entry: each piece's values in their buffers, and the buffers in the regions. Buffers of the arenas share memory
 * if their live intervals do not overlap, or if one is an alias of another.
 */
import type { Tensor } from "../../runtime/plan.ts";
import { keptOf } from "../partition/chunks.ts";
import { isLoop, type Partition, type PartitionedPiece, type Unit } from "../partition/partition.ts";
import { findAliases } from "./aliasing.ts";
import { type LiveInterval, span } from "./arena.ts";
import { type Allocations, assignPiece } from "./assignment.ts";
import { checkKernelBuffers } from "./kernel-buffers.ts";
import { type Alias, type Buffer, isFramed, Layout, type LiveBuffer } from "./layout.ts";
import { liveIntervals, type Runs } from "./liveness.ts";
import { type AssignmentOptions, type Carried, NamedBuffers, type NamedTensor } from "./named.ts";
import { accessesOf, type SharedTexture, shareTextures, storedAtOnce } from "./textures.ts";

export interface Buffers {
  /** Closed: every buffer has its offset. */
  readonly layout: Layout;
  /** For each piece, in order. */
  readonly allocations: readonly Allocations[];
  /** The buffers in `work` and `half`, with their live intervals. */
  readonly arena: readonly LiveBuffer[];
  /** Buffers that are where another was, which a kernel turned into them. */
  readonly aliases: readonly Alias[];
  /** What the host asks for by name. */
  readonly tensors: readonly Tensor[];
  /** The textures of `work`, on a machine that keeps it in textures. */
  readonly textures: readonly SharedTexture[];
}

export interface BufferOptions extends AssignmentOptions {
  readonly carried: Carried;
  /** Steps of a segment, where time is cut. */
  readonly length?: number;
}

/** The buffers of an entry's partition. */
export function assignBuffers(partition: Partition, options: BufferOptions): Buffers {
  const { machine } = options;
  const inTextures = machine.buffers === "textures";
  const layout = new Layout(options.length, inTextures);
  const named = new NamedBuffers(layout, options.carried, options);
  const allocations = partition.map((piece) => assignPiece(piece, named));
  partition.forEach((piece, at) => {
    checkKernelBuffers(piece, allocations[at], machine);
  });
  if (inTextures) for (const buffer of storedAtOnce(partition, allocations)) layout.stack(buffer);
  const intervals = intervalsOf(partition, allocations, named);
  const aliases = partition.flatMap((piece, at) =>
    findAliases({ piece, allocations: allocations[at], intervals, dims: options.dims, machine }),
  );
  const visible = new Set(named.tensors.map(({ allocation }) => allocation.buffer));
  const arena = layout.close(intervals, aliases, visible);
  const accesses = partition.flatMap((piece, at) => accessesOf(piece, allocations[at]));
  const textures = inTextures ? shareTextures(arena, accesses, visible, layout) : [];
  return { layout, allocations, arena, aliases, tensors: named.tensors.map((t) => listed(t, layout)), textures };
}

/** The live interval of each buffer. */
function intervalsOf(
  partition: Partition,
  allocations: readonly Allocations[],
  named: NamedBuffers,
): ReadonlyMap<Buffer, LiveInterval> {
  const intervals = new Map<Buffer, LiveInterval>();
  const add = (buffer: Buffer, interval: LiveInterval): void => {
    const known = intervals.get(buffer);
    intervals.set(buffer, known ? span(known, interval) : interval);
  };
  const { carried } = named;
  partition.forEach((piece, at) => {
    const found = liveIntervals({
      piece: at,
      // A piece that runs for each segment: a buffer that is not of one segment only is live throughout.
      stays: (b) => piece.loop !== undefined && (carried.has(b) || (isFramed(b) && b.span !== "segment")),
      commands: commandsOf(piece),
      allocations: allocations[at],
      defs: piece.defs,
    });
    for (const [buffer, interval] of found) add(buffer, interval);
    let command = 0;
    for (const unit of piece.units) {
      const last = command + runsOf(unit).length - 1;
      const kept = isLoop(unit) && unit.chunks ? keptOf(unit.chunks) : [];
      for (const v of kept) add(allocations[at].get(v)![0].buffer, { from: [at, command], to: [at, last] });
      command = last + 1;
    }
  });
  const end = [partition.length];
  for (const { allocation } of named.tensors)
    add(allocation.buffer, { from: end, to: end, behind: { from: end, to: end } });
  return intervals;
}

/** The commands of a piece, in order. */
const commandsOf = ({ units }: PartitionedPiece): readonly Runs[] => units.flatMap(runsOf);

/** The commands of a unit. */
function runsOf(unit: Unit): readonly Runs[] {
  if (!isLoop(unit)) return [unit];
  const { owner, body, scan } = unit;
  if (owner === "column" || owner === "whole") return [{ reverse: scan.attrs.reverse, body }];
  // Workgroups that own rows or elements do not wait for each other, so their steps are not program points. Of a loop in chunks, each
  // kernel computes what it needs of the body.
  const ops = body.flatMap((kernel) => kernel.ops);
  return body.map(() => ({ ops }));
}

function listed({ allocation, ...rest }: NamedTensor, layout: Layout): Tensor {
  const { buffer, frame, start } = allocation;
  const { region } = buffer;
  if (region === "half") throw new Error(`\`${rest.name}\`, which the host reads, is stored as f16`);
  const shift = buffer.time && frame.kind === "shifted" ? frame.by * layout.region(region).frame : 0;
  return { ...rest, region, offset: buffer.offset + start + shift };
}
