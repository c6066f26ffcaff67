/**
 * Products of many rows, for machines that block products in vector registers. Panels of the right operand, a few columns wide,
 * are packed into workgroup memory in the order in which they are read, and register blocks run down the rows (as in GotoBLAS:
 * Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008).
 *
 * Packing costs a load and a store for each element that all rows read. It makes the innermost loop read contiguous memory,
 * whatever the operand's strides: rows a power of two apart would otherwise compete for the same few lines of the cache. A left
 * operand with contiguous rows, as in a weight's gradient, is packed too: otherwise every panel would fetch each of its columns
 * from another cache line.
 *
 * Products with the same left operand, such as a cell's gates, share a panel: an element of the left operand is loaded once.
 */

import { LINE } from "../../buffers/layout.ts";
import { type Axis, hasAxis, TIME } from "../../ir/contraction-axes.ts";
import * as x from "../../kernel-ir/expr.ts";
import { lanesOf } from "../../kernel-ir/type-of.ts";
import type { FloatType, KExpr, KStmt, Memory } from "../../kernel-ir/types.ts";
import { FEWEST_ROWS } from "../../passes/prepack-weights.ts";
import { type IndexRange, loop, upTo } from "../loops.ts";
import type { AxisIndex } from "./axis-index.ts";
import { cellsOf, further, hintOf, type StridedProduct, zeroOf } from "./strided-product.ts";

/**
 * Rows of blocks, largest first, by the vectors they are wide (`register-blocks.ts`). Measured on an AVX2 machine, GFLOP/s of a core
 * without and with fused multiply-add: 2 × 4 vectors 36 and 49, 3 × 3: 30 and 48, 4 × 2: 28 and 38 to 47; 6 × 2 and 8 × 1 spill. What is
 * left of the columns, a vector wide, needs seven rows for as many sums.
 */
const ROWS: Readonly<Record<number, readonly number[]>> = { 1: [7, 4, 2, 1], 2: [4, 1], 3: [3, 1], 4: [2, 1] };

/** The most products that share a panel: each has at least one vector of it. */
export const MOST_PRODUCTS = 4;

/**
 * The fewest columns for which it pays to pack a right operand whose columns are not contiguous, such as a transposed weight. With
 * fewer, `inner` blocks (`blocked.ts`) keep as many sums in registers and copy nothing.
 */
const FEWEST_APART = 16;

export function worthPacking(dot: StridedProduct): boolean {
  if (dot.row === undefined || dot.contracted.length === 0) return false;
  const most = (axis: Axis): number => dot.range(axis).most ?? Number.POSITIVE_INFINITY;
  return most(dot.row) >= FEWEST_ROWS && (dot.columnsAreContiguous || most(dot.column) >= FEWEST_APART);
}

/** The loops of packed products. */
export const packedProducts = (dot: StridedProduct): readonly KStmt[] => new PackedProduct(dot).statements();

const VECTOR = 4;

/**
 * The size of the second-level cache, in first-level caches. It holds what is packed of a left operand; the right operand is packed
 * again for each part of the rows, so that these should be few.
 */
const SECOND_LEVEL = 8;

/** What a row of a panel holds: vectors or single floats, each of one product, `offset` columns after the panel's first. */
interface Panel {
  readonly type: FloatType;
  /** Columns of each product. */
  readonly columns: number;
  readonly parts: readonly { readonly product: number; readonly offset: number }[];
}

/** The part of the contracted axis that a panel holds: `length` rounds from `from` on. */
interface Piece {
  readonly index: AxisIndex;
  readonly from: KExpr;
  readonly length: number;
  /** Rows of the left operand. */
  readonly rows: IndexRange;
}

/** A register of a block: row i, part j. */
interface Sum {
  readonly i: number;
  readonly j: number;
  readonly name: string;
}

const floatsOf = (p: Panel): number => p.parts.length * lanesOf(p.type);

class PackedProduct {
  private readonly dot: StridedProduct;
  /** Largest first. */
  private readonly panels: readonly Panel[];
  /** The innermost contracted axis, its extent, and how much of it a panel holds. */
  private readonly inner: Axis;
  private readonly depth: number;
  private readonly chunk: number;
  /** Axes other than time that are summed over outside the panels, which then add to the result in memory. */
  private readonly around: readonly Axis[];
  /** Where panels are packed, if the right operand is not already. */
  private readonly tile: Memory | undefined;
  /** Where the left operand is packed, how many rows of it at a time, and the distance between rounds. */
  private readonly left: { readonly tile: Memory; readonly rows: number; readonly pitch: number } | undefined;

  constructor(dot: StridedProduct) {
    this.dot = dot;
    const products = dot.site.products.length;
    const vectors = [4, 2, 1].filter((n) => n * products <= MOST_PRODUCTS || n === 1);
    this.panels = [...vectors.map((n) => panel(products, n, "f32x4")), panel(products, 1, "f32")];
    this.inner = dot.inner!;
    this.around = dot.contracted.slice(0, -1);
    this.depth = dot.extent(this.inner);
    // Half the cache is for the panel, half for the rows that stream by. What is not copied need not be cut so short: a result that is
    // added up in pieces is stored and loaded for each of them.
    const floats = floatsOf(this.panels[0]);
    const room = dot.isPacked ? dot.site.tileBytes : dot.site.tileBytes / 2;
    const most = Math.max(1, Math.floor(room / (4 * floats)));
    this.chunk = Math.ceil(this.depth / Math.ceil(this.depth / most));
    if (!dot.isPacked) this.tile = { kind: "tile", name: dot.site.tile("right", this.chunk * floats) };
    const { most: allRows } = dot.range(dot.row!);
    if (!dot.rowsAreContiguous || allRows === undefined) return;
    const fit = Math.floor((SECOND_LEVEL * dot.site.tileBytes) / (4 * this.chunk * VECTOR));
    const rows = Math.min(allRows, Math.max(1, fit) * VECTOR);
    // A cache line further apart: never a power of two.
    const pitch = rows + LINE;
    this.left = { tile: { kind: "tile", name: dot.site.tile("left", this.chunk * pitch) }, rows, pitch };
  }

  statements(): readonly KStmt[] {
    const { dot, around, depth, chunk } = this;
    if (!dot.byStep) {
      const onto = around.length > 0 || chunk < depth;
      return [...(onto ? this.cleared() : []), ...this.pieces(dot.start, onto)];
    }
    return [...this.cleared(), ...dot.nest([TIME], new Map(), (index) => this.pieces(index, true))];
  }

  /** The contracted axis, a panel's depth at a time. */
  private pieces(start: AxisIndex, onto: boolean): readonly KStmt[] {
    const { dot, around, inner, depth, chunk } = this;
    return dot.nest(around, start, (index) => {
      const whole = depth - (depth % chunk);
      const piece = (from: KExpr, length: number): readonly KStmt[] =>
        this.eachRows((rows) => this.piece({ index, from, length, rows }, onto));
      const rest = whole < depth ? piece(x.int(whole), depth - whole) : [];
      if (whole === chunk) return [...piece(x.int(0), chunk), ...rest];
      const pieces = { hint: hintOf(inner), ...upTo(whole), step: chunk };
      return [loop(dot.site.name, pieces, (from) => piece(from, chunk)), ...rest];
    });
  }

  /** All rows, or as many at a time as are packed. */
  private eachRows(body: (rows: IndexRange) => readonly KStmt[]): readonly KStmt[] {
    const { dot, left } = this;
    const all = dot.range(dot.row!);
    if (left === undefined || left.rows === all.most) return body(all);
    const multiple = all.multiple % VECTOR === 0 ? VECTOR : 1;
    const some = loop(dot.site.name, { hint: "r", from: all.from, to: all.to, step: left.rows }, (from) =>
      body({ from, to: x.min(x.add(from, x.int(left.rows)), all.to), most: left.rows, multiple }),
    );
    return [some];
  }

  private cleared(): readonly KStmt[] {
    const { dot } = this;
    const clear = this.eachPanel(dot.others, dot.start, (p, index) =>
      this.eachBlock(p, dot.range(dot.row!), index, (here, rows) =>
        cellsOf(rows, p.parts.length).flatMap(([i, j]) => {
          const { product, offset } = p.parts[j];
          return dot.store(product, dot.cell(here, i, offset), zeroOf(p.type), p.type);
        }),
      ),
    );
    return [...clear, { s: "barrier" }];
  }

  /** The packed left operand, which all panels read, holds one element of its outer axes, such as one head. */
  private piece(of: Piece, onto: boolean): readonly KStmt[] {
    const { dot } = this;
    const isLeft = (axis: Axis): boolean => hasAxis(dot.left, axis);
    const ofRight = dot.others.filter((axis) => !isLeft(axis));
    return dot.nest(dot.others.filter(isLeft), of.index, (here) => [
      ...this.packLeft({ ...of, index: here }),
      ...this.eachPanel(ofRight, here, (p, index) => [
        ...this.pack(p, { ...of, index }),
        ...this.eachBlock(p, of.rows, index, (at, rows) => this.block(p, { ...of, index: at }, rows, onto)),
        { s: "barrier" },
      ]),
    ]);
  }

  /** A loop over the rounds of a piece; `body` gets the operands' index and the number of the round. */
  private eachRound(
    { index, from, length }: Pick<Piece, "index" | "from" | "length">,
    kind: "lanes" | "serial",
    body: (index: AxisIndex, round: KExpr) => readonly KStmt[],
  ): readonly KStmt[] {
    const rounds = loop(this.dot.site.name, { hint: "k", kind, ...upTo(length) }, (k) =>
      body(new Map([...index, [this.inner, x.add(from, k)]]), k),
    );
    return [rounds];
  }

  /** Loops over the panels, for each element of the axes `others`. */
  private eachPanel(
    others: readonly Axis[],
    index: AxisIndex,
    body: (p: Panel, index: AxisIndex) => readonly KStmt[],
  ): readonly KStmt[] {
    const { dot, panels } = this;
    const widths = panels.map((p) => p.columns);
    return dot.nest(others, index, (here) =>
      dot.blocks(dot.column, dot.range(dot.column), widths, "serial", (first, width) =>
        body(panels[widths.indexOf(width)], new Map([...here, [dot.column, first]])),
      ),
    );
  }

  private eachBlock(
    p: Panel,
    range: IndexRange,
    index: AxisIndex,
    body: (index: AxisIndex, rows: number) => readonly KStmt[],
  ): readonly KStmt[] {
    const { dot } = this;
    const row = dot.row!;
    return dot.blocks(row, range, ROWS[p.parts.length], "lanes", (first, rows) =>
      body(new Map([...index, [row, first]]), rows),
    );
  }

  /** The position of a part of a round in a panel. */
  private at(p: Panel, round: KExpr, part: number): KExpr {
    const width = lanesOf(p.type);
    return x.add(x.mul(round, x.int(floatsOf(p))), x.int(part * width));
  }

  private packLeft(of: Piece): readonly KStmt[] {
    const { dot, left } = this;
    if (left === undefined) return [];
    const pack = this.eachRound(of, "lanes", (here, round) =>
      dot.blocks(dot.row!, of.rows, [VECTOR, 1], "serial", (first, size): readonly KStmt[] => {
        const type: FloatType = size === VECTOR ? "f32x4" : "f32";
        const value = dot.load(dot.left, new Map([...here, [dot.row!, first]]), type);
        return [{ s: "store", memory: left.tile, index: this.leftAt(of.rows, round, first), type, value }];
      }),
    );
    return [...pack, { s: "barrier" }];
  }

  /** The position of a row of a round in the packed left operand. */
  private leftAt(rows: IndexRange, round: KExpr, row: KExpr): KExpr {
    return x.add(x.mul(round, x.int(this.left!.pitch)), x.sub(row, rows.from));
  }

  private pack(p: Panel, of: Piece): readonly KStmt[] {
    const { dot, tile } = this;
    if (tile === undefined) return [];
    const pack = this.eachRound(of, "lanes", (here, round) =>
      p.parts.map(({ product, offset }, j): KStmt => {
        const value = this.right(product, further(here, dot.column, offset), p.type);
        return { s: "store", memory: tile, index: this.at(p, round, j), type: p.type, value };
      }),
    );
    return [...pack, { s: "barrier" }];
  }

  /** One element of a right operand, or four neighbouring columns. */
  private right(product: number, index: AxisIndex, type: FloatType): KExpr {
    const { dot } = this;
    const side = dot.rights[product];
    if (type === "f32" || dot.columnsAreContiguous) return dot.load(side, index, type);
    const lane = (i: number): KExpr => dot.load(side, further(index, dot.column, i), "f32");
    return { k: "vec4", lanes: [lane(0), lane(1), lane(2), lane(3)] };
  }

  private block(p: Panel, of: Piece, rows: number, onto: boolean): readonly KStmt[] {
    const { dot } = this;
    const { type } = p;
    const sums = cellsOf(rows, p.parts.length).map(([i, j]) => ({ i, j, name: dot.site.name(`acc_${i}_${j}`) }));
    const cell = (i: number, j: number): AxisIndex => dot.cell(of.index, i, p.parts[j].offset);
    return [
      ...sums.map(({ i, j, name }): KStmt => {
        const value = onto ? dot.loadResult(p.parts[j].product, cell(i, j), type) : zeroOf(type);
        return { s: "var", name, type, value };
      }),
      ...this.eachRound(of, "serial", (here, round) => this.round(p, sums, of.rows, here, round)),
      ...sums.flatMap(({ i, j, name }) => dot.store(p.parts[j].product, cell(i, j), x.variable(name, type), type)),
    ];
  }

  /** A row of the panel times a column of the left operand. */
  private round(p: Panel, sums: readonly Sum[], range: IndexRange, index: AxisIndex, round: KExpr): readonly KStmt[] {
    const { dot, tile, left: copied } = this;
    const { type } = p;
    const body: KStmt[] = [];
    const bind = (hint: string, value: KExpr): KExpr => {
      const name = dot.site.name(hint);
      body.push({ s: "let", name, type, value });
      return x.variable(name, type);
    };
    const rights = p.parts.map(({ product, offset }, j) => {
      const value = tile
        ? x.load(tile, this.at(p, round, j), type)
        : this.right(product, further(index, dot.column, offset), type);
      return bind(`b_${j}`, value);
    });
    for (const i of new Set(sums.map((sum) => sum.i))) {
      const at = further(index, dot.row, i);
      const value = copied
        ? x.load(copied.tile, this.leftAt(range, round, at.get(dot.row!)!), "f32")
        : dot.load(dot.left, at, "f32");
      const left = bind(`a_${i}`, type === "f32x4" ? { k: "splat", a: value } : value);
      for (const s of sums.filter((sum) => sum.i === i)) {
        const fma: KExpr = { k: "fma", type, a: left, b: rights[s.j], c: x.variable(s.name, type) };
        body.push({ s: "assign", name: s.name, type, value: fma });
      }
    }
    return body;
  }
}

/** A panel of `count` vectors, or floats, of each product. */
function panel(products: number, count: number, type: FloatType): Panel {
  const width = lanesOf(type);
  const parts = Array.from({ length: products * count }, (_, i) => ({
    product: Math.floor(i / count),
    offset: (i % count) * width,
  }));
  return { type, columns: count * width, parts };
}
