/** Products for tiles: an operand with the rows, one with the columns, and the contracted axes flattened into one. */

import { strided } from "../../buffers/strided.ts";
import {
  type Axis,
  BATCH,
  extentOf,
  hasAxis,
  type MatrixProduct,
  matrixProduct,
  type Side,
  TIME,
} from "../../ir/contraction-axes.ts";
import * as dim from "../../ir/dim.ts";
import { isElementwise } from "../../ir/ops/elementwise.ts";
import { sameType } from "../../ir/type.ts";
import type { OpOf, Type, Value } from "../../ir/types.ts";
import * as x from "../../kernel-ir/expr.ts";
import type { KExpr } from "../../kernel-ir/types.ts";
import { groupAlike } from "../alike.ts";
import type { Scope } from "../elementwise.ts";
import { type Bounds, unflatten } from "../loops.ts";
import type { AxisIndex } from "./axis-index.ts";
import type { Job } from "./tile-shape.ts";

/** The shortest sequence that tiles are chosen for, in steps. What is compiled works for all lengths. */
const STEPS = 8;

/** An operand of a product. */
export interface TileOperand extends Side {
  /** Whether its rows, or columns, are contiguous in memory rather than a contracted axis. */
  readonly alongOwn: boolean;
}

/** The axes that are contracted, flattened into one. */
export interface FlatContraction extends Bounds {
  /** Terms of the sum; the least number, if it runs over time. */
  readonly terms: number;
  /** A number that always divides the number of terms. */
  readonly multiple: number;
  /** The index of each axis at position `k`; `bind` may name its operand. */
  decode(k: KExpr, bind: (hint: string, value: KExpr) => KExpr): AxisIndex;
}

export interface TileProduct {
  readonly matrix: MatrixProduct;
  readonly left: TileOperand;
  readonly right: TileOperand;
  readonly contraction: FlatContraction;
}

/** Products with one left operand, which share its tile. */
export interface Chunk {
  readonly products: readonly TileProduct[];
  readonly contraction: FlatContraction;
}

/** The products of type `type` that `values` are computed from, through elementwise ops alone, and that are not in memory. */
export function productsBehind(values: readonly Value[], type: Type, scope: Scope): readonly OpOf<"dot">[] {
  const found = new Set<OpOf<"dot">>();
  const seen = new Set<Value>();
  const visit = (v: Value): void => {
    if (seen.has(v) || scope.allocation(v)) return;
    seen.add(v);
    const op = scope.defs.get(v);
    if (op?.op === "dot" && sameType(v.type, type)) found.add(op);
    else if (
      op &&
      (isElementwise(op.op) || op.op === "stop" || op.op === "copy" || op.op === "site" || op.op === "stat")
    )
      op.operands.forEach(visit);
  };
  values.forEach(visit);
  return [...found];
}

/** A product for tiles. Undefined for a batched matrix product, in which both operands have one of the result's outer axes. */
export function tileProduct(op: OpOf<"dot">, scope: Scope): TileProduct | undefined {
  const matrix = matrixProduct(op);
  if (matrix === undefined || matrix.outer.length > 0) return undefined;
  const operand = (side: Side): TileOperand => ({ ...side, alongOwn: liesAlongOwn(matrix, side, scope) });
  return {
    matrix,
    left: operand(matrix.left),
    right: operand(matrix.right),
    contraction: flatten(matrix, scope),
  };
}

/** Whether the axis along which an operand is contiguous in memory is one of the result's. */
function liesAlongOwn(matrix: MatrixProduct, { value, labels }: Side, scope: Scope): boolean {
  const known = strided(value, scope.allocation, scope.defs, (d) => dim.evaluate(d, scope.dims));
  if (!known || labels === "") return false;
  const extent = (label: Axis): number => dim.evaluate(extentOf(matrix, label), scope.dims);
  const fastest = [...labels].find((label, i) => known.allocation.strides[i] === 1 && extent(label) > 1);
  return hasAxis(matrix.result, fastest ?? labels[labels.length - 1]);
}

function flatten(matrix: MatrixProduct, { layout, dims }: Scope): FlatContraction {
  const axes = matrix.contracted.filter((axis) => axis !== TIME);
  const byTime = axes.length < matrix.contracted.length;
  const extents = axes.map((axis) => dim.evaluate(extentOf(matrix, axis), dims));
  /** Terms of a step. */
  const terms = extents.reduce((n, extent) => n * extent, 1);
  return {
    terms: byTime ? terms * STEPS : terms,
    from: x.int(0),
    to: byTime ? x.mul(layout.steps, x.int(terms)) : x.int(terms),
    multiple: terms,
    decode(k, bind) {
      const index = new Map<Axis, KExpr>();
      let inStep = k;
      if (byTime) {
        index.set(TIME, bind("s", x.div(k, x.int(terms))));
        inStep = axes.length > 0 ? bind("rest", x.rem(k, x.int(terms))) : x.int(0);
      }
      const positions = unflatten(inStep, extents);
      for (const [i, axis] of [...axes.entries()].reverse())
        index.set(axis, i === 0 ? positions[i] : bind(axis === BATCH ? "b" : axis, positions[i]));
      return index;
    },
  };
}

/** The job of a single product. */
export const jobOf = ({ contraction }: TileProduct): Job => ({ count: 1, terms: contraction.terms });

/** Products by the left operand that they share. */
export const chunksOf = (products: readonly TileProduct[]): readonly Chunk[] =>
  groupAlike(products, shareLeft).map((same) => ({ products: same, contraction: same[0].contraction }));

const shareLeft = (p: TileProduct, q: TileProduct): boolean =>
  p.left.value === q.left.value &&
  p.left.labels === q.left.labels &&
  p.right.labels === q.right.labels &&
  p.matrix.result.labels === q.matrix.result.labels &&
  p.matrix.contracted.length === q.matrix.contracted.length &&
  p.matrix.contracted.every((axis, i) => axis === q.matrix.contracted[i]);
