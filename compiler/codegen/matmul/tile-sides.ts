/** Products as tiles see them: a side that has the rows, a side that has the columns, and what is contracted. */

import { strided } from "../../buffers/strided.ts";
import * as dim from "../../ir/dim.ts";
import { isElementwise } from "../../ir/ops/elementwise.ts";
import { sameType } from "../../ir/type.ts";
import type { OpOf, Type, Value } from "../../ir/types.ts";
import * as x from "../../kernel-ir/expr.ts";
import type { KExpr } from "../../kernel-ir/types.ts";
import type { Scope } from "../elementwise.ts";
import type { Job } from "./tile-shape.ts";

/** How many steps a sequence is taken to have at least. What is compiled serves all lengths. */
const STEPS = 8;

/** An operand. Axes are named by their labels; `|` is the batch, `<` is time. */
export interface Side {
  readonly value: Value;
  readonly labels: string;
  /** The labels of the result. */
  readonly out: string;
  /** Neighbours along its rows, or columns, are neighbours in memory; otherwise those along what is contracted. */
  readonly alongOwn: boolean;
}

/** What is contracted, all axes as one. */
export interface Contraction {
  /** Terms of the sum; at least, if time is among its axes. */
  readonly terms: number;
  readonly from: KExpr;
  readonly to: KExpr;
  /** A number that always divides how many terms there are. */
  readonly multiple: number;
  /** The index of each axis at position `k`; `bind` gives what it takes a name. */
  decode(k: KExpr, bind: (hint: string, value: KExpr) => KExpr): ReadonlyMap<string, KExpr>;
}

export interface Product {
  readonly op: OpOf<"dot">;
  readonly left: Side;
  readonly right: Side;
  readonly contraction: Contraction;
}

/** Products of one left side. */
export interface Chunk {
  readonly products: readonly Product[];
  readonly contraction: Contraction;
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
 * The sides of a product. Undefined where the axes do not part into rows, columns and what is contracted, as in a product an
 * example of two batches.
 */
export function productOf(op: OpOf<"dot">, scope: Scope): Product | undefined {
  const { a, b, out, batch, time } = op.attrs;
  const [first, second] = op.operands;
  const column = out[out.length - 1];
  if (column === undefined || a.includes(column) === b.includes(column)) return undefined;
  const sides = [
    { value: first, labels: a },
    { value: second, labels: b },
  ];
  const [left, right] = b.includes(column) ? sides : [sides[1], sides[0]];
  const y = op.results[0].type;
  if (right.value.type.batch && y.batch) return undefined;
  if ([...out].some((label) => label !== column && right.labels.includes(label))) return undefined;
  const inner = [...new Set([...a, ...b])].filter((label) => !out.includes(label));
  const extentOf = (label: string): number => {
    const side = left.labels.includes(label) ? left : right;
    return dim.evaluate(side.value.type.shape[side.labels.indexOf(label)], scope.dims);
  };
  const extent = (label: string): number => (label === "|" ? scope.dims.batch : extentOf(label));
  const axes = [...(batch ? ["|"] : []), ...inner];
  const terms = axes.reduce((n, label) => n * extent(label), 1);
  const alongOwn = (side: (typeof sides)[number]): boolean => {
    const known = strided(side.value, scope.home, scope.defs, (d) => dim.evaluate(d, scope.dims));
    const last = side.labels.length - 1;
    if (!known || last < 0) return false;
    const fastest = [...side.labels].findIndex((_, i) => known.home.strides[i] === 1 && extentOf(side.labels[i]) > 1);
    return out.includes(side.labels[fastest < 0 ? last : fastest]);
  };
  return {
    op,
    left: { ...left, out, alongOwn: alongOwn(left) },
    right: { ...right, out, alongOwn: alongOwn(right) },
    contraction: {
      terms: time ? terms * STEPS : terms,
      from: x.int(0),
      to: time ? x.mul(scope.layout.steps, x.int(terms)) : x.int(terms),
      multiple: terms,
      decode(k, bind) {
        const index = new Map<string, KExpr>();
        let left = k;
        if (time) {
          index.set("<", bind("s", x.div(k, x.int(terms))));
          left = axes.length > 0 ? bind("rest", x.rem(k, x.int(terms))) : x.int(0);
        }
        for (let i = axes.length - 1; i >= 0; i--) {
          const n = extent(axes[i]);
          index.set(axes[i], i === 0 ? left : bind(axes[i] === "|" ? "b" : axes[i], x.rem(left, x.int(n))));
          left = x.div(left, x.int(n));
        }
        return index;
      },
    },
  };
}

/** A product alone. */
export const jobOf = ({ contraction }: Product): Job => ({ count: 1, terms: contraction.terms });

/** Products by the left side that they share. */
export function chunksOf(products: readonly Product[]): readonly Chunk[] {
  const chunks = new Map<string, Product[]>();
  for (const product of products) {
    const { left, right, op } = product;
    const key = JSON.stringify([left.value.id, left.labels, right.labels, op.attrs.out, op.attrs.batch, op.attrs.time]);
    chunks.set(key, [...(chunks.get(key) ?? []), product]);
  }
  return [...chunks.values()].map((same) => ({ products: same, contraction: same[0].contraction }));
}
