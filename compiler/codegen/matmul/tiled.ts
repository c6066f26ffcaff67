/**
 * Products on machines with lanes, in tiles: the loops that compute some values at every point a workgroup owns, where
 * products stand behind those values.
 *
 *     for each tile of the result:
 *       for each round of what is contracted:
 *         lanes: operands → workgroup memory, as vectors of four rows, or of four columns
 *         lanes: a block of 4 rows × 4 columns of the result each, in registers: two loads for sixteen multiply-adds
 *       lanes: what is computed of the products, from the registers, and stored
 *
 * Several products of one left side, such as a cell's gates, share its tile: a lane then has all of them for its units, so
 * that the four columns of its vector may be the four gates of one unit. What has fewer blocks than there are lanes is
 * contracted in slices, a slice a lane, which are added up at the end.
 *
 * Operands are read from storage one float a lane, neighbours by neighbouring lanes: the machine makes one transaction of
 * that, and the tile is what is read many times. (A view of storage as `array<vec4f>` would need every access of the kernel
 * to that buffer aligned, and WebGPU allows no second, writable binding of it.)
 */

import type { Type, Value } from "../../ir/types.ts";
import * as x from "../../kernel-ir/expr.ts";
import type { KExpr, KStmt, Tile } from "../../kernel-ir/types.ts";
import type { Machine } from "../../machine.ts";
import { Evaluation, type Scope } from "../elementwise.ts";
import { type Axis, isWhole } from "../loop-nest.ts";
import { type Point, samePoint } from "../point.ts";
import { type Block, type Job, type TileShape, tileShape, worthTiling } from "./tile-shape.ts";
import { type Chunk, type Contraction, chunksOf, jobOf, productOf, productsBehind, type Side } from "./tile-sides.ts";

/** What tiles must know of the kernel they stand in. */
export interface TileSite {
  readonly machine: Machine;
  readonly scope: Scope;
  /** The point at which loops over the axes of a space begin. */
  start(space: Type): Point;
  /** The axes of a space, with the part of each that the workgroup owns. */
  axes(space: Type): readonly Axis[];
  /** Statements that store the value of `v` at `p` wherever it is wanted. */
  store(v: Value, p: Point, value: KExpr): readonly KStmt[];
  /** Workgroup memory of at least `size` floats in vectors, `which` of those a product uses at once. */
  tile(which: "left" | "right", size: number): Tile;
}

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
  const products = productsBehind(values, type, scope).flatMap((op) => productOf(op, scope) ?? []);
  const chunks = chunksOf(products).filter((chunk) => worthTiling(rows, columns.most!, jobOfChunk(chunk), machine));
  const shape = chunks.length > 0 ? tileShape(rows, columns.most!, chunks.map(jobOfChunk), machine) : undefined;
  if (shape === undefined) return undefined;
  return new TiledPoints(site, type, values, axes, chunks, shape).statements();
}

const jobOfChunk = ({ products }: Chunk): Job => ({ ...jobOf(products[0]), count: products.length });

interface Accumulator {
  readonly chunk: number;
  readonly row: number;
  /** Which of the chunk's vectors. */
  readonly vector: number;
  readonly name: string;
}

const ROWS = [0, 1, 2, 3] as const;
const int = x.int;
const zero: KExpr = { k: "splat", a: x.float(0) };

class TiledPoints {
  private readonly accumulators: readonly Accumulator[];
  private readonly site: TileSite;
  private readonly type: Type;
  private readonly values: readonly Value[];
  private readonly rows: readonly Axis[];
  private readonly columns: Axis;
  private readonly chunks: readonly Chunk[];
  private readonly shape: TileShape;
  private readonly left: Tile;
  private readonly right: Tile;

  constructor(
    site: TileSite,
    type: Type,
    values: readonly Value[],
    axes: readonly Axis[],
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

  statements(): readonly KStmt[] {
    const { shape } = this;
    return this.passes("m", shape.rows, 4 * shape.rowBlocks, (m) =>
      this.passes("n", shape.columns, shape.units * shape.unitBlocks, (n) => [
        ...this.accumulators.map(({ name }): KStmt => ({ s: "register", name, type: "f32x4", value: zero })),
        ...this.chunks.flatMap((chunk, i) => this.contract(chunk, i, m, n)),
        ...(shape.slices > 1 ? this.addSlices() : []),
        this.finish(m, n),
      ]),
    );
  }

  private variable(hint: string): KExpr & { readonly k: "var" } {
    return { k: "var", name: this.site.scope.name(hint), type: "i32" };
  }

  private bind(into: KStmt[], hint: string, value: KExpr): KExpr {
    if (value.k === "int" || value.k === "var") return value;
    const { name } = this.variable(hint);
    into.push({ s: "let", name, type: "i32", value });
    return x.variable(name, "i32");
  }

  private passes(
    hint: string,
    extent: number,
    step: number,
    body: (from: KExpr) => readonly KStmt[],
  ): readonly KStmt[] {
    if (step >= extent) return body(int(0));
    const at = this.variable(hint);
    return [{ s: "for", kind: "serial", name: at.name, from: int(0), to: int(extent), step, body: body(at) }];
  }

  private lanes(count: number, body: (i: KExpr) => readonly KStmt[]): KStmt {
    const i = this.variable("i");
    return { s: "for", kind: "lanes", name: i.name, from: int(0), to: int(count), step: 1, body: body(i) };
  }

  /** The loop over what one chunk contracts. */
  private contract(chunk: Chunk, i: number, m: KExpr, n: KExpr): readonly KStmt[] {
    const { contraction } = chunk;
    const k = this.variable("k");
    const body: readonly KStmt[] = [
      this.stageLeft(chunk, k, m),
      this.stageRight(chunk, i, k, n),
      { s: "barrier", only: "tiles" },
      this.multiply(i),
      { s: "barrier", only: "tiles" },
    ];
    const { from, to } = contraction;
    return [{ s: "for", kind: "serial", name: k.name, from, to, step: this.shape.round, body }];
  }

  /** Four rows of the left side at each k: tile[k][row / 4]. */
  private stageLeft({ contraction, products }: Chunk, k: KExpr, m: KExpr): KStmt {
    const { rowBlocks, leftStride } = this.shape;
    const { left } = products[0];
    return this.stage(contraction, left, k, rowBlocks, 1, (index, block, into) => {
      const evaluation = new Evaluation(this.site.scope);
      const lanes = ROWS.map((row) => {
        const at = x.add(x.add(m, x.mul(block, int(4))), int(row));
        const point = this.rowPoint(
          this.bind(evaluation.statements, "row", this.clamped(at, this.shape.rows, 4 * rowBlocks)),
        );
        return this.operand(evaluation, left, index, point);
      }) as [KExpr, KExpr, KExpr, KExpr];
      into.push(...evaluation.statements);
      return [{ tile: this.left, stride: leftStride, vector: block, value: { k: "vec4", lanes } }];
    });
  }

  /** The right sides' columns of each unit at each k: tile[k][block of units][vector]. */
  private stageRight({ contraction, products }: Chunk, i: number, k: KExpr, n: KExpr): KStmt {
    const { unitBlocks, units, rightStride, vectors, columns } = this.shape;
    return this.stage(contraction, products[0].right, k, unitBlocks, vectors[i], (index, block, into) => {
      const evaluation = new Evaluation(this.site.scope);
      const points = Array.from({ length: units }, (_, u) => {
        const at = x.add(x.add(n, x.mul(block, int(units))), int(u));
        return this.columnPoint(
          this.bind(evaluation.statements, "column", this.clamped(at, columns, units * unitBlocks)),
          this.site.start(this.type),
        );
      });
      const lane = (c: number): KExpr => {
        const product = products[Math.floor(c / units)];
        return product ? this.operand(evaluation, product.right, index, points[c % units]) : x.float(0);
      };
      const made = Array.from({ length: vectors[i] }, (_, v) => ({
        tile: this.right,
        stride: rightStride,
        vector: x.add(x.mul(block, int(vectors[i])), int(v)),
        value: { k: "vec4", lanes: [lane(4 * v), lane(4 * v + 1), lane(4 * v + 2), lane(4 * v + 3)] } as KExpr,
      }));
      into.push(...evaluation.statements);
      return made;
    });
  }

  /** One operand's part of a round, laid down by all lanes; beyond the end of what is contracted stand zeros. */
  private stage(
    contraction: Contraction,
    side: Side,
    k: KExpr,
    blocks: number,
    vectors: number,
    make: (
      index: ReadonlyMap<string, KExpr>,
      block: KExpr,
      into: KStmt[],
    ) => readonly { readonly tile: Tile; readonly stride: number; readonly vector: KExpr; readonly value: KExpr }[],
  ): KStmt {
    const { round } = this.shape;
    return this.lanes(round * blocks, (i) => {
      const before: KStmt[] = [];
      // Neighbouring lanes read neighbouring floats, whichever way the operand lies.
      const [row, block] = side.alongOwn
        ? [x.div(i, int(blocks)), x.rem(i, int(blocks))]
        : [x.rem(i, int(round)), x.div(i, int(round))];
      const kk = this.bind(before, "kk", row);
      const of = this.bind(before, "block", block);
      const at = this.bind(before, "at", x.add(k, kk));
      const body: KStmt[] = [];
      const index = contraction.decode(at, (hint, value) => this.bind(body, hint, value));
      const made = make(index, of, body);
      const store = (value: (typeof made)[number], what: KExpr): KStmt => ({
        s: "store",
        memory: { kind: "tile", name: value.tile.name },
        index: x.mul(x.add(x.mul(kk, int(value.stride)), value.vector), int(4)),
        type: "f32x4",
        value: what,
      });
      if (contraction.multiple % round === 0) return [...before, ...body, ...made.map((one) => store(one, one.value))];
      const names = Array.from({ length: vectors }, () => this.site.scope.name("part"));
      return [
        ...before,
        ...names.map((name): KStmt => ({ s: "var", name, type: "f32x4", value: zero })),
        {
          s: "if",
          condition: x.compare("lt", at, contraction.to),
          then: [
            ...body,
            ...made.map((one, v): KStmt => ({ s: "assign", name: names[v], type: "f32x4", value: one.value })),
          ],
          else: [],
        },
        ...made.map((one, v) => store(one, x.variable(names[v], "f32x4"))),
      ];
    });
  }

  private operand(evaluation: Evaluation, side: Side, index: ReadonlyMap<string, KExpr>, own: Point): KExpr {
    const { value, labels } = side;
    return evaluation.at(value, {
      t: index.get("<") ?? own.t,
      b: index.get("|") ?? own.b,
      f: [...labels].map((label) => index.get(label) ?? own.f[side.out.indexOf(label)]),
      width: 1,
    });
  }

  /** Each lane multiplies its block of what the tiles hold. */
  private multiply(chunk: number): KStmt {
    const { rowBlocks, unitBlocks, round, slices, leftStride, rightStride, vectors } = this.shape;
    return this.lanes(rowBlocks * unitBlocks * slices, (i) => {
      const statements: KStmt[] = [];
      const { row, unit, slice } = this.block(i, statements);
      const step = this.variable("step");
      const body: KStmt[] = [];
      const kk = slices > 1 ? this.bind(body, "kk", x.add(x.mul(slice, int(round / slices)), step)) : step;
      const load = (hint: string, tile: Tile, at: KExpr): KExpr => {
        const name = this.site.scope.name(hint);
        body.push({
          s: "let",
          name,
          type: "f32x4",
          value: x.load({ kind: "tile", name: tile.name }, x.mul(at, int(4)), "f32x4"),
        });
        return x.variable(name, "f32x4");
      };
      const a = load("a", this.left, x.add(x.mul(kk, int(leftStride)), row));
      const bs = Array.from({ length: vectors[chunk] }, (_, v) =>
        load("b", this.right, x.sum([x.mul(kk, int(rightStride)), x.mul(unit, int(vectors[chunk])), int(v)])),
      );
      for (const { name, row: r, vector } of this.accumulators.filter((c) => c.chunk === chunk)) {
        const left: KExpr = { k: "splat", a: { k: "extract", a, lane: ROWS[r] } };
        const value: KExpr = { k: "fma", type: "f32x4", a: left, b: bs[vector], c: x.variable(name, "f32x4") };
        body.push({ s: "assign", name, type: "f32x4", value });
      }
      const to = int(round / slices);
      return [...statements, { s: "for", kind: "serial", name: step.name, from: int(0), to, step: 1, body }];
    });
  }

  /** Which rows, units and slice are lane i's. Blocks of units run fastest, slices slowest. */
  private block(i: KExpr, into: KStmt[]): Block {
    const { rowBlocks, unitBlocks, slices } = this.shape;
    const blocks = rowBlocks * unitBlocks;
    const slice = slices > 1 ? this.bind(into, "slice", x.div(i, int(blocks))) : int(0);
    const inSlice = slices > 1 ? this.bind(into, "block", x.rem(i, int(blocks))) : i;
    const row = rowBlocks > 1 ? this.bind(into, "row", x.div(inSlice, int(unitBlocks))) : int(0);
    const unit = rowBlocks > 1 ? this.bind(into, "unit", x.rem(inSlice, int(unitBlocks))) : inSlice;
    return { row, unit, slice };
  }

  /**
   * Adds up what the slices have of each row of a block, in a lane of the slice that finishes that row. By way of the larger
   * tile, as many rows at a time as it holds.
   */
  private addSlices(): readonly KStmt[] {
    const { rowBlocks, unitBlocks, slices } = this.shape;
    const blocks = rowBlocks * unitBlocks;
    const lanes = blocks * slices;
    const tile = this.left.size > this.right.size ? this.left : this.right;
    const memory = { kind: "tile", name: tile.name } as const;
    const together = Math.floor(tile.size / (4 * lanes));
    const rounds = Array.from({ length: Math.ceil(this.accumulators.length / together) }, (_, r) =>
      this.accumulators.slice(r * together, (r + 1) * together),
    );
    const add = (part: Accumulator, k: number, block: KExpr): KStmt => {
      const parts = Array.from({ length: slices }, (_, s) =>
        x.load(memory, x.mul(x.add(block, int(k * lanes + s * blocks)), int(4)), "f32x4"),
      );
      const value = parts.reduce((sum, other) => ({ k: "math", op: "add", type: "f32x4", args: [sum, other] }));
      return { s: "assign", name: this.finished(part), type: "f32x4", value };
    };
    return rounds.flatMap((round): KStmt[] => [
      this.lanes(lanes, (i) =>
        round.map(({ name }, k): KStmt => {
          const index = x.mul(x.add(i, int(k * lanes)), int(4));
          return { s: "store", memory, index, type: "f32x4", value: x.variable(name, "f32x4") };
        }),
      ),
      { s: "barrier", only: "tiles" },
      this.lanes(lanes, (i) => {
        const slice = x.div(i, int(blocks));
        const finisher = ({ row }: Accumulator): number => Math.floor(row / this.rowsOfSlice);
        return [...new Set(round.map(finisher))].map((own): KStmt => {
          const body: KStmt[] = [];
          const block = this.bind(body, "block", x.sub(i, int(own * blocks)));
          body.push(...round.flatMap((part, k) => (finisher(part) === own ? [add(part, k, block)] : [])));
          return { s: "if", condition: x.compare("eq", slice, int(own)), then: body, else: [] };
        });
      }),
      { s: "barrier", only: "tiles" },
    ]);
  }

  /** How many slices finish rows: a row is the least that one can. */
  private get finishers(): number {
    return Math.min(ROWS.length, this.shape.slices);
  }

  /** Rows of a block that each of them finishes. */
  private get rowsOfSlice(): number {
    return ROWS.length / this.finishers;
  }

  /** The register in which a row is finished: with slices, that of the first row of the slice's own. */
  private finished({ chunk, vector, row }: Accumulator): string {
    const own = row % this.rowsOfSlice;
    return this.accumulators.find((c) => c.chunk === chunk && c.vector === vector && c.row === own)!.name;
  }

  /** What is computed of the products, at each point of each lane's block. */
  private finish(m: KExpr, n: KExpr): KStmt {
    const { rowBlocks, unitBlocks, units, rows, columns } = this.shape;
    // Four columns at a time where there are always four.
    const wide = units === 4 && this.columns.multiple % 4 === 0;
    return this.lanes(rowBlocks * unitBlocks * this.finishers, (i) => {
      const statements: KStmt[] = [];
      const { row, unit, slice } = this.block(i, statements);
      const firstRow = x.sum([m, x.mul(row, int(4)), x.mul(slice, int(this.rowsOfSlice))]);
      const first = this.bind(statements, "column", x.add(n, x.mul(unit, int(units))));
      for (const r of ROWS.slice(0, this.rowsOfSlice)) {
        const atRow: KStmt[] = [];
        const at = this.bind(statements, "row", x.add(firstRow, int(r)));
        const point = this.rowPoint(at, "guarded");
        for (const u of wide ? [0] : Array.from({ length: units }, (_, k) => k)) {
          const column = x.add(first, int(u));
          const p = { ...this.columnPoint(column, point, "guarded"), width: wide ? 4 : 1 } as const;
          const computed = this.compute(p, r, u, wide);
          atRow.push(...guarded(this.inColumns(column, columns, units * unitBlocks), computed));
        }
        statements.push(...guarded(this.inRows(at, rows, 4 * rowBlocks), atRow));
      }
      return statements;
    });
  }

  private compute(p: Point, row: number, unit: number, wide: boolean): readonly KStmt[] {
    const { scope } = this.site;
    const own = this.ownPoint(p);
    const given = (v: Value, at: Point): KExpr | undefined => {
      const place = this.placeOf(v, unit);
      if (place === undefined || !samePoint(at, own)) return undefined;
      const { name } = this.accumulators.find(
        (c) => c.chunk === place.chunk && c.row === row && c.vector === place.vector,
      )!;
      const register = x.variable(name, "f32x4");
      return wide ? register : { k: "extract", a: register, lane: place.lane };
    };
    const evaluation = new Evaluation({ ...scope, given });
    const computed = this.values.map((v) => evaluation.at(v, p));
    this.values.forEach((v, i) => {
      evaluation.statements.push(...this.site.store(v, p, computed[i]));
    });
    return evaluation.statements;
  }

  /** Where the product `v` of a unit stands among its lane's vectors. */
  private placeOf(v: Value, unit: number): { chunk: number; vector: number; lane: 0 | 1 | 2 | 3 } | undefined {
    for (const [chunk, { products }] of this.chunks.entries()) {
      const k = products.findIndex(({ op }) => op.results[0] === v);
      const c = k * this.shape.units + unit;
      if (k >= 0) return { chunk, vector: Math.floor(c / 4), lane: ROWS[c % 4] };
    }
    return undefined;
  }

  /** The point as evaluation sees it: axes of one element stand at 0. */
  private ownPoint(p: Point): Point {
    const { time, batch, shape } = this.type;
    const extent = new Evaluation(this.site.scope);
    return {
      t: time ? p.t : this.site.scope.step,
      b: batch ? p.b : undefined,
      f: shape.map((d, i) => (extent.extent(d) === 1 ? int(0) : p.f[i])),
      width: p.width,
    };
  }

  /** The point of a row, by its number within what the workgroup owns. */
  private rowPoint(row: KExpr, beyond: "clamped" | "guarded" = "clamped"): Point {
    let point = this.site.start(this.type);
    let left = row;
    for (let k = this.rows.length - 1; k >= 0; k--) {
      const { axis, most } = this.rows[k];
      const offset = k === 0 ? left : x.rem(left, int(most!));
      left = x.div(left, int(most!));
      const inside = position(this.rows[k], offset, beyond);
      point =
        axis === "b" ? { ...point, b: inside } : { ...point, f: point.f.map((e, i) => (i === axis ? inside : e)) };
    }
    return point;
  }

  private columnPoint(column: KExpr, point: Point, beyond: "clamped" | "guarded" = "clamped"): Point {
    const last = point.f.length - 1;
    const inside = position(this.columns, column, beyond);
    return { ...point, f: point.f.map((e, i) => (i === last ? inside : e)) };
  }

  /** A number of a row or column that tiles of `step` may overshoot: what stands there is computed, and not stored. */
  private clamped(at: KExpr, extent: number, step: number): KExpr {
    return extent % step === 0 ? at : x.min(at, int(extent - 1));
  }

  private inRows(row: KExpr, extent: number, step: number): KExpr | undefined {
    const inside = extent % step === 0 ? undefined : x.compare("lt", row, int(extent));
    const [first] = this.rows;
    // Only the outermost axis is shared out among workgroups.
    if (first === undefined || isWhole(first)) return inside;
    const inner = this.rows.slice(1).reduce((n, a) => n * a.most!, 1);
    return both(inside, x.compare("lt", x.add(first.from, x.div(row, int(inner))), first.end ?? first.to));
  }

  private inColumns(column: KExpr, extent: number, step: number): KExpr | undefined {
    const inside = extent % step === 0 ? undefined : x.compare("lt", column, int(extent));
    if (isWhole(this.columns)) return inside;
    return both(inside, x.compare("lt", x.add(this.columns.from, column), this.columns.end ?? this.columns.to));
  }
}

const position = (a: Axis, offset: KExpr, beyond: "clamped" | "guarded"): KExpr => {
  const at = x.add(a.from, offset);
  return beyond === "guarded" || isWhole(a) ? at : x.min(at, x.sub(a.end ?? a.to, int(1)));
};
const both = (a: KExpr | undefined, b: KExpr): KExpr => (a === undefined ? b : { k: "and", a, b });
const guarded = (condition: KExpr | undefined, then: readonly KStmt[]): readonly KStmt[] =>
  condition ? [{ s: "if", condition, then, else: [] }] : then;
