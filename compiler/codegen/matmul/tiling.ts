/** A tiled product: what it computes, how its tiles are divided, and the points of its rows and columns. */

import type { Type, Value } from "../../ir/types.ts";
import * as x from "../../kernel-ir/expr.ts";
import type { KExpr, KStmt, Tile } from "../../kernel-ir/types.ts";
import type { Machine } from "../../machine.ts";
import type { Scope } from "../elementwise.ts";
import { isWhole, type OwnedAxis } from "../loop-nest.ts";
import { both, onLanes, unflatten } from "../loops.ts";
import { type Point, withIndex } from "../point.ts";
import type { Chunk } from "./tile-products.ts";
import type { Block, TileShape } from "./tile-shape.ts";

/** What tiles must know of the kernel they stand in. */
export interface TileSite {
  readonly machine: Machine;
  readonly scope: Scope;
  /** The point at which loops over the axes of a space begin. */
  start(space: Type): Point;
  /** The axes of a space, with the part of each that the workgroup owns. */
  axes(space: Type): readonly OwnedAxis[];
  /** Statements that store the value of `v` at `p` in each of its places. */
  store(v: Value, p: Point, value: KExpr): readonly KStmt[];
  /** Workgroup memory of at least `size` floats in vectors, for one of a product's two operands. */
  tile(which: "left" | "right", size: number): Tile;
}

/** A register: four columns of one row of a lane's block. */
export interface Accumulator {
  readonly chunk: number;
  readonly row: number;
  /** Which of the chunk's vectors. */
  readonly vector: number;
  readonly name: string;
}

/** Rows of a lane's block. */
export const ROWS = [0, 1, 2, 3] as const;

/** What happens to rows and columns of a tile beyond the result: their operands are read at the last one, or they are guarded. */
type Beyond = "clamped" | "guarded";

export class Tiling {
  readonly site: TileSite;
  readonly type: Type;
  /** What is computed and stored, all of type `type`. */
  readonly values: readonly Value[];
  readonly chunks: readonly Chunk[];
  readonly shape: TileShape;
  readonly rows: readonly OwnedAxis[];
  readonly columns: OwnedAxis;
  readonly left: Tile;
  readonly right: Tile;
  readonly accumulators: readonly Accumulator[];

  constructor(
    site: TileSite,
    type: Type,
    values: readonly Value[],
    axes: readonly OwnedAxis[],
    chunks: readonly Chunk[],
    shape: TileShape,
  ) {
    this.site = site;
    this.type = type;
    this.values = values;
    this.rows = axes.slice(0, -1);
    this.columns = axes[axes.length - 1];
    this.chunks = chunks;
    this.shape = shape;
    this.left = site.tile("left", 4 * shape.leftVectors);
    this.right = site.tile("right", 4 * shape.rightVectors);
    this.accumulators = chunks.flatMap((_, chunk) =>
      Array.from({ length: shape.vectors[chunk] }, (_, vector) => vector).flatMap((vector) =>
        ROWS.map((row): Accumulator => ({ chunk, row, vector, name: site.scope.name(`acc_${row}`) })),
      ),
    );
  }

  /** Names a value, unless it is a variable or a number. */
  bind(into: KStmt[], hint: string, value: KExpr): KExpr {
    if (value.k === "int" || value.k === "var") return value;
    const name = this.site.scope.name(hint);
    into.push({ s: "let", name, type: "i32", value });
    return x.variable(name, "i32");
  }

  lanes(count: number, body: (i: KExpr) => readonly KStmt[]): KStmt {
    return onLanes(this.site.scope.name, count, body);
  }

  /** Which rows, units and slice are lane i's. Blocks of units run fastest, slices slowest. */
  block(i: KExpr, into: KStmt[]): Block {
    const { rowBlocks, unitBlocks, slices } = this.shape;
    const blocks = rowBlocks * unitBlocks;
    const slice = slices > 1 ? this.bind(into, "slice", x.div(i, x.int(blocks))) : x.int(0);
    const inSlice = slices > 1 ? this.bind(into, "block", x.rem(i, x.int(blocks))) : i;
    const row = rowBlocks > 1 ? this.bind(into, "row", x.div(inSlice, x.int(unitBlocks))) : x.int(0);
    const unit = rowBlocks > 1 ? this.bind(into, "unit", x.rem(inSlice, x.int(unitBlocks))) : inSlice;
    return { row, unit, slice };
  }

  /** The point of a row, by its number within what the workgroup owns. */
  rowPoint(row: KExpr, beyond: Beyond): Point {
    const offsets = unflatten(
      row,
      this.rows.map(({ most }) => most!),
    );
    return this.rows.reduce(
      (point, axis, k) => withIndex(point, axis.axis, position(axis, offsets[k], beyond)),
      this.site.start(this.type),
    );
  }

  /** `point` at a column, by its number within what the workgroup owns. */
  columnPoint(column: KExpr, point: Point, beyond: Beyond): Point {
    return withIndex(point, point.f.length - 1, position(this.columns, column, beyond));
  }

  /** The number of a row or column, at most `extent` − 1 if tiles of `step` overlap the end: it is then computed and not stored. */
  clamped(at: KExpr, extent: number, step: number): KExpr {
    return extent % step === 0 ? at : x.min(at, x.int(extent - 1));
  }

  /** The condition under which a row, in tiles of `step`, is one of the workgroup's; undefined: always. */
  inRows(row: KExpr, extent: number, step: number): KExpr | undefined {
    const inside = extent % step === 0 ? undefined : x.compare("lt", row, x.int(extent));
    const [first] = this.rows;
    // The grid divides only the outermost axis.
    if (first === undefined || isWhole(first)) return inside;
    const inner = this.rows.slice(1).reduce((n, a) => n * a.most!, 1);
    return both(inside, x.compare("lt", x.add(first.from, x.div(row, x.int(inner))), first.end ?? first.to));
  }

  /** The condition under which a column, in tiles of `step`, is one of the workgroup's; undefined: always. */
  inColumns(column: KExpr, extent: number, step: number): KExpr | undefined {
    const inside = extent % step === 0 ? undefined : x.compare("lt", column, x.int(extent));
    if (isWhole(this.columns)) return inside;
    return both(inside, x.compare("lt", x.add(this.columns.from, column), this.columns.end ?? this.columns.to));
  }
}

const position = (a: OwnedAxis, offset: KExpr, beyond: Beyond): KExpr => {
  const at = x.add(a.from, offset);
  return beyond === "guarded" || isWhole(a) ? at : x.min(at, x.sub(a.end ?? a.to, x.int(1)));
};
