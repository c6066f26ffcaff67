/**
 * Buffer aliasing: which buffer may reuse the memory of another because one kernel turns the one into the other, element by
 * element.
 *
 * A kernel reads a buffer for the last time and writes another of the same size: centred values for products, or cotangents for
 * saved values. If each element is read before that very element is written, by the same lane or a barrier earlier, both can share
 * memory. Only half as much memory is then touched, and it is already in the cache.
 */

import * as dim from "../ir/dim.ts";
import { isElementwise } from "../ir/ops/elementwise.ts";
import { isView, rowOf } from "../ir/ops.ts";
import { sameType } from "../ir/type.ts";
import type { Op, OpOf, Value } from "../ir/types.ts";
import { type Machine, ordersStores } from "../machine.ts";
import { isPivot, ownsPivot } from "../partition/fusion.ts";
import { isLoop, kernelsOf, type PartitionedKernel, type PartitionedPiece } from "../partition/partition.ts";
import { isReduction } from "../partition/stages.ts";
import type { LiveInterval, ProgramPoint } from "./arena.ts";
import type { Allocations } from "./assignment.ts";
import type { Alias, Allocation, Buffer } from "./layout.ts";
import { accesses } from "./liveness.ts";

export interface AliasProblem {
  readonly piece: PartitionedPiece;
  readonly allocations: Allocations;
  readonly intervals: ReadonlyMap<Buffer, LiveInterval>;
  readonly dims: Readonly<Record<string, number>>;
  readonly machine: Machine;
}

/** Finds aliases: each buffer occurs at most once on either side. There are none if no kernel may write what it reads. */
export function findAliases({ piece, allocations, intervals, dims, machine }: AliasProblem): readonly Alias[] {
  if (!machine.readWrite) return [];
  const { defs } = piece;
  const found: Alias[] = [];
  const taken = new Set<Buffer>();
  const given = new Set<Buffer>();
  for (const { kernel, loops } of piece.units.flatMap((unit) => {
    const holdsLoop = isLoop(unit) && unit.owner !== "column";
    return kernelsOf(unit).map((k) => ({ kernel: k, loops: holdsLoop }));
  })) {
    // What all examples share is small, and not worth it.
    const results = kernel.ops.flatMap((op) => op.results).filter(({ type }) => type.batch);
    const written = new Set(results.flatMap((v) => (allocations.get(v) ?? []).map(({ buffer }) => buffer)));
    const touched = new Set<Buffer>();
    accesses(kernel.ops, allocations, defs, ({ buffer }) => touched.add(buffer));
    // Every step of a loop reads what was computed before it.
    const once = [...touched].filter((b) => !loops || b.time || written.has(b));
    const ending = new Map<string, Buffer[]>();
    for (const from of once.filter(mayShare)) {
      const key = kindOf(from, intervals.get(from)!.to);
      const alike = ending.get(key);
      if (alike === undefined) ending.set(key, [from]);
      else alike.push(from);
    }
    let uses: KernelUses | undefined;
    for (const to of [...written].filter(mayShare)) {
      const alike = ending.get(kindOf(to, intervals.get(to)!.from)) ?? [];
      const from = alike.find((b) => {
        if (b === to || taken.has(b)) return false;
        uses ??= usesOf({
          kernel,
          stageOf: stagesOf(kernel),
          defs,
          allocations,
          dims,
          inOrder: ordersStores(machine),
        });
        return mayAlias(b, to, uses);
      });
      if (from === undefined || given.has(to)) continue;
      found.push({ from, to });
      taken.add(from);
      given.add(to);
    }
  }
  return found;
}

const stagesOf = ({ stages }: PartitionedKernel): ReadonlyMap<Value, number> =>
  new Map(stages.flatMap((ops, at) => ops.flatMap((op) => op.results.map((v) => [v, at] as const))));

/**
 * Equal if the first buffer, read for the last time at that program point, has room for the second, which is written for the first
 * time there.
 */
const kindOf = ({ size, span, time }: Buffer, point: ProgramPoint): string => {
  const parts = [...point];
  while (parts.at(-1) === 0) parts.pop();
  return `${size} ${span} ${time} ${parts.join()}`;
};

const mayShare = ({ region, ring }: Buffer): boolean => (region === "work" || region === "half") && ring === undefined;

/** A kernel's ops in stages, and the allocations of its values. */
interface Stages {
  readonly kernel: PartitionedKernel;
  readonly defs: ReadonlyMap<Value, Op>;
  readonly allocations: Allocations;
  readonly dims: Readonly<Record<string, number>>;
  readonly stageOf: ReadonlyMap<Value, number>;
  readonly inOrder: boolean;
}

interface KernelUses {
  /** What the kernel writes to each buffer. */
  readonly writes: ReadonlyMap<Buffer, readonly Written[]>;
  /** What reads a buffer, or stores to it, in the order of the ops. */
  readonly uses: ReadonlyMap<Buffer, readonly Use[]>;
  readonly defs: ReadonlyMap<Value, Op>;
  /** Whether a stage computes its sums before it stores anything else: a single lane does one thing after another. */
  readonly inOrder: boolean;
}

/** A value that is stored, or a part of one. */
interface Written {
  readonly value: Value;
  readonly allocation: Allocation;
  readonly stage: number;
}

/** An op's result that is stored in a buffer, or for which something is read from it. */
interface Use {
  readonly op: Op;
  readonly result: Value;
  readonly stage: number;
  readonly stores: boolean;
  readonly reads: readonly (Place | "elsewhere")[];
}

/** The value as it is used: all of an allocation, or one of the parts into which it is split. */
interface Place {
  readonly value: Value;
  readonly allocation: Allocation;
  /** It is read as a pivot: the first element along some axes of what the workgroup owns. */
  readonly first: boolean;
}

/** The uses of each buffer in a kernel, collected once for all pairs of buffers. */
function usesOf({ kernel, stageOf, allocations, defs, dims, inOrder }: Stages): KernelUses {
  const writes = new Map<Buffer, Written[]>();
  const uses = new Map<Buffer, Use[]>();
  const push = <T>(all: Map<Buffer, T[]>, buffer: Buffer, item: T): void => {
    const known = all.get(buffer);
    if (known === undefined) all.set(buffer, [item]);
    else known.push(item);
  };
  for (const op of kernel.ops) {
    for (const result of op.results) {
      const stage = stageOf.get(result)!;
      const stored = allocations.get(result);
      for (const allocation of stored ?? []) push(writes, allocation.buffer, { value: result, allocation, stage });
      // A value that is not stored reads its operands where it is used.
      const isInline = isElementwise(op.op) && stored === undefined;
      const reads = isInline
        ? []
        : op.operands.flatMap((v) => readsOf(v, stage, { kernel, stageOf, allocations, defs, dims }));
      const touched = new Set([...(stored ?? []).map(({ buffer }) => buffer), ...reads.map(({ buffer }) => buffer)]);
      for (const buffer of touched) {
        const stores = stored?.some((allocation) => allocation.buffer === buffer) ?? false;
        const here = reads.filter((read) => read.buffer === buffer).map(({ place }) => place);
        push(uses, buffer, { op, result, stage, stores, reads: here });
      }
    }
  }
  return { writes, uses, defs, inOrder };
}

/** Whether a kernel may write `to` to the memory of `from`, which nothing reads afterwards. */
function mayAlias(from: Buffer, to: Buffer, { writes, uses, defs, inOrder }: KernelUses): boolean {
  const written = writes.get(to)!;
  /** By start: parts of one type do not overlap. */
  const parts = new Map(written.map((part) => [part.allocation.start, part]));
  const [{ value: first }] = written;
  const { type } = first;
  if (parts.size < written.length) return false;
  if (!written.every(({ value }) => isElementwise(defs.get(value)!.op) && sameType(value.type, type))) return false;
  const earliest = written.reduce((least, { stage }) => Math.min(least, stage), Number.POSITIVE_INFINITY);

  return (uses.get(from) ?? []).every(({ op, result, stage, stores, reads }) => {
    if (stores && stage >= earliest) return false;
    if (reads.length === 0) return true;
    const isPoint = isElementwise(op.op);
    const others = reads.some((read) => read === "elsewhere" || !read.first);
    if (isPoint ? others && !sameType(result.type, type) : !isReduction(op) || rowOf(op.op).combines === "position")
      return false;
    return reads.every((read) => {
      if (read === "elsewhere" || !sameType(read.value.type, type)) return false;
      const part = parts.get(read.allocation.start);
      if (part === undefined || !isAligned(read.allocation, part.allocation)) return false;
      // The pivot of several elements is overwritten before the others have read it.
      return stage < part.stage || (stage === part.stage && (isPoint ? !read.first : inOrder));
    });
  });
}

/** Whether the same element of the same step is at the same offset of two buffers, or of two parts with the same start. */
const isAligned = (a: Allocation, b: Allocation): boolean =>
  a.frame.kind === "shifted" &&
  b.frame.kind === "shifted" &&
  a.frame.by === b.frame.by &&
  a.batch === b.batch &&
  a.strides.length === b.strides.length &&
  a.strides.every((stride, i) => stride === b.strides[i]);

interface Read {
  readonly buffer: Buffer;
  /** `elsewhere`: elements other than the one that is computed. */
  readonly place: Place | "elsewhere";
}

const asFirst = ({ buffer, place }: Read): Read => ({
  buffer,
  place: place === "elsewhere" ? place : { ...place, first: true },
});

/** What is loaded to compute `v` in stage `stage`. */
function readsOf(
  v: Value,
  stage: number,
  { kernel, stageOf, defs, allocations, dims }: Pick<Stages, "kernel" | "stageOf" | "defs" | "allocations" | "dims">,
): readonly Read[] {
  const seen = new Set<Value>();
  const isLoaded = (u: Value): boolean => {
    const made = stageOf.get(u);
    return allocations.has(u) && (made === undefined || made < stage);
  };
  const visit = (u: Value): readonly Read[] => {
    if (seen.has(u)) return [];
    seen.add(u);
    if (isLoaded(u)) {
      const [allocation] = allocations.get(u)!;
      return [{ buffer: allocation.buffer, place: { value: u, allocation, first: false } }];
    }
    const op = defs.get(u);
    if (op === undefined || !(isElementwise(op.op) || isView(op))) return [];
    const part = op.op === "split" ? partOf(u, op) : undefined;
    if (part !== undefined && isLoaded(op.operands[0])) return [part];
    const reads = op.operands.flatMap(visit);
    if (isElementwise(op.op)) return reads;
    if (isPivot(op) && ownsPivot(kernel.owner, op)) return reads.map(asFirst);
    return [...(part ? [part] : []), ...reads.map(({ buffer }): Read => ({ buffer, place: "elsewhere" }))];
  };
  /** A part, along the last axis, of a materialised value. */
  const partOf = (u: Value, { operands: [whole], attrs: { axis }, results }: OpOf<"split">): Read | undefined => {
    const from = allocations.get(whole)?.[0];
    if (from === undefined || axis !== u.type.shape.length - 1) return undefined;
    const start = from.start + results.indexOf(u) * dim.evaluate(u.type.shape[axis], dims) * from.strides[axis];
    return { buffer: from.buffer, place: { value: u, allocation: { ...from, start }, first: false } };
  };
  return visit(v);
}
