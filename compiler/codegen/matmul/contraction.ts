/** A product as its loops see it: which operand has which axis, and where every element stands in memory. */

import type { Addresses, Allocation } from "../../buffers/layout.ts";
import type { Strided } from "../../buffers/strided.ts";
import type * as dim from "../../ir/dim.ts";
import type { OpOf, Type } from "../../ir/types.ts";
import * as x from "../../kernel-ir/expr.ts";
import type { KExpr, KStmt } from "../../kernel-ir/types.ts";

/** A loop over [from, to). */
export interface Range {
  readonly from: KExpr;
  readonly to: KExpr;
  /** Most iterations, where that is known at compile time. */
  readonly most: number | undefined;
  /** A number that always divides the count of iterations. */
  readonly multiple: number;
}

/** One product, with its operands in memory and the places of its result. */
export interface Factor {
  readonly op: OpOf<"dot">;
  readonly a: Strided;
  readonly b: Strided;
  readonly targets: readonly Allocation[];
}

/** Axes are named by their labels; `|` is the batch, `<` is time. */
export interface ProductSite {
  /** Products alike in everything but the side with the column axis, and where that and the results stand. */
  readonly products: readonly Factor[];
  readonly layout: Addresses;
  /** The step of the result, if it has one. */
  readonly t: KExpr | undefined;
  /** The step of the loop around the kernel, inside a scan's body. */
  readonly step: KExpr | undefined;
  /** The part of an axis of the result that this workgroup owns. */
  range(axis: string): Range;
  extent(d: dim.Dim): number;
  readonly batch: number;
  /** Bytes of workgroup memory that stay in the first-level cache. */
  readonly tileBytes: number;
  /** Workgroup memory for `size` floats of a side, the next product's as well. */
  tile(side: "left" | "right", size: number): string;
  name(hint: string): string;
}

export interface Operand {
  readonly home: Allocation;
  readonly labels: string;
  readonly type: Type;
}

/** Where an axis stands: a variable of a loop, or an offset from one. */
export type Index = ReadonlyMap<string, KExpr>;

export type Element = "f32" | "f32x4";

/** How a loop runs. */
export interface Rounds {
  readonly from: KExpr;
  readonly to: KExpr;
  readonly step: number;
}

export class Contraction {
  readonly site: ProductSite;
  /** The last axis of the result: a block's columns. */
  readonly column: string;
  /** An axis of the result that only the left side has: rows of a block share loads of the right side. */
  readonly row: string | undefined;
  /** The other axes of the result. */
  readonly others: readonly string[];
  /** The side without the column axis, the same for all products. */
  readonly left: Operand;
  /** The side with the column axis, for each product. */
  readonly rights: readonly Operand[];
  /** What is summed over but time, innermost last. */
  readonly contracted: readonly string[];
  /** Whether it also sums over steps. */
  readonly byStep: boolean;
  private readonly result: Type;

  constructor(site: ProductSite, column: string) {
    const { op } = site.products[0];
    const { a: la, b: lb, out } = op.attrs;
    this.site = site;
    this.column = column;
    const sides = site.products.map(({ a, b }): readonly [Operand, Operand] => {
      const first: Operand = { home: a.home, labels: la, type: a.type };
      const second: Operand = { home: b.home, labels: lb, type: b.type };
      return lb.includes(column) ? [first, second] : [second, first];
    });
    this.left = sides[0][0];
    this.rights = sides.map(([, right]) => right);
    this.result = op.results[0].type;
    const axes = [...(this.result.batch ? ["|"] : []), ...out.slice(0, -1)];
    this.row = [...axes].reverse().find((axis) => has(this.left, axis) && !has(this.rights[0], axis));
    this.others = axes.filter((axis) => axis !== this.row);
    this.byStep = op.attrs.time;
    this.contracted = [...(op.attrs.batch ? ["|"] : []), ...new Set([...la, ...lb].filter((l) => !out.includes(l)))];
  }

  /** Whether the columns of every right side stand side by side. */
  get columnsLieTogether(): boolean {
    return this.rights.every((o) => this.hasQuads(o) || stride(o, this.column) === 1);
  }

  /** Whether every right side already stands as panels are read. */
  get isPacked(): boolean {
    return this.rights.every((o) => this.hasQuads(o));
  }

  /** Whether it is this product's columns that stand in fours: another may read the same copy by its rows. */
  private hasQuads({ home, labels }: Operand): boolean {
    return home.quads === true && labels.endsWith(this.column);
  }

  /** Whether rows of the left side stand side by side, and what the innermost loop sums over does not. */
  get rowsLieTogether(): boolean {
    const inner = this.contracted[this.contracted.length - 1];
    const { left, row } = this;
    return row !== undefined && stride(left, row) === 1 && has(left, inner) && stride(left, inner) !== 1;
  }

  /** Whether what the innermost loop sums over stands side by side on both sides. */
  get contractedLieTogether(): boolean {
    const inner = this.contracted[this.contracted.length - 1];
    return [this.left, ...this.rights].every((o) => inner !== undefined && has(o, inner) && stride(o, inner) === 1);
  }

  /** The step where the result has one, to begin an index with. */
  get start(): Index {
    const { t } = this.site;
    return new Map(t && this.result.time ? [["<", t]] : []);
  }

  extentOf(axis: string): number {
    if (axis === "|") return this.site.batch;
    const o = this.left.labels.includes(axis) ? this.left : this.rights[0];
    return this.site.extent(o.type.shape[o.labels.indexOf(axis)]);
  }

  /** Where `o` has the element at `index`, which must say where each of its axes stands. */
  at(o: Operand, index: Index, type: Element): KExpr {
    const along = (axis: string): KExpr => {
      const at = index.get(axis);
      if (at === undefined) throw new Error(`a product reads ${o.labels} outside the loop over ${loopName(axis)}`);
      return at;
    };
    return this.site.layout.address(
      o.home,
      o.type.time ? along("<") : this.site.step,
      o.type.batch ? along("|") : undefined,
      [...o.labels].map(along),
      type === "f32x4" ? 4 : 1,
    );
  }

  load(o: Operand, index: Index, type: Element): KExpr {
    return x.load(region(o.home), this.at(o, index, type), type);
  }

  /** The index `rows` further down and `columns` further right. */
  cell(index: Index, rows: number, columns: number): Index {
    return plus(plus(index, this.row, rows), this.column, columns);
  }

  loadResult(product: number, index: Index, type: Element): KExpr {
    return this.load(this.target(this.site.products[product].targets[0]), index, type);
  }

  store(product: number, index: Index, value: KExpr, type: Element): readonly KStmt[] {
    return this.site.products[product].targets.map((home) => ({
      s: "store",
      memory: region(home),
      index: this.at(this.target(home), index, type),
      type,
      value,
    }));
  }

  private target(home: Allocation): Operand {
    return { home, labels: this.site.products[0].op.attrs.out, type: this.result };
  }

  /** Loops over `axes`, the first of them of the given kind: whole where it is summed over, else what is owned. */
  nest(
    axes: readonly string[],
    index: Index,
    body: (index: Index) => readonly KStmt[],
    kind: "lanes" | "serial" = "serial",
  ): readonly KStmt[] {
    if (axes.length === 0) return body(index);
    const [axis, ...rest] = axes;
    const name = this.site.name(loopName(axis));
    const { from, to } = this.isContracted(axis) ? this.whole(axis) : this.site.range(axis);
    const inside = this.nest(rest, new Map([...index, [axis, x.variable(name, "i32")]]), body);
    return [{ s: "for", kind, name, from, to, step: 1, body: inside }];
  }

  private isContracted(axis: string): boolean {
    return axis === "<" || this.contracted.includes(axis);
  }

  private whole(axis: string): Pick<Range, "from" | "to"> {
    return { from: x.int(0), to: axis === "<" ? this.site.layout.steps : x.int(this.extentOf(axis)) };
  }

  /** Loops over `range` in blocks of the given sizes, largest first, each taking what the ones before left. */
  blocks(
    axis: string,
    range: Range,
    sizes: readonly number[],
    kind: "lanes" | "serial",
    body: (first: KExpr, size: number) => readonly KStmt[],
  ): readonly KStmt[] {
    const statements: KStmt[] = [];
    let from = range.from;
    const count = x.sub(range.to, range.from);
    for (const size of sizes) {
      const exact = range.multiple % size === 0;
      const to = exact ? range.to : x.add(range.from, x.sub(count, x.rem(count, x.int(size))));
      const [first, end] = [x.known(from), x.known(to)];
      if (first !== undefined && end !== undefined && end <= first) continue;
      const name = this.site.name(loopName(axis));
      statements.push({ s: "for", kind, name, from, to, step: size, body: body(x.variable(name, "i32"), size) });
      if (exact) break;
      from = to;
    }
    return statements;
  }
}

const loopName = (axis: string): string => (axis === "|" ? "b" : axis === "<" ? "s" : axis);
const region = (home: Allocation): { kind: "region"; region: string } => ({
  kind: "region",
  region: home.buffer.region,
});

export const has = (o: Operand, axis: string): boolean => (axis === "|" ? o.type.batch : o.labels.includes(axis));
const stride = (o: Operand, axis: string): number =>
  axis === "|" ? o.home.batch : o.home.strides[o.labels.indexOf(axis)];

/** The index `by` further along `axis`. */
export const plus = (index: Index, axis: string | undefined, by: number): Index =>
  axis === undefined || by === 0 ? index : new Map([...index, [axis, x.add(index.get(axis)!, x.int(by))]]);

/** The positions of a block, row by row. */
export const cellsOf = (rows: number, columns: number): readonly (readonly [number, number])[] =>
  Array.from({ length: rows * columns }, (_, k) => [Math.floor(k / columns), k % columns]);

export const zeroOf = (type: Element): KExpr => (type === "f32x4" ? { k: "splat", a: x.float(0) } : x.float(0));
