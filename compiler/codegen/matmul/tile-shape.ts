/** How the lanes of a workgroup divide a product: which products are worth a tile, and how large the parts of one are. */

import type { KExpr } from "../../kernel-ir/types.ts";
import { invocationsOf, type Machine, sharesTiles } from "../../machine.ts";

/** The size of products that share their left operand. */
export interface Job {
  /** How many products. */
  readonly count: number;
  /** How many terms each sum has; the least number, if it runs over time. */
  readonly terms: number;
}

export interface TileShape {
  /** What the workgroup owns. */
  readonly rows: number;
  readonly columns: number;
  /** Blocks of a tile along its rows, of four each, and along its columns, of `units` each. */
  readonly rowBlocks: number;
  readonly unitBlocks: number;
  /** Columns of each product in a lane's block. */
  readonly units: number;
  /** Vectors of a lane's block, for each job. */
  readonly vectors: readonly number[];
  /** How much of the contracted axis a round covers. */
  readonly round: number;
  /** How many lanes divide the contracted axis of a block among themselves. */
  readonly slices: number;
  /** Vectors of each tile from one k to the next, and in all. */
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

/** The most vectors of both tiles: ten KiB, which leaves six for the partial results of reductions. */
const VECTORS = 640;
/** Lengths of a round. The longer, the fewer barriers; below 16 a round has too few multiply-adds to pay for its barriers. */
const ROUNDS = [64, 32, 16];
/** Blocks of four rows in a tile: 64 rows by 64 columns make a block for each of 256 lanes. */
const ROW_BLOCKS = 16;
/** The most vectors in a lane's block that fit its registers: with four rows, 64 numbers. */
const MOST_VECTORS = 4;

/**
 * Whether products are worth a tile. A single row reads each weight only once anyway. Short sums, and products with fewer than 32
 * multiply-adds for each lane (half a round of a block), would be finished before their operands are staged.
 */
export function worthTiling(rows: number, columns: number, job: Job, machine: Machine): boolean {
  const { count, terms } = job;
  const multiplyAdds = rows * columns * count * terms;
  return sharesTiles(machine) && rows > 1 && terms >= 8 && multiplyAdds >= 32 * invocationsOf(machine);
}

/** The shape of tiles for `rows` × `columns` of all jobs. Undefined if a lane's block would not fit its registers. */
export function tileShape(
  rows: number,
  columns: number,
  jobs: readonly Job[],
  machine: Machine,
): TileShape | undefined {
  const lanes = invocationsOf(machine);
  const most = Math.max(...jobs.map((job) => job.count));
  // A vector holds four columns of one product, two columns of two products, or one column of each of more.
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
  // A slice has at least four terms of a round.
  let slices = 1;
  while (2 * slices * blocks <= lanes && 8 * slices <= round) slices *= 2;
  // While slices are added, the larger tile holds a vector of each lane.
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
 * The side of the square tiles into which the grid divides a result of `rows` × `columns`: the largest for which there are enough
 * tiles to keep the machine busy. Smaller tiles read more of the operands for each result.
 *
 * @param steps each workgroup has a single step
 */
export function tileSide(rows: number, columns: number, steps: boolean): number {
  const sides = [64, 32, 16];
  const enough = (side: number): boolean => Math.ceil(rows / side) * Math.ceil(columns / side) >= BUSY;
  return steps ? sides[0] : (sides.find(enough) ?? sides[sides.length - 1]);
}

/** The size of the pieces if `parts` are divided evenly into as few pieces of at most `most` as possible. */
const evenly = (parts: number, most: number): number => Math.ceil(parts / Math.ceil(parts / most));

/** With an odd stride, the vectors of a column fall into different banks of the memory. */
const odd = (n: number): number => n | 1;
