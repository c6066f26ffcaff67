/**
 * Textures: each holds buffers of one shape that are never live at the same time, and of which no kernel loads from one while it
 * stores to another.
 */
import type { Index, Texture } from "../../runtime/plan.ts";
import { kernelsOf, type Partition, type PartitionedPiece } from "../partition/partition.ts";
import { interfere } from "./arena.ts";
import type { Allocations } from "./assignment.ts";
import type { Buffer, Layout, LiveBuffer } from "./layout.ts";
import { loads, stores } from "./liveness.ts";

/** A texture of the plan, and the names by which kernels know the buffers in it. */
export interface SharedTexture {
  readonly texture: Texture;
  readonly holds: readonly string[];
}

/** The buffers that one kernel stores to, and those that it loads from. */
export interface Accesses {
  readonly stored: ReadonlySet<Buffer>;
  readonly loaded: ReadonlySet<Buffer>;
}

export const accessesOf = ({ units, defs }: PartitionedPiece, allocations: Allocations): readonly Accesses[] =>
  units.flatMap(kernelsOf).map(({ ops }) => {
    const [stored, loaded] = [new Set<Buffer>(), new Set<Buffer>()];
    stores(ops, allocations, ({ buffer }) => stored.add(buffer));
    loads(ops, allocations, defs, ({ buffer }) => loaded.add(buffer));
    return { stored, loaded };
  });

/** Buffers with frames that kernels outside of loops store, for all steps: their frames can lie below each other. */
export function storedAtOnce(partition: Partition, allocations: readonly Allocations[]): ReadonlySet<Buffer> {
  const [outside, inside] = [new Set<Buffer>(), new Set<Buffer>()];
  partition.forEach(({ units }, at) => {
    for (const { ops, inBody } of units.flatMap(kernelsOf))
      stores(ops, allocations[at], ({ buffer, frame }) => {
        const isOwn =
          buffer.time && buffer.ring === undefined && !buffer.texture?.alternate && frame.kind === "shifted";
        (isOwn && !inBody ? outside : inside).add(buffer);
      });
  });
  return new Set([...outside].filter((buffer) => !inside.has(buffer)));
}

interface Shared {
  readonly first: Buffer;
  readonly members: LiveBuffer[];
}

/** Shares textures among the buffers of an arena, in order. What the host reads, `visible`, is not overwritten. */
export function shareTextures(
  arena: readonly LiveBuffer[],
  kernels: readonly Accesses[],
  visible: ReadonlySet<Buffer>,
  layout: Layout,
): readonly SharedTexture[] {
  const shared: Shared[] = [];
  const meet = (a: Buffer, b: Buffer): boolean =>
    kernels.some(
      ({ stored, loaded }) => (stored.has(a) && (loaded.has(b) || stored.has(b))) || (stored.has(b) && loaded.has(a)),
    );
  for (const live of arena) {
    const { buffer } = live;
    if (buffer.texture === undefined) continue;
    const found = shared.find(
      ({ first, members }) =>
        isAlike(first, buffer) &&
        members.every((m) => !interfere(m.interval, live.interval) && !meet(m.buffer, buffer)),
    );
    if (found) found.members.push(live);
    else shared.push({ first: buffer, members: [live] });
  }
  for (const { first, members } of shared) if (!members.some(({ buffer }) => visible.has(buffer))) layout.count(first);
  return shared.map(({ first, members }): SharedTexture => {
    const { name, alternate, stacked } = first.texture!;
    const frames = framesOf(first, layout);
    const host = members.flatMap(({ buffer }) =>
      visible.has(buffer) ? [{ offset: buffer.offset, size: buffer.size }] : [],
    );
    return {
      holds: members.map(({ buffer }) => buffer.texture!.name),
      texture: {
        name,
        size: first.size,
        ...(frames !== undefined && { frames }),
        ...(first.time && alternate && { alternate }),
        ...(stacked && { stacked }),
        ...(host.length > 0 && { host }),
      },
    };
  });
}

const isAlike = (a: Buffer, b: Buffer): boolean =>
  a.size === b.size &&
  a.time === b.time &&
  a.span === b.span &&
  a.ring === b.ring &&
  a.texture!.alternate === b.texture!.alternate &&
  a.texture!.stacked === b.texture!.stacked;

/** How many frames a buffer has; undefined if it has none. */
function framesOf({ time, ring, span }: Buffer, { length }: Layout): Index | undefined {
  if (!time) return undefined;
  if (ring !== undefined) return ring;
  switch (span) {
    case "sequence":
      return ["add", "T", 1];
    case "segment":
      return length! + 1;
    case "borders":
      return ["add", ["div", ["add", "T", length! - 1], length!], 1];
  }
}
