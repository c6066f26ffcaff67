/**
 * A machine is described by its capabilities: everything that the middle end decides by. A target's `machine.ts` fills it in. The
 * middle end knows nothing else of a target, and never asks for a machine by name.
 */

import { InternalError } from "./diagnostics/internal-error.ts";

/** The unit of parallelism: what runs one piece of a kernel's grid, and so what one piece can own. */
export type ParallelUnit =
  /** Invocations (lanes) that share memory and wait for each other at barriers: a GPU's compute shader. */
  | {
      readonly kind: "workgroup";
      readonly invocations: number;
      /** Invocations run in subgroups that can add up among themselves. */
      readonly subgroups: boolean;
    }
  /** One thread, which runs sequentially: a CPU. */
  | { readonly kind: "thread" }
  /** One invocation for one texel of each output, independent of all others: a fragment shader. */
  | { readonly kind: "texel" };

export interface Machine {
  readonly name: string;
  readonly unit: ParallelUnit;
  /**
   * How many neighbours a loop over points takes at once: 4, or 1. In a workgroup each invocation takes one, and uses vectors where
   * it has four of something.
   */
  readonly vector: 1 | 4;
  /** Bytes of tiles: a workgroup's shared memory; for a thread, what stays in its cache; 0 for none. */
  readonly tileBytes: number;
  /** After a barrier, a later stage of a kernel may load what an earlier one stored. A thread needs no barrier for that. */
  readonly barriers: boolean;
  /** A kernel may load from a buffer that it stores to. */
  readonly readWrite: boolean;
  /** The most buffers that a kernel stores to, and the floats of each that a unit stores; undefined: no limit. */
  readonly outputs: { readonly most: number; readonly width: number } | undefined;
  /**
   * How memory is addressed: a few regions of floats that hold all buffers, or a texture for each buffer of `work`. The other regions
   * are then textures, too, and what a kernel stores to one arrives there when the kernel is done.
   */
  readonly buffers: "regions" | "textures";
  /** Can store f16, in the region `half`. */
  readonly halves: boolean;
  /** Largest grid along one axis. */
  readonly maxGrid: number;
  /** Storage buffers, or textures to read from, that a kernel may bind. */
  readonly maxBindings: number;
  readonly rates: Rates;
}

/** How fast a machine is, as far as a choice between schedules asks. Times in µs. */
export interface Rates {
  /** From one dispatch to the next that waits for it. */
  readonly dispatch: number;
  /** Workgroups that run at a time. */
  readonly units: number;
  /** Operations on f32 that one of them does in a µs with all its lanes. */
  readonly flops: number;
  /** Bytes that one of them reads or writes in a µs: from caches, where data that is read repeatedly is. */
  readonly bytes: number;
  /** A barrier after which other lanes read from storage what was stored before it. */
  readonly barrier: number;
  /** A barrier that orders workgroup memory alone. */
  readonly tileBarrier: number;
  /** From the beginning of a lane's step to that of its next, where no barrier makes it wait: for what it loads. */
  readonly latency: number;
  /** How much longer arithmetic takes in a loop that workgroups own by rows than in one that they own by columns. */
  readonly rows: number;
}

/** A fact that follows from the unit of parallelism. */
const byUnit =
  <T>(facts: Readonly<Record<ParallelUnit["kind"], T>>) =>
  ({ unit }: Pick<Machine, "unit">): T =>
    facts[unit.kind];

/** A unit owns its texel of each output and no more: reductions and products are loops in the owner of their result. */
export const ownsResultsOnly = byUnit({ workgroup: false, thread: false, texel: true });

/** A unit can own a few hidden units with all their gates: their sums are computed apart, and stay together. */
export const ownsUnits = byUnit({ workgroup: true, thread: true, texel: false });

/** The parts of a joined value are computed directly into its buffer: a unit may store to any part of one. */
export const joinsInMemory = byUnit({ workgroup: true, thread: true, texel: false });

/** Products run in loops of their own, blocked in vector registers, rather than where they are used. */
export const blocksProducts = byUnit({ workgroup: false, thread: true, texel: false });

/** The invocations of a unit work on one result together: they share what products read, and partial sums, in tiles. */
export const sharesTiles = ({ unit, barriers, tileBytes }: Machine): boolean =>
  unit.kind === "workgroup" && barriers && tileBytes > 0;

/** One invocation does everything: a load before a store reads the old value, without a barrier. */
export const ordersStores = byUnit({ workgroup: false, thread: true, texel: false });

/** Examples that are a power of two apart fall on the same few sets of a cache, and are spread apart. */
export const spreadsExamples = byUnit({ workgroup: false, thread: true, texel: false });

/** Units that follow each other in a grid can run as one. */
export const joinsUnits = byUnit({ workgroup: false, thread: true, texel: false });

/** How many invocations a unit has. */
export const invocationsOf = ({ unit }: Pick<Machine, "unit">): number =>
  unit.kind === "workgroup" ? unit.invocations : 1;

export const hasSubgroups = ({ unit }: Pick<Machine, "unit">): boolean => unit.kind === "workgroup" && unit.subgroups;

/** Bytes that a kernel's tiles must not exceed. A thread's `tileBytes` are advice. */
export const mostTileBytes = (machine: Pick<Machine, "unit" | "tileBytes">): number =>
  byUnit({ workgroup: machine.tileBytes, thread: Number.POSITIVE_INFINITY, texel: machine.tileBytes })(machine);

/** Throws an InternalError: a machine with this unit of parallelism must never get here. */
export function refuseUnit({ name, unit }: Pick<Machine, "name" | "unit">, what: string): never {
  throw new InternalError(`${what} for ${name}: its unit of parallelism is a ${unit.kind}`);
}
