/** How a product is cut for a workgroup's lanes: which products are worth a tile, and how large its parts are. */

import type { KExpr } from "../../kernel-ir/types.ts";
import { invocationsOf, type Machine, sharesTiles } from "../../machine.ts";

/** Of products of one left side. */
export interface Job {
  /** How many products. */
  readonly count: number;
  /** How many terms each sum has; at least, if it goes along time. */
  readonly terms: number;
}

export interface TileShape {
  /** What the workgroup owns. */
  readonly rows: number;
  readonly columns: number;
  /** Blocks of a tile: of four rows, and of `units` columns. */
  readonly rowBlocks: number;
  readonly unitBlocks: number;
  /** Columns of each product in a lane's block. */
  readonly units: number;
  /** Vectors of a lane's block, for each job. */
  readonly vectors: readonly number[];
  /** How far a round goes along what is contracted. */
  readonly round: number;
  /** How many lanes share what a block contracts. */
  readonly slices: number;
  /** Vectors from one k to the next in the tiles, and in all. */
  readonly leftStride: number;
  readonly rightStride: number;
  readonly leftVectors: number;
  readonly rightVectors: number;
}

/** A lane's place among the blocks of a tile. */
export interface Block {
  readonly row: KExpr;
  readonly unit: KExpr;
  readonly slice: KExpr;
}

/** Vectors of both tiles at most: ten KiB, which leaves six for the shares of sums. */
const VECTORS = 640;
/** Lengths of a round: the longer, the fewer barriers. Below 16 a round has fewer multiply-adds than it is worth. */
const ROUNDS = [64, 32, 16];
/** Rows of a tile in blocks of four: 64 rows by 64 columns are a block for each of 256 lanes. */
const ROW_BLOCKS = 16;
/** Sums of vectors a lane can hold in registers: 64 numbers. */
const MOST_VECTORS = 4;

/**
 * Whether products are worth a tile. One row reads each weight once in any case. Short sums are done before their operands are
 * laid down, and so is what has fewer than 32 multiply-adds a lane: half of what a block has in its first round.
 */
export function worthTiling(rows: number, columns: number, job: Job, machine: Machine): boolean {
  const { count, terms } = job;
  const multiplyAdds = rows * columns * count * terms;
  return sharesTiles(machine) && rows > 1 && terms >= 8 && multiplyAdds >= 32 * invocationsOf(machine);
}

/** The shape for `rows` × `columns` of each product of all jobs. Undefined if a lane's block would not fit its registers. */
export function tileShape(
  rows: number,
  columns: number,
  jobs: readonly Job[],
  machine: Machine,
): TileShape | undefined {
  const lanes = invocationsOf(machine);
  const most = Math.max(...jobs.map((job) => job.count));
  // A vector holds four columns of one product, two of two, or one of more.
  const units = most === 1 ? 4 : most === 2 ? 2 : 1;
  const vectors = jobs.map((job) => Math.ceil((job.count * units) / 4));
  if (vectors.reduce((a, b) => a + b, 0) > MOST_VECTORS) return undefined;
  const widest = Math.max(...vectors);
  const rowParts = Math.ceil(rows / 4);
  const unitParts = Math.ceil(columns / units);
  const rowBlocks = evenly(rowParts, ROW_BLOCKS);
  const unitBlocks = evenly(
    unitParts,
    Math.min(Math.floor(lanes / rowBlocks), Math.floor((VECTORS / 16 - odd(rowBlocks) - 1) / widest)),
  );
  const leftStride = odd(rowBlocks);
  const rightStride = odd(unitBlocks * widest);
  const terms = Math.max(...jobs.map((job) => job.terms));
  const fits = (length: number): boolean => length * (leftStride + rightStride) <= VECTORS && length < 2 * terms;
  const round = ROUNDS.find(fits) ?? 16;
  const blocks = rowBlocks * unitBlocks;
  // A slice has four terms of a round at least.
  let slices = 1;
  while (2 * slices * blocks <= lanes && 8 * slices <= round) slices *= 2;
  // The larger tile also holds a vector of each lane when slices are added.
  const shared = slices > 1 ? blocks * slices : 0;
  const [left, right] = [round * leftStride, round * rightStride];
  return {
    ...{ rows, columns, rowBlocks, unitBlocks, units, vectors, round, slices, leftStride, rightStride },
    leftVectors: left > right ? Math.max(left, shared) : left,
    rightVectors: left > right ? right : Math.max(right, shared),
  };
}

/** Workgroups that keep a GPU busy: most have 16 to 140 processors. */
const BUSY = 64;

/**
 * The side of square tiles in which a result of `rows` × `columns` is shared out: the largest of which there are enough to keep
 * the machine busy. Small tiles read more of the operands for each result.
 *
 * @param steps a workgroup has one step of many
 */
export function tileSide(rows: number, columns: number, steps: boolean): number {
  const sides = [64, 32, 16];
  const enough = (side: number): boolean => Math.ceil(rows / side) * Math.ceil(columns / side) >= BUSY;
  return steps ? sides[0] : (sides.find(enough) ?? sides[sides.length - 1]);
}

/** The size of `parts` cut in as few pieces of at most `most` as can be, all about equal. */
const evenly = (parts: number, most: number): number => Math.ceil(parts / Math.ceil(parts / most));

/** An odd stride lets vectors one below the other fall on all banks of the memory. */
const odd = (n: number): number => n | 1;
