/**
 * Products in register blocks, for machines with vector registers and no lanes.
 *
 * Products of many rows are packed (`packed.ts`). For few rows packing does not pay. `outer` blocks add an outer product of a
 * column of the left operand and a row of the right one in each round, straight from memory; the right operand's columns must be
 * contiguous. `inner` blocks compute 4 × 2 inner products, with four partial sums each; the contracted axis must be contiguous in
 * both operands, as in x @ Wᵀ without a transposed W.
 *
 * A product that also sums over time (a weight's gradient) is accumulated in memory step by step: the result and one step's
 * operands stay in cache, where a whole sequence's would not.
 */

import { TIME } from "../../ir/contraction-axes.ts";
import * as x from "../../kernel-ir/expr.ts";
import { lanesOf } from "../../kernel-ir/type-of.ts";
import type { FloatType, KExpr, KStmt } from "../../kernel-ir/types.ts";
import { type Bounds, loop, upTo } from "../loops.ts";
import type { AxisIndex } from "./axis-index.ts";
import { MOST_PRODUCTS, packedProducts, worthPacking } from "./packed.ts";
import { BLOCK_ROWS, blockWidths } from "./register-blocks.ts";
import { equalDistances } from "./repeated-products.ts";
import { cellsOf, further, hintOf, type ProductSite, StridedProduct, zeroOf } from "./strided-product.ts";

/** A block of the result: `rows` × `columns` elements, or vectors of four, the first at `index`. */
interface Block {
  readonly rows: number;
  readonly columns: number;
  readonly type: FloatType;
  readonly index: AxisIndex;
}

interface Accumulator {
  readonly i: number;
  readonly j: number;
  readonly name: string;
}

/** The bounds and the step of the loop over the innermost contracted axis. */
interface Rounds extends Bounds {
  readonly step: number;
}

/** Rows and columns of an inner block. */
const INNER_ROWS = [4, 1];
const INNER_COLUMNS = [2, 1];

/** The loops of blocked products; undefined if the operands' strides do not suit any kind of block. */
export function blockedProducts(site: ProductSite): readonly KStmt[] | undefined {
  const { products } = site;
  const shared = new StridedProduct(site);
  if (worthPacking(shared) && products.length <= MOST_PRODUCTS) return packedProducts(shared);
  const distances = products.length > 1 ? equalDistances(products) : undefined;
  if (distances !== undefined) {
    let loops: readonly KStmt[] | undefined;
    const each = loop(site.name, { hint: "product", ...upTo(products.length) }, (number) => {
      loops = blockedProducts({ ...site, products: [products[0]], repetition: { number, ...distances } });
      return loops ?? [];
    });
    return loops && [each];
  }
  if (products.length > 1) {
    const apart = products.map((p) => blockedProducts({ ...site, products: [p] }));
    return apart.every((s) => s !== undefined) ? apart.flat() : undefined;
  }
  if (shared.columnsAreContiguous) return new BlockedProduct(shared, "outer").statements();
  return shared.contractedIsContiguous ? new BlockedProduct(shared, "inner").statements() : undefined;
}

class BlockedProduct {
  private readonly dot: StridedProduct;
  private readonly mode: "outer" | "inner";

  constructor(dot: StridedProduct, mode: "outer" | "inner") {
    this.dot = dot;
    this.mode = mode;
  }

  statements(): readonly KStmt[] {
    const { dot } = this;
    if (!dot.byStep) return this.traverse(dot.start, (b) => this.product(b, false));
    const zero = this.traverse(new Map(), (b) => this.fill(b));
    return [...zero, ...dot.nest([TIME], new Map(), (index) => this.traverse(index, (b) => this.product(b, true)))];
  }

  /** Loops over the result in blocks, the largest that fit. */
  private traverse(start: AxisIndex, leaf: (b: Block) => readonly KStmt[]): readonly KStmt[] {
    const { dot } = this;
    if (dot.others.length === 0) return this.blocks(start, "lanes", leaf);
    return dot.nest(dot.others, start, (index) => this.blocks(index, "serial", leaf), "lanes");
  }

  /** Blocks of rows are outermost, since the widths that suit them depend on how many rows they have. */
  private blocks(index: AxisIndex, kind: "lanes" | "serial", leaf: (b: Block) => readonly KStmt[]): readonly KStmt[] {
    const { dot, mode } = this;
    const { row, column } = dot;
    const ofRows = (here: AxisIndex, rows: number): readonly KStmt[] =>
      dot.blocks(
        column,
        dot.range(column),
        mode === "outer" ? blockWidths(rows) : INNER_COLUMNS,
        kind,
        (first, size) => {
          const vectors = mode === "outer" && size >= 4;
          return leaf({
            rows,
            columns: vectors ? size / 4 : size,
            type: vectors ? "f32x4" : "f32",
            index: new Map([...here, [column, first]]),
          });
        },
      );
    if (row === undefined) return ofRows(index, 1);
    const sizes = mode === "outer" ? BLOCK_ROWS : INNER_ROWS;
    return dot.blocks(row, dot.range(row), sizes, "serial", (first, rows) =>
      ofRows(new Map([...index, [row, first]]), rows),
    );
  }

  private fill({ rows, columns, type, index }: Block): readonly KStmt[] {
    return cellsOf(rows, columns).flatMap(([i, j]) =>
      this.dot.store(0, this.dot.cell(index, i, j * lanesOf(type)), zeroOf(type), type),
    );
  }

  /** A block of the product; with `onto`, added to the result in memory. */
  private product(block: Block, onto: boolean): readonly KStmt[] {
    return this.mode === "outer" ? this.outer(block, onto) : this.inner(block, onto);
  }

  private outer({ rows, columns, type, index }: Block, onto: boolean): readonly KStmt[] {
    const { dot } = this;
    const accumulators = this.accumulators(rows, columns, "acc");
    const cell = (i: number, j: number): AxisIndex => dot.cell(index, i, j * lanesOf(type));
    const start = ({ i, j }: Accumulator): KExpr => (onto ? dot.loadResult(0, cell(i, j), type) : zeroOf(type));
    return [
      ...accumulators.map((a): KStmt => ({ s: "var", name: a.name, type, value: start(a) })),
      ...this.loops(index, undefined, (inLoop) => this.round(accumulators, rows, columns, type, inLoop)),
      ...accumulators.flatMap(({ i, j, name }) => dot.store(0, cell(i, j), x.variable(name, type), type)),
    ];
  }

  /** Four partial sums for each result, added at the end, and a scalar loop for the remainder. */
  private inner({ rows, columns, index }: Block, onto: boolean): readonly KStmt[] {
    const { dot } = this;
    const partial = this.accumulators(rows, columns, "acc");
    const totals = this.accumulators(rows, columns, "sum");
    const n = dot.extent(dot.inner!);
    const main = n - (n % 4);
    const total = ({ i, j }: Accumulator, k: number): KExpr => {
      const across: KExpr = { k: "across", op: "add", a: x.variable(partial[k].name, "f32x4") };
      const before = dot.loadResult(0, dot.cell(index, i, j), "f32");
      return onto ? { k: "math", op: "add", type: "f32", args: [before, across] } : across;
    };
    const rest: Rounds = { from: x.int(main), to: x.int(n), step: 1 };
    return [
      ...partial.map(({ name }): KStmt => ({ s: "var", name, type: "f32x4", value: zeroOf("f32x4") })),
      ...this.loops(index, { from: x.int(0), to: x.int(main), step: 4 }, (inLoop) =>
        this.round(partial, rows, columns, "f32x4", inLoop),
      ),
      ...totals.map((a, k): KStmt => ({ s: "var", name: a.name, type: "f32", value: total(a, k) })),
      ...(main < n ? this.loops(index, rest, (inLoop) => this.round(totals, rows, columns, "f32", inLoop)) : []),
      ...totals.flatMap(({ i, j, name }) => dot.store(0, dot.cell(index, i, j), x.variable(name, "f32"), "f32")),
    ];
  }

  /** One round of the innermost loop: loads of both operands, shared by the accumulators. */
  private round(
    accumulators: readonly Accumulator[],
    rows: number,
    columns: number,
    type: FloatType,
    index: AxisIndex,
  ): readonly KStmt[] {
    const { dot } = this;
    const statements: KStmt[] = [];
    const bind = (hint: string, value: KExpr): KExpr => {
      const name = dot.site.name(hint);
      statements.push({ s: "let", name, type, value });
      return x.variable(name, type);
    };
    const inner = this.mode === "inner";
    const width = inner ? 1 : lanesOf(type);
    const rights = Array.from({ length: columns }, (_, j) =>
      bind(`b_${j}`, dot.load(dot.rights[0], further(index, dot.column, j * width), type)),
    );
    for (let i = 0; i < rows; i++) {
      const value = dot.load(dot.left, further(index, dot.row, i), inner ? type : "f32");
      const left = bind(`a_${i}`, !inner && type === "f32x4" ? { k: "splat", a: value } : value);
      for (const a of accumulators.filter((cell) => cell.i === i)) {
        const fma: KExpr = { k: "fma", type, a: left, b: rights[a.j], c: x.variable(a.name, type) };
        statements.push({ s: "assign", name: a.name, type, value: fma });
      }
    }
    return statements;
  }

  /** Loops over the contracted axes; `last` says how the innermost runs. */
  private loops(
    index: AxisIndex,
    last: Rounds | undefined,
    body: (index: AxisIndex) => readonly KStmt[],
  ): readonly KStmt[] {
    const { dot } = this;
    if (last === undefined) return dot.nest(dot.contracted, index, body);
    const inner = dot.inner!;
    return dot.nest(dot.contracted.slice(0, -1), index, (around) => [
      loop(dot.site.name, { hint: hintOf(inner), ...last }, (i) => body(new Map([...around, [inner, i]]))),
    ]);
  }

  private accumulators(rows: number, columns: number, hint: string): readonly Accumulator[] {
    return cellsOf(rows, columns).map(([i, j]) => ({ i, j, name: this.dot.site.name(`${hint}_${i}_${j}`) }));
  }
}
