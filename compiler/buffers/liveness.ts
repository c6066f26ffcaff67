/**
 * Liveness: the live interval of each buffer, over an entry's commands.
 *
 * A program point is [piece, command, iteration, kernel]. For a buffer with frames, the iteration is that in which a loop touches a
 * given frame, minus the frame's number, so that the result is the same for every frame: in a loop from the first step to the last,
 * frame f is written at step f − 1 by what writes one frame ahead, and read at step f by what does not. So a value that a loop
 * computes may take the memory of one that the same loop reads for the last time, if they are different kernels.
 *
 * A buffer without frames that is live within one step of a loop has the loop's kernels as program points. Everything else that a
 * loop touches is live throughout the loop.
 */
import type { Op, Value } from "../ir/types.ts";
import { type LiveInterval, never, type ProgramPoint, span } from "./arena.ts";
import type { Allocations } from "./assignment.ts";
import { type Allocation, type Buffer, isFramed } from "./layout.ts";

const start: ProgramPoint = [Number.NEGATIVE_INFINITY];
const end: ProgramPoint = [Number.POSITIVE_INFINITY];

/** A kernel, or the kernels of a loop over the steps. */
export type Runs =
  | { readonly ops: readonly Op[] }
  | { readonly reverse: boolean; readonly body: readonly { readonly ops: readonly Op[] }[] };

export interface Liveness {
  readonly commands: readonly Runs[];
  readonly allocations: Allocations;
  readonly defs: ReadonlyMap<Value, Op>;
  /** The index of the piece: the first part of its program points. */
  readonly piece: number;
  /** Whether a buffer is live throughout the piece once it is touched at all. */
  stays(buffer: Buffer): boolean;
}

export function liveIntervals({
  commands,
  allocations,
  defs,
  piece,
  stays,
}: Liveness): ReadonlyMap<Buffer, LiveInterval> {
  const intervals = new Map<Buffer, LiveInterval>();
  const touch = (buffer: Buffer, from: ProgramPoint, to: ProgramPoint = from): void =>
    add(buffer, when(buffer, from, to));
  const touchBehind = (buffer: Buffer, from: ProgramPoint, to: ProgramPoint): void =>
    add(buffer, { ...never, behind: when(buffer, from, to) });
  const when = (buffer: Buffer, from: ProgramPoint, to: ProgramPoint): LiveInterval => {
    const whole = stays(buffer);
    return { from: [piece, ...(whole ? start : from)], to: [piece, ...(whole ? end : to)] };
  };
  const add = (buffer: Buffer, interval: LiveInterval): void => {
    const known = intervals.get(buffer);
    intervals.set(buffer, known ? span(known, interval) : interval);
  };
  commands.forEach((command, at) => {
    if (!("body" in command)) {
      accesses(command.ops, allocations, defs, (allocation) => {
        if (reachesBehind(allocation)) touchBehind(allocation.buffer, [at], [at]);
        if (!isBehind(allocation)) touch(allocation.buffer, [at]);
      });
      return;
    }
    const { body, reverse } = command;
    const own = new Set<Buffer>();
    for (const { ops } of body)
      for (const v of everyOp(ops).flatMap((op) => op.results))
        for (const { buffer } of allocations.get(v) ?? []) own.add(buffer);
    body.forEach(({ ops }, kernel) => {
      accesses(ops, allocations, defs, (allocation) => {
        const { buffer, frame } = allocation;
        const throughout = [
          [at, ...start],
          [at, ...end],
        ] as const;
        if (reachesBehind(allocation)) touchBehind(buffer, ...throughout);
        if (isBehind(allocation)) return;
        if (isFramed(buffer) && frame.kind === "shifted") touch(buffer, [at, reverse ? frame.by : -frame.by, kernel]);
        else if (!buffer.time && own.has(buffer)) touch(buffer, [at, 0, kernel]);
        else touch(buffer, ...throughout);
      });
    });
  });
  return intervals;
}

/** Whether an allocation is the frame after the last step's. */
const isBehind = ({ buffer, frame }: Allocation): boolean => isFramed(buffer) && frame.kind === "behind";

/** Whether one of an allocation's frames is that frame. */
const reachesBehind = (allocation: Allocation): boolean =>
  isBehind(allocation) ||
  (isFramed(allocation.buffer) && allocation.frame.kind === "shifted" && allocation.frame.by > 0);

/** The allocations that a kernel of `ops` stores to and loads from: all those of results, the first of each operand. */
export function accesses(
  ops: readonly Op[],
  allocations: Allocations,
  defs: ReadonlyMap<Value, Op>,
  touch: (allocation: Allocation) => void,
): void {
  stores(ops, allocations, touch);
  loads(ops, allocations, defs, touch);
}

/** The allocations that a kernel of `ops` stores to. */
export function stores(ops: readonly Op[], allocations: Allocations, touch: (allocation: Allocation) => void): void {
  for (const v of everyOp(ops).flatMap((op) => op.results)) allocations.get(v)?.forEach(touch);
}

/** The allocations from which a kernel of `ops` loads what other kernels stored. */
export function loads(
  ops: readonly Op[],
  allocations: Allocations,
  defs: ReadonlyMap<Value, Op>,
  touch: (allocation: Allocation) => void,
): void {
  const all = everyOp(ops);
  const seen = new Set(all.flatMap((op) => op.results));
  // A value without an allocation is computed where it is used.
  const read = (v: Value): void => {
    if (seen.has(v)) return;
    seen.add(v);
    const allocation = allocations.get(v)?.[0];
    if (allocation) touch(allocation);
    else defs.get(v)?.operands.forEach(read);
  };
  for (const op of all) op.operands.forEach(read);
}

/** Ops and those of their bodies: a kernel is one program point. */
const everyOp = (ops: readonly Op[]): readonly Op[] =>
  ops.flatMap((op) => (op.body ? [op, ...everyOp(op.body.ops)] : [op]));
