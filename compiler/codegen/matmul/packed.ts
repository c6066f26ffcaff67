/**
 * Products of many rows, for machines with vector registers and no lanes: panels of the right side, a few columns wide, are
 * copied to workgroup memory in the order in which they are read, and blocks of rows run over them.
 *
 * The copy costs a load and a store for what all rows read. It lets the innermost loop walk through memory without a gap,
 * whatever the operand's strides: rows a power of two apart would else fall on the same few lines of the cache. A left side
 * whose rows lie side by side, as those of a weight's gradient do, is copied, too: each panel would fetch a column of it from
 * another line every round, from as far away as the sequence stands.
 *
 * Products with the same left side, such as a cell's gates, share a panel: an element of the left side is loaded once.
 */

import * as x from "../../kernel-ir/expr.ts";
import type { KExpr, KStmt, Memory } from "../../kernel-ir/types.ts";
import { FEWEST_ROWS } from "../../passes/prepack-weights.ts";
import { type Contraction, cellsOf, type Element, has, type Index, plus, type Range, zeroOf } from "./contraction.ts";

/**
 * Rows of a block by the vectors it is wide. A block keeps rows × vectors sums, a row of the panel and a splat in registers,
 * of which V8 has 15 to give. Measured on an AVX2 machine, GFLOP/s of a core without and with fused multiply-add: 2 × 4 vectors
 * 36 and 49, 3 × 3: 30 and 48, 4 × 2: 28 and 38 to 47; 6 × 2 and 8 × 1 spill.
 */
const ROWS: Readonly<Record<number, number>> = { 1: 4, 2: 4, 3: 3, 4: 2 };

/** As many products can share a panel: each has at least one vector of it. */
export const MOST_PRODUCTS = 4;

/**
 * From so many columns on a panel is worth collecting from a right side whose columns lie apart, as those of a transposed weight
 * do: with fewer, blocks that walk along what is contracted (`blocked-dot.ts`) keep as many sums in registers, and copy nothing.
 */
const FEWEST_APART = 16;

export function worthPacking(c: Contraction): boolean {
  if (c.row === undefined || c.contracted.length === 0) return false;
  const most = (axis: string): number => c.site.range(axis).most ?? Number.POSITIVE_INFINITY;
  return most(c.row) >= FEWEST_ROWS && (c.columnsLieTogether || most(c.column) >= FEWEST_APART);
}

/** The loops of the products, packed. */
export const packedProducts = (c: Contraction): readonly KStmt[] => new PackedDot(c).statements();

const VECTOR = 4;

/** Floats of a cache line: rounds of a left side that is copied are so much further apart, never a power of two. */
const LINE = 16;

/**
 * The second-level cache, which holds what is copied of a left side, in first-level ones: with fewer rows at a time the right side
 * would be copied again for each part of them.
 */
const SECOND_LEVEL = 8;

/** What a row of a panel holds: vectors, or single floats, each of one product, `offset` columns behind the panel's first. */
interface Panel {
  readonly type: Element;
  /** Columns of each product. */
  readonly columns: number;
  readonly parts: readonly { readonly product: number; readonly offset: number }[];
}

/** A part of the sum that a panel holds: `length` rounds from `from` on. */
interface Piece {
  readonly index: Index;
  readonly from: KExpr;
  readonly length: number;
  /** Rows of the left side. */
  readonly rows: Range;
}

/** A register of a block: row i, part j. */
interface Sum {
  readonly i: number;
  readonly j: number;
  readonly name: string;
}

const floatsOf = (p: Panel): number => p.parts.length * (p.type === "f32x4" ? 4 : 1);

class PackedDot {
  private readonly c: Contraction;
  /** Largest first. */
  private readonly panels: readonly Panel[];
  /** The innermost axis that is summed over, and how much of it a panel holds. */
  private readonly inner: string;
  private readonly depth: number;
  private readonly chunk: number;
  /** What is summed over outside the panels, besides steps: they add to what stands in memory. */
  private readonly around: readonly string[];
  /** Where panels are laid down, if the right side does not stand in panels already. */
  private readonly tile: Memory | undefined;
  /** Where the left side is copied to, how many rows of it at a time, and how far one round is from the next. */
  private readonly left: { readonly tile: Memory; readonly rows: number; readonly pitch: number } | undefined;

  constructor(c: Contraction) {
    this.c = c;
    const products = c.site.products.length;
    const vectors = [4, 2, 1].filter((n) => n * products <= MOST_PRODUCTS || n === 1);
    this.panels = [...vectors.map((n) => panel(products, n, "f32x4")), panel(products, 1, "f32")];
    this.inner = c.contracted[c.contracted.length - 1];
    this.around = c.contracted.slice(0, -1);
    this.depth = c.extentOf(this.inner);
    // Half the cache is the panel's, half is left for the rows that stream by.
    const floats = floatsOf(this.panels[0]);
    const most = Math.max(1, Math.floor(c.site.tileBytes / 2 / (4 * floats)));
    this.chunk = Math.ceil(this.depth / Math.ceil(this.depth / most));
    if (!c.isPacked) this.tile = { kind: "tile", name: c.site.tile("right", this.chunk * floats) };
    const { most: allRows } = c.site.range(c.row!);
    if (!c.rowsLieTogether || allRows === undefined) return;
    const fit = Math.floor((SECOND_LEVEL * c.site.tileBytes) / (4 * this.chunk * VECTOR));
    const rows = Math.min(allRows, Math.max(1, fit) * VECTOR);
    const pitch = rows + LINE;
    this.left = { tile: { kind: "tile", name: c.site.tile("left", this.chunk * pitch) }, rows, pitch };
  }

  statements(): readonly KStmt[] {
    const { c, around, depth, chunk } = this;
    if (!c.byStep) {
      const onto = around.length > 0 || chunk < depth;
      return [...(onto ? this.cleared() : []), ...this.pieces(c.start, onto)];
    }
    return [...this.cleared(), ...c.nest(["<"], new Map(), (index) => this.pieces(index, true))];
  }

  /** The sum, a panel's depth at a time. */
  private pieces(start: Index, onto: boolean): readonly KStmt[] {
    const { c, around, inner, depth, chunk } = this;
    return c.nest(around, start, (index) => {
      const whole = depth - (depth % chunk);
      const piece = (from: KExpr, length: number): readonly KStmt[] =>
        this.eachRows((rows) => this.piece({ index, from, length, rows }, onto));
      const rest = whole < depth ? piece(x.int(whole), depth - whole) : [];
      if (whole === chunk) return [...piece(x.int(0), chunk), ...rest];
      const name = c.site.name(inner === "|" ? "b" : inner);
      const body = piece(x.variable(name, "i32"), chunk);
      return [{ s: "for", kind: "serial", name, from: x.int(0), to: x.int(whole), step: chunk, body }, ...rest];
    });
  }

  /** All rows, or as many at a time as are copied. */
  private eachRows(body: (rows: Range) => readonly KStmt[]): readonly KStmt[] {
    const { c, left } = this;
    const all = c.site.range(c.row!);
    if (left === undefined || left.rows === all.most) return body(all);
    const name = c.site.name("r");
    const from = x.variable(name, "i32");
    const to = x.min(x.add(from, x.int(left.rows)), all.to);
    const multiple = all.multiple % VECTOR === 0 ? VECTOR : 1;
    const some = body({ from, to, most: left.rows, multiple });
    return [{ s: "for", kind: "serial", name, from: all.from, to: all.to, step: left.rows, body: some }];
  }

  private cleared(): readonly KStmt[] {
    const { c } = this;
    const clear = this.eachPanel(c.others, c.start, (p, index) =>
      this.eachBlock(p, c.site.range(c.row!), index, (here, rows) =>
        cellsOf(rows, p.parts.length).flatMap(([i, j]) => {
          const { product, offset } = p.parts[j];
          return c.store(product, c.cell(here, i, offset), zeroOf(p.type), p.type);
        }),
      ),
    );
    return [...clear, { s: "barrier" }];
  }

  /** A copy of the left side holds one element of each other axis that the left side has, such as a head: all panels read it. */
  private piece(of: Piece, onto: boolean): readonly KStmt[] {
    const { c } = this;
    const isLeft = (axis: string): boolean => has(c.left, axis);
    const ofRight = c.others.filter((axis) => !isLeft(axis));
    return c.nest(c.others.filter(isLeft), of.index, (here) => [
      ...this.packLeft({ ...of, index: here }),
      ...this.eachPanel(ofRight, here, (p, index) => [
        ...this.pack(p, { ...of, index }),
        ...this.eachBlock(p, of.rows, index, (at, rows) => this.block(p, { ...of, index: at }, rows, onto)),
        { s: "barrier" },
      ]),
    ]);
  }

  /** The rounds of a piece: where the operands stand in one, and how many come before it. */
  private eachRound(
    { index, from, length }: Pick<Piece, "index" | "from" | "length">,
    kind: "lanes" | "serial",
    body: (index: Index, round: KExpr) => readonly KStmt[],
  ): readonly KStmt[] {
    const name = this.c.site.name("k");
    const k = x.variable(name, "i32");
    const inside = body(new Map([...index, [this.inner, x.add(from, k)]]), k);
    return [{ s: "for", kind, name, from: x.int(0), to: x.int(length), step: 1, body: inside }];
  }

  /** The panels, for each element of `others`. */
  private eachPanel(
    others: readonly string[],
    index: Index,
    body: (p: Panel, index: Index) => readonly KStmt[],
  ): readonly KStmt[] {
    const { c, panels } = this;
    const widths = panels.map((p) => p.columns);
    return c.nest(others, index, (here) =>
      c.blocks(c.column, c.site.range(c.column), widths, "serial", (first, width) =>
        body(panels[widths.indexOf(width)], new Map([...here, [c.column, first]])),
      ),
    );
  }

  private eachBlock(
    p: Panel,
    range: Range,
    index: Index,
    body: (index: Index, rows: number) => readonly KStmt[],
  ): readonly KStmt[] {
    const { c } = this;
    const row = c.row!;
    return c.blocks(row, range, [ROWS[p.parts.length], 1], "lanes", (first, rows) =>
      body(new Map([...index, [row, first]]), rows),
    );
  }

  /** Where a round of a panel stands. */
  private at(p: Panel, round: KExpr, part: number): KExpr {
    const width = p.type === "f32x4" ? 4 : 1;
    return x.add(x.mul(round, x.int(floatsOf(p))), x.int(part * width));
  }

  private packLeft(of: Piece): readonly KStmt[] {
    const { c, left } = this;
    if (left === undefined) return [];
    const pack = this.eachRound(of, "lanes", (here, round) =>
      c.blocks(c.row!, of.rows, [VECTOR, 1], "serial", (first, size): readonly KStmt[] => {
        const type: Element = size === VECTOR ? "f32x4" : "f32";
        const value = c.load(c.left, new Map([...here, [c.row!, first]]), type);
        return [{ s: "store", memory: left.tile, index: this.leftAt(of.rows, round, first), type, value }];
      }),
    );
    return [...pack, { s: "barrier" }];
  }

  /** Where a round of a row stands that was copied. */
  private leftAt(rows: Range, round: KExpr, row: KExpr): KExpr {
    return x.add(x.mul(round, x.int(this.left!.pitch)), x.sub(row, rows.from));
  }

  private pack(p: Panel, of: Piece): readonly KStmt[] {
    const { c, tile } = this;
    if (tile === undefined) return [];
    const pack = this.eachRound(of, "lanes", (here, round) =>
      p.parts.map(({ product, offset }, j): KStmt => {
        const value = this.right(product, plus(here, c.column, offset), p.type);
        return { s: "store", memory: tile, index: this.at(p, round, j), type: p.type, value };
      }),
    );
    return [...pack, { s: "barrier" }];
  }

  /** One float of the right side, or four columns of it side by side. */
  private right(product: number, index: Index, type: Element): KExpr {
    const { c } = this;
    const side = c.rights[product];
    if (type === "f32" || c.columnsLieTogether) return c.load(side, index, type);
    const lane = (i: number): KExpr => c.load(side, plus(index, c.column, i), "f32");
    return { k: "vec4", lanes: [lane(0), lane(1), lane(2), lane(3)] };
  }

  private block(p: Panel, of: Piece, rows: number, onto: boolean): readonly KStmt[] {
    const { c } = this;
    const { type } = p;
    const sums = cellsOf(rows, p.parts.length).map(([i, j]) => ({ i, j, name: c.site.name(`acc_${i}_${j}`) }));
    const cell = (i: number, j: number): Index => c.cell(of.index, i, p.parts[j].offset);
    return [
      ...sums.map(({ i, j, name }): KStmt => {
        const value = onto ? c.loadResult(p.parts[j].product, cell(i, j), type) : zeroOf(type);
        return { s: "var", name, type, value };
      }),
      ...this.eachRound(of, "serial", (here, round) => this.round(p, sums, of.rows, here, round)),
      ...sums.flatMap(({ i, j, name }) => c.store(p.parts[j].product, cell(i, j), x.variable(name, type), type)),
    ];
  }

  /** A row of the panel times a column of the left side. */
  private round(p: Panel, sums: readonly Sum[], range: Range, index: Index, round: KExpr): readonly KStmt[] {
    const { c, tile, left: copied } = this;
    const { type } = p;
    const body: KStmt[] = [];
    const bind = (hint: string, value: KExpr): KExpr => {
      const name = c.site.name(hint);
      body.push({ s: "let", name, type, value });
      return x.variable(name, type);
    };
    const rights = p.parts.map(({ product, offset }, j) => {
      const value = tile
        ? x.load(tile, this.at(p, round, j), type)
        : this.right(product, plus(index, c.column, offset), type);
      return bind(`b_${j}`, value);
    });
    for (const i of new Set(sums.map((sum) => sum.i))) {
      const at = plus(index, c.row, i);
      const value = copied
        ? x.load(copied.tile, this.leftAt(range, round, at.get(c.row!)!), "f32")
        : c.load(c.left, at, "f32");
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
function panel(products: number, count: number, type: Element): Panel {
  const width = type === "f32x4" ? 4 : 1;
  const parts = Array.from({ length: products * count }, (_, i) => ({
    product: Math.floor(i / count),
    offset: (i % count) * width,
  }));
  return { type, columns: count * width, parts };
}
