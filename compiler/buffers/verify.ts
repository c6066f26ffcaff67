/** The rules that every assignment of buffers obeys, checked in tests. */
import { InternalError } from "../diagnostics/internal-error.ts";
import * as dim from "../ir/dim.ts";
import type { Value } from "../ir/types.ts";
import type { Partition } from "../partition/partition.ts";
import { valuesInMemory } from "../partition/verify.ts";
import { interfere } from "./arena.ts";
import type { Buffers } from "./buffers.ts";
import { type Allocation, type Buffer, isFramed, LINE } from "./layout.ts";
import { printBuffers } from "./print.ts";

/**
 * Throws `InternalError`, with the buffers' text, if they break a rule: every materialised value has an allocation, which is within
 * its buffer; and buffers that are live at the same time share no memory, except aliases.
 */
export function verifyBuffers(buffers: Buffers, partition: Partition, dims: Readonly<Record<string, number>>): void {
  const fault = (message: string): never => {
    throw new InternalError(message, printBuffers("faulty", buffers, partition));
  };
  partition.forEach((piece, at) => {
    for (const v of valuesInMemory(piece)) {
      const places = buffers.allocations[at].get(v);
      if (places === undefined) fault(`${v.name || "a value"} is kept in memory and has no buffer`);
      for (const place of places ?? [])
        if (lastOf(v, place, dims) >= place.buffer.size) fault(`${v.name || "a value"} leaves its buffer`);
    }
  });
  const aliases = chainsOf(buffers);
  for (const [i, a] of buffers.arena.entries())
    for (const b of buffers.arena.slice(0, i)) {
      const apart = endOf(a.buffer) <= b.buffer.offset || endOf(b.buffer) <= a.buffer.offset;
      if (apart || sectionOf(a.buffer) !== sectionOf(b.buffer) || !interfere(a.interval, b.interval)) continue;
      if (aliases(a.buffer) !== aliases(b.buffer)) fault("two buffers share memory while both are alive");
    }
}

/** The largest index of a value within its buffer. */
function lastOf(
  v: Value,
  { start, batch, strides, quads }: Allocation,
  dims: Readonly<Record<string, number>>,
): number {
  const last = (d: dim.Dim): number => dim.evaluate(d, dims) - 1;
  // Panels of four columns: the last stride is for multiples of 4.
  const along = (i: number): number => {
    const end = last(v.type.shape[i]);
    return quads && i === strides.length - 1 ? Math.floor(end / 4) * 4 * strides[i] + (end % 4) : end * strides[i];
  };
  const features = v.type.shape.reduce((sum, _, i) => sum + along(i), 0);
  return start + (v.type.batch ? (dims.batch - 1) * batch : 0) + features;
}

const endOf = ({ offset, size, ring = 1 }: Buffer): number =>
  offset + Math.ceil(size / LINE) * (ring - 1) * LINE + size;

/** The part of a region whose offsets can be compared. */
const sectionOf = (buffer: Buffer): string => `${buffer.region} ${isFramed(buffer) ? buffer.span : "fixed"}`;

/** The first buffer of the chain of aliases that a buffer belongs to. */
function chainsOf({ aliases }: Buffers): (buffer: Buffer) => Buffer {
  const before = new Map(aliases.map(({ from, to }) => [to, from]));
  return (buffer) => {
    let first = buffer;
    for (let b: Buffer | undefined = buffer; b !== undefined; b = before.get(b)) first = b;
    return first;
  };
}
