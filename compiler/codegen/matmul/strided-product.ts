/** A matrix product whose operands are in memory: the roles of its axes, and the address of every element. */

import type { Addresses, Allocation } from "../../buffers/layout.ts";
import {
  type Axis,
  axesOf,
  BATCH,
  extentOf,
  hasAxis,
  type Labelled,
  type MatrixProduct,
  TIME,
} from "../../ir/contraction-axes.ts";
import * as dim from "../../ir/dim.ts";
import * as x from "../../kernel-ir/expr.ts";
import { lanesOf } from "../../kernel-ir/type-of.ts";
import type { FloatType, KExpr, KStmt } from "../../kernel-ir/types.ts";
import { type Bounds, type IndexRange, inBlocks, type LoopHeader, type Names, nest, type Variable } from "../loops.ts";
import { type AxisIndex, pointAt, wholeAxis } from "./axis-index.ts";
import type { Repetition } from "./repeated-products.ts";

/** One product, with the places of its operands and of its result. */
export interface ProductInMemory {
  readonly product: MatrixProduct;
  readonly left: Allocation;
  readonly right: Allocation;
  readonly targets: readonly Allocation[];
}

export interface ProductSite {
  /** Products that differ only in the operand with the columns, and in where that and the results are. */
  readonly products: readonly ProductInMemory[];
  /** Where there is one product, it may stand for several. */
  readonly repetition?: Repetition;
  readonly layout: Addresses;
  /** The step of the result, if it has one. */
  readonly t: KExpr | undefined;
  /** The steps of the result, if there are several: they are its rows. */
  readonly steps: IndexRange | undefined;
  /** The step of the loop around the kernel, inside a scan's body. */
  readonly step: KExpr | undefined;
  /** The part of an axis of the result that this workgroup owns. */
  range(axis: Axis): IndexRange;
  readonly dims: Readonly<Record<string, number>>;
  /** Bytes of workgroup memory that fit the first-level cache. */
  readonly tileBytes: number;
  /** Workgroup memory for `size` floats of an operand; the next product reuses it. */
  tile(side: "left" | "right", size: number): string;
  readonly name: Names;
}

/** An operand or a result in memory. */
export interface Operand extends Labelled {
  readonly allocation: Allocation;
  /** Floats from here to that of the next product. */
  readonly distance?: number;
}

export class StridedProduct {
  readonly site: ProductSite;
  readonly column: Axis;
  /** An axis of the result that only the left operand has: rows of a block share loads of the right operand. */
  readonly row: Axis | undefined;
  /** The other axes of the result, outermost first. */
  readonly others: readonly Axis[];
  /** The operand without the column axis, the same for all products. */
  readonly left: Operand;
  /** The operand with the column axis, for each product. */
  readonly rights: readonly Operand[];
  /** The contracted axes other than time, innermost last. */
  readonly contracted: readonly Axis[];
  /** Whether it also sums over time. */
  readonly byStep: boolean;
  private readonly product: MatrixProduct;

  constructor(site: ProductSite) {
    const { product, left } = site.products[0];
    this.site = site;
    this.product = product;
    this.column = product.column;
    this.row = site.steps ? TIME : product.rows[product.rows.length - 1];
    this.others = axesOf(product.result).filter((a) => a !== TIME && a !== this.column && a !== this.row);
    this.left = { ...product.left, allocation: left };
    const distance = site.repetition?.right;
    this.rights = site.products.map(({ product, right }) => ({ ...product.right, allocation: right, distance }));
    this.contracted = product.contracted.filter((axis) => axis !== TIME);
    this.byStep = product.contracted.includes(TIME);
  }

  /** The innermost contracted axis other than time. */
  get inner(): Axis | undefined {
    return this.contracted[this.contracted.length - 1];
  }

  /** Whether the columns of every right operand are contiguous. */
  get columnsAreContiguous(): boolean {
    return this.rights.every((o) => this.hasQuads(o) || stride(o, this.column) === 1);
  }

  /** Whether every right operand is packed already, in the order in which panels are read. */
  get isPacked(): boolean {
    return this.rights.every((o) => this.hasQuads(o));
  }

  /** Whether an operand was packed by this product's columns: another product may read the same copy by its rows. */
  private hasQuads({ allocation, labels }: Operand): boolean {
    return allocation.quads === true && labels.endsWith(this.column);
  }

  /** Whether the rows of the left operand are contiguous, and its innermost contracted axis is not. */
  get rowsAreContiguous(): boolean {
    const { inner, left, row } = this;
    if (row === undefined || inner === undefined || !hasAxis(left, inner)) return false;
    return stride(left, row) === 1 && stride(left, inner) !== 1;
  }

  /** Whether the innermost contracted axis is contiguous in all operands. */
  get contractedIsContiguous(): boolean {
    const { inner } = this;
    return [this.left, ...this.rights].every((o) => inner !== undefined && hasAxis(o, inner) && stride(o, inner) === 1);
  }

  /** An index of the step alone, if the result has one. */
  get start(): AxisIndex {
    const { t } = this.site;
    return new Map(t && this.product.result.type.time ? [[TIME, t]] : []);
  }

  /** How many elements an axis other than time has. */
  extent(axis: Axis): number {
    return dim.evaluate(extentOf(this.product, axis), this.site.dims);
  }

  /** What the workgroup owns of an axis of the result. */
  range(axis: Axis): IndexRange {
    return axis === TIME ? this.site.steps! : this.site.range(axis);
  }

  /** All of a contracted axis. */
  private whole(axis: Axis): Bounds {
    return wholeAxis(this.product, axis, this.site.layout.steps, this.site.dims);
  }

  load(o: Operand, index: AxisIndex, type: FloatType): KExpr {
    return x.loadFrom(this.at(o, index, type), type);
  }

  loadResult(product: number, index: AxisIndex, type: FloatType): KExpr {
    return this.load(this.target(product, 0), index, type);
  }

  store(product: number, index: AxisIndex, value: KExpr, type: FloatType): readonly KStmt[] {
    return this.site.products[product].targets.map((_, place) => ({
      s: "store",
      ...this.at(this.target(product, place), index, type),
      type,
      value,
    }));
  }

  /** The place of an operand's element; `index` must have all of its axes. */
  private at(o: Operand, index: AxisIndex, type: FloatType): x.Place {
    const { t, b, f, width } = pointAt(o, index, this.site.step, lanesOf(type));
    const place = this.site.layout.placeOf(o.allocation, t, b, f, width);
    const { repetition } = this.site;
    if (repetition === undefined || o.distance === undefined) return place;
    return { ...place, index: x.add(place.index, x.mul(repetition.number, x.int(o.distance))) };
  }

  /** One of the places of a product's result. */
  private target(product: number, place: number): Operand {
    const allocation = this.site.products[product].targets[place];
    return { ...this.product.result, allocation, distance: this.site.repetition?.targets[place] };
  }

  /** The index `rows` further down and `columns` further right. */
  cell(index: AxisIndex, rows: number, columns: number): AxisIndex {
    return further(further(index, this.row, rows), this.column, columns);
  }

  /** Loops over `axes`, the first of the given kind: over all of a contracted axis, and over what the workgroup owns of others. */
  nest(
    axes: readonly Axis[],
    index: AxisIndex,
    body: (index: AxisIndex) => readonly KStmt[],
    kind: "lanes" | "serial" = "serial",
  ): readonly KStmt[] {
    const headers = axes.map((axis, i): LoopHeader => {
      const { from, to } = this.product.contracted.includes(axis) ? this.whole(axis) : this.range(axis);
      return { hint: hintOf(axis), kind: i === 0 ? kind : "serial", from, to };
    });
    return nest(this.site.name, headers, (at) => body(new Map([...index, ...zip(axes, at)])));
  }

  /** Loops over `range` of an axis in blocks of the given sizes, largest first. */
  blocks(
    axis: Axis,
    range: IndexRange,
    sizes: readonly number[],
    kind: "lanes" | "serial",
    body: (first: KExpr, size: number) => readonly KStmt[],
  ): readonly KStmt[] {
    return inBlocks(this.site.name, { ...range, hint: hintOf(axis), kind }, sizes, body);
  }
}

const zip = (axes: readonly Axis[], at: readonly Variable[]): readonly (readonly [Axis, KExpr])[] =>
  axes.map((axis, i) => [axis, at[i]]);

/** What a loop over an axis is called. */
export const hintOf = (axis: Axis): string => (axis === BATCH ? "b" : axis === TIME ? "s" : axis);

const stride = ({ allocation, labels }: Operand, axis: Axis): number =>
  axis === BATCH ? allocation.batch : allocation.strides[labels.indexOf(axis)];

/** The index `by` further along `axis`. */
export const further = (index: AxisIndex, axis: Axis | undefined, by: number): AxisIndex =>
  axis === undefined || by === 0 ? index : new Map([...index, [axis, x.add(index.get(axis)!, x.int(by))]]);

/** The positions of a block, row by row. */
export const cellsOf = (rows: number, columns: number): readonly (readonly [number, number])[] =>
  Array.from({ length: rows * columns }, (_, k) => [Math.floor(k / columns), k % columns]);

export const zeroOf = (type: FloatType): KExpr => (type === "f32x4" ? { k: "splat", a: x.float(0) } : x.float(0));
