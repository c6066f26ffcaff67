/**
 * Tiled products, for machines whose invocations share tiles: the loops that compute values which depend on products, at every
 * point that a workgroup owns.
 *
 *     for each tile of the result:
 *       for each round of the contraction:
 *         lanes: stage the operands in workgroup memory, in vectors of four rows or of four columns
 *         lanes: accumulate a block of 4 rows × 4 columns of the result in registers: two loads for sixteen multiply-adds
 *       lanes: compute the values from the products in registers (the epilogue), and store them
 *
 * Several products of one left operand, such as a cell's gates, share its tile: a lane then has all of them for its units (a unit
 * is one column of each product), so that the four columns of its vector may be the four gates of one unit. Where there are fewer
 * blocks than lanes, several lanes share a block: each sums a slice of what is contracted, and the slices are added at the end.
 *
 * Each lane reads single floats of the operands from storage, neighbouring lanes neighbouring floats, so that accesses coalesce.
 * (Reading `vec4f` from storage would require all accesses of the kernel to that buffer to be aligned, since WebGPU allows no
 * second, writable binding of it.)
 */

import * as dim from "../../ir/dim.ts";
import type { Type, Value } from "../../ir/types.ts";
import * as x from "../../kernel-ir/expr.ts";
import type { KExpr, KStmt, Tile } from "../../kernel-ir/types.ts";
import { Evaluation } from "../elementwise.ts";
import { guarded, loop, upTo } from "../loops.ts";
import { type Point, samePoint } from "../point.ts";
import { type Chunk, chunksOf, jobOf, productsBehind, tileProduct } from "./tile-products.ts";
import { type Job, tileShape, worthTiling } from "./tile-shape.ts";
import { stageLeft, stageRight } from "./tile-staging.ts";
import { type Accumulator, ROWS, type TileSite, Tiling } from "./tiling.ts";

/**
 * Loops that compute and store `values`, all of type `type`, in tiles. Undefined where no product behind them is worth a
 * tile: then the products are computed where they are used.
 */
export function tiledPoints(site: TileSite, type: Type, values: readonly Value[]): readonly KStmt[] | undefined {
  const axes = site.axes(type);
  const columns = axes[axes.length - 1];
  if (columns === undefined || typeof columns.axis !== "number" || axes.some((a) => a.most === undefined))
    return undefined;
  const { scope, machine } = site;
  const rows = axes.slice(0, -1).reduce((n, a) => n * a.most!, 1);
  const products = productsBehind(values, type, scope).flatMap((op) => tileProduct(op, scope) ?? []);
  const chunks = chunksOf(products).filter((chunk) => worthTiling(rows, columns.most!, jobOfChunk(chunk), machine));
  const shape = chunks.length > 0 ? tileShape(rows, columns.most!, chunks.map(jobOfChunk), machine) : undefined;
  if (shape === undefined) return undefined;
  return statements(new Tiling(site, type, values, axes, chunks, shape));
}

const jobOfChunk = ({ products }: Chunk): Job => ({ ...jobOf(products[0]), count: products.length });

const int = x.int;
const zero: KExpr = { k: "splat", a: x.float(0) };

function statements(tiling: Tiling): readonly KStmt[] {
  const { shape, chunks, accumulators } = tiling;
  return passes(tiling, "m", shape.rows, 4 * shape.rowBlocks, (m) =>
    passes(tiling, "n", shape.columns, shape.units * shape.unitBlocks, (n) => [
      ...accumulators.map(({ name }): KStmt => ({ s: "register", name, type: "f32x4", value: zero })),
      ...chunks.map((_, i) => contract(tiling, i, m, n)),
      ...(shape.slices > 1 ? addSlices(tiling) : []),
      finish(tiling, m, n),
    ]),
  );
}

/** A loop over tiles of `step` rows or columns; no loop if one tile has all `extent` of them. */
function passes(
  { site }: Tiling,
  hint: string,
  extent: number,
  step: number,
  body: (from: KExpr) => readonly KStmt[],
): readonly KStmt[] {
  return step >= extent ? body(int(0)) : [loop(site.scope.name, { hint, ...upTo(extent), step }, body)];
}

/** The loop over the rounds of chunk `i`. */
function contract(tiling: Tiling, i: number, m: KExpr, n: KExpr): KStmt {
  const chunk = tiling.chunks[i];
  const { from, to } = chunk.contraction;
  return loop(tiling.site.scope.name, { hint: "k", from, to, step: tiling.shape.round }, (k) => [
    stageLeft(tiling, chunk, k, m),
    stageRight(tiling, i, k, n),
    { s: "barrier", only: "tiles" },
    multiply(tiling, i),
    { s: "barrier", only: "tiles" },
  ]);
}

/** Each lane accumulates its block of the product of what the tiles hold. */
function multiply(tiling: Tiling, chunk: number): KStmt {
  const { rowBlocks, unitBlocks, round, slices, leftStride, rightStride, vectors } = tiling.shape;
  const { name: names } = tiling.site.scope;
  return tiling.lanes(rowBlocks * unitBlocks * slices, (i) => {
    const own: KStmt[] = [];
    const { row, unit, slice } = tiling.block(i, own);
    const rounds = loop(names, { hint: "step", ...upTo(round / slices) }, (step) => {
      const body: KStmt[] = [];
      const kk = slices > 1 ? tiling.bind(body, "kk", x.add(x.mul(slice, int(round / slices)), step)) : step;
      const load = (hint: string, tile: Tile, at: KExpr): KExpr => {
        const name = names(hint);
        const value = x.load({ kind: "tile", name: tile.name }, x.mul(at, int(4)), "f32x4");
        body.push({ s: "let", name, type: "f32x4", value });
        return x.variable(name, "f32x4");
      };
      const a = load("a", tiling.left, x.add(x.mul(kk, int(leftStride)), row));
      const bs = Array.from({ length: vectors[chunk] }, (_, v) =>
        load("b", tiling.right, x.sum([x.mul(kk, int(rightStride)), x.mul(unit, int(vectors[chunk])), int(v)])),
      );
      for (const { name, row: r, vector } of tiling.accumulators.filter((c) => c.chunk === chunk)) {
        const left: KExpr = { k: "splat", a: { k: "extract", a, lane: ROWS[r] } };
        const value: KExpr = { k: "fma", type: "f32x4", a: left, b: bs[vector], c: x.variable(name, "f32x4") };
        body.push({ s: "assign", name, type: "f32x4", value });
      }
      return body;
    });
    return [...own, rounds];
  });
}

/**
 * Adds the slices of each row of a block, in the lane of the slice that finishes that row. They are exchanged through the larger
 * tile, as many rows at a time as it holds.
 */
function addSlices(tiling: Tiling): readonly KStmt[] {
  const { accumulators, left, right } = tiling;
  const { rowBlocks, unitBlocks, slices } = tiling.shape;
  const lanes = rowBlocks * unitBlocks * slices;
  const tile = left.size > right.size ? left : right;
  const together = Math.floor(tile.size / (4 * lanes));
  const rounds = Array.from({ length: Math.ceil(accumulators.length / together) }, (_, r) =>
    accumulators.slice(r * together, (r + 1) * together),
  );
  return rounds.flatMap((round): KStmt[] => [
    tiling.lanes(lanes, (i) =>
      round.map(({ name }, k): KStmt => {
        const index = x.mul(x.add(i, int(k * lanes)), int(4));
        const memory = { kind: "tile", name: tile.name } as const;
        return { s: "store", memory, index, type: "f32x4", value: x.variable(name, "f32x4") };
      }),
    ),
    { s: "barrier", only: "tiles" },
    tiling.lanes(lanes, (i) => addRound(tiling, tile, round, i)),
    { s: "barrier", only: "tiles" },
  ]);
}

/** Lane i adds the slices of those rows of a round that its own slice finishes. */
function addRound(tiling: Tiling, tile: Tile, round: readonly Accumulator[], i: KExpr): readonly KStmt[] {
  const { rowBlocks, unitBlocks, slices } = tiling.shape;
  const blocks = rowBlocks * unitBlocks;
  const add = (part: Accumulator, k: number, block: KExpr): KStmt => {
    const parts = Array.from({ length: slices }, (_, s) => {
      const index = x.mul(x.add(block, int(k * blocks * slices + s * blocks)), int(4));
      return x.load({ kind: "tile", name: tile.name }, index, "f32x4");
    });
    const value = parts.reduce((sum, other) => ({ k: "math", op: "add", type: "f32x4", args: [sum, other] }));
    return { s: "assign", name: finished(tiling, part), type: "f32x4", value };
  };
  const finisher = ({ row }: Accumulator): number => Math.floor(row / rowsOfSlice(tiling));
  return [...new Set(round.map(finisher))].map((own): KStmt => {
    const body: KStmt[] = [];
    const block = tiling.bind(body, "block", x.sub(i, int(own * blocks)));
    body.push(...round.flatMap((part, k) => (finisher(part) === own ? [add(part, k, block)] : [])));
    return { s: "if", condition: x.compare("eq", x.div(i, int(blocks)), int(own)), then: body, else: [] };
  });
}

/** How many slices finish rows: each finishes at least one. */
const finishers = ({ shape }: Tiling): number => Math.min(ROWS.length, shape.slices);

/** Rows of a block that each of them finishes. */
const rowsOfSlice = (tiling: Tiling): number => ROWS.length / finishers(tiling);

/** The register in which a row is finished: counted from the first row that the slice finishes. */
function finished(tiling: Tiling, { chunk, vector, row }: Accumulator): string {
  const own = row % rowsOfSlice(tiling);
  return tiling.accumulators.find((c) => c.chunk === chunk && c.vector === vector && c.row === own)!.name;
}

/** The epilogue: computes the values from the products, at each point of each lane's block. */
function finish(tiling: Tiling, m: KExpr, n: KExpr): KStmt {
  const { rowBlocks, unitBlocks, units, rows, columns } = tiling.shape;
  // Four columns at a time, if there are always four.
  const wide = units === 4 && tiling.columns.multiple % 4 === 0;
  return tiling.lanes(rowBlocks * unitBlocks * finishers(tiling), (i) => {
    const made: KStmt[] = [];
    const { row, unit, slice } = tiling.block(i, made);
    const firstRow = x.sum([m, x.mul(row, int(4)), x.mul(slice, int(rowsOfSlice(tiling)))]);
    const first = tiling.bind(made, "column", x.add(n, x.mul(unit, int(units))));
    for (const r of ROWS.slice(0, rowsOfSlice(tiling))) {
      const atRow: KStmt[] = [];
      const at = tiling.bind(made, "row", x.add(firstRow, int(r)));
      const point = tiling.rowPoint(at, "guarded");
      for (const u of wide ? [0] : Array.from({ length: units }, (_, k) => k)) {
        const column = x.add(first, int(u));
        const p: Point = { ...tiling.columnPoint(column, point, "guarded"), width: wide ? 4 : 1 };
        atRow.push(...guarded(tiling.inColumns(column, columns, units * unitBlocks), compute(tiling, p, r, u)));
      }
      made.push(...guarded(tiling.inRows(at, rows, 4 * rowBlocks), atRow));
    }
    return made;
  });
}

/** Computes and stores the values at a point of a lane's block, whose products are in registers. */
function compute(tiling: Tiling, p: Point, row: number, unit: number): readonly KStmt[] {
  const { site, values, accumulators } = tiling;
  const own = ownPoint(tiling, p);
  const given = (v: Value, at: Point): KExpr | undefined => {
    const place = placeOf(tiling, v, unit);
    if (place === undefined || !samePoint(at, own)) return undefined;
    const { name } = accumulators.find((c) => c.chunk === place.chunk && c.row === row && c.vector === place.vector)!;
    const register = x.variable(name, "f32x4");
    return p.width === 4 ? register : { k: "extract", a: register, lane: place.lane };
  };
  const evaluation = new Evaluation({ ...site.scope, given });
  const computed = values.map((v) => evaluation.at(v, p));
  values.forEach((v, i) => {
    evaluation.statements.push(...site.store(v, p, computed[i]));
  });
  return evaluation.statements;
}

/** Which of its lane's vectors holds the product `v` of a unit. */
function placeOf(
  { chunks, shape }: Tiling,
  v: Value,
  unit: number,
): { readonly chunk: number; readonly vector: number; readonly lane: 0 | 1 | 2 | 3 } | undefined {
  for (const [chunk, { products }] of chunks.entries()) {
    const k = products.findIndex(({ matrix }) => matrix.result.value === v);
    const c = k * shape.units + unit;
    if (k >= 0) return { chunk, vector: Math.floor(c / 4), lane: ROWS[c % 4] };
  }
  return undefined;
}

/** The point as `Evaluation` asks for it: axes of one element have index 0. */
function ownPoint({ type: { time, batch, shape }, site: { scope } }: Tiling, p: Point): Point {
  return {
    t: time ? p.t : scope.step,
    b: batch ? p.b : undefined,
    f: shape.map((d, i) => (dim.evaluate(d, scope.dims) === 1 ? int(0) : p.f[i])),
    width: p.width,
  };
}
