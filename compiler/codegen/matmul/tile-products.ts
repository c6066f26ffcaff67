/** Products as tiles see them: an operand that has the rows, one that has the columns, and what is contracted, as one axis. */

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

/** How many steps a sequence is taken to have at least. What is compiled serves all lengths. */
const STEPS = 8;

/** An operand of a product. */
export interface TileOperand extends Side {
  /** Neighbours along its rows, or columns, are neighbours in memory; otherwise those along what is contracted. */
  readonly alongOwn: boolean;
}

/** The axes that are contracted, flattened into one. */
export interface FlatContraction extends Bounds {
  /** Terms of the sum; at least, if time is among its axes. */
  readonly terms: number;
  /** A number that always divides how many terms there are. */
  readonly multiple: number;
  /** The index of each axis at position `k`; `bind` gives what it takes a name. */
  decode(k: KExpr, bind: (hint: string, value: KExpr) => KExpr): AxisIndex;
}

export interface TileProduct {
  readonly matrix: MatrixProduct;
  readonly value: Value;
  readonly left: TileOperand;
  readonly right: TileOperand;
  readonly contraction: FlatContraction;
}

/** Products with one left operand, which share its tile. */
export interface Chunk {
  readonly products: readonly TileProduct[];
  readonly contraction: FlatContraction;
}

/** The products of type `type` behind `values` that are computed where they are used, through elementwise ops alone. */
export function productsBehind(values: readonly Value[], type: Type, scope: Scope): readonly OpOf<"dot">[] {
  const found = new Set<OpOf<"dot">>();
  const seen = new Set<Value>();
  const visit = (v: Value): void => {
    if (seen.has(v) || scope.home(v)) return;
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

/**
 * A product for tiles. Undefined where the axes do not part into rows, columns and what is contracted, as in a product for each
 * example with a matrix of its own.
 */
export function tileProduct(op: OpOf<"dot">, scope: Scope): TileProduct | undefined {
  const matrix = matrixProduct(op);
  if (matrix === undefined || matrix.outer.length > 0) return undefined;
  const operand = (side: Side): TileOperand => ({ ...side, alongOwn: liesAlongOwn(matrix, side, scope) });
  return {
    matrix,
    value: op.results[0],
    left: operand(matrix.left),
    right: operand(matrix.right),
    contraction: flatten(matrix, scope),
  };
}

/** Whether the axis of an operand along which its elements are neighbours in memory is one of the result's. */
function liesAlongOwn(matrix: MatrixProduct, { value, labels }: Side, scope: Scope): boolean {
  const known = strided(value, scope.home, scope.defs, (d) => dim.evaluate(d, scope.dims));
  if (!known || labels === "") return false;
  const extent = (label: Axis): number => dim.evaluate(extentOf(matrix, label), scope.dims);
  const fastest = [...labels].find((label, i) => known.home.strides[i] === 1 && extent(label) > 1);
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

/** A product alone. */
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
