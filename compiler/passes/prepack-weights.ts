/**
 * Weight prepacking, for machines that block products in vector registers: a weight that a loop's products read is copied once
 * before the loop, in panels of four columns, each with its rows one after another (`quads`). Columns from any multiple of 4 on are
 * then read sequentially instead of being gathered at every step: the rows of the weight itself are thousands of bytes apart, and
 * often a power of two.
 */

import { Builder } from "../ir/builder.ts";
import { BATCH, extentOf, hasAxis, matrixProduct, TIME } from "../ir/contraction-axes.ts";
import * as dim from "../ir/dim.ts";
import type { Block, Graph, Op, OpOf, Pass, Value } from "../ir/types.ts";
import { blocksProducts, type Machine } from "../machine.ts";
import { definitions, idsAfter } from "./rewrite.ts";

/** The fewest rows for which a panel is worth its copy, which costs as much as two rows of the product. */
export const FEWEST_ROWS = 16;

/** Runs after `materialise`, so that nothing moves the copies. */
export const prepackWeights = (machine: Machine, dims: Readonly<Record<string, number>>): Pass => ({
  name: "prepack-weights",
  doc: "weights that a loop's products read are copied once, in the order in which they are read",
  run: (graph) => (!blocksProducts(machine) || dims.batch < FEWEST_ROWS ? graph : prepacked(graph, dims)),
});

function prepacked(graph: Graph, dims: Readonly<Record<string, number>>): Graph {
  const b = new Builder(idsAfter(graph));
  for (const op of graph.ops) {
    if (op.op !== "scan") {
      b.ops.push(op);
      continue;
    }
    const copies = new Map<string, Value>();
    const copyOf = (weight: Value, transposed: boolean): Value => {
      const key = `${weight.id} ${transposed}`;
      const known = copies.get(key);
      if (known) return known;
      const turned = transposed ? b.one("transpose", [weight], { permutation: [1, 0] }) : weight;
      const copy = b.one("copy", [turned], { format: "quads" }, weight.name);
      copies.set(key, copy);
      return copy;
    };
    const body = reading(op.body!, dims, copyOf);
    b.ops.push({ ...op, body });
  }
  return { ...graph, ops: b.ops };
}

/** The body with its products reading copies of weights. */
function reading(
  body: Block,
  dims: Readonly<Record<string, number>>,
  copyOf: (weight: Value, transposed: boolean) => Value,
): Block {
  const defs = definitions(body.ops);
  const own = new Set([...body.params, ...defs.keys()]);
  const ops = new Map<Op, Op>();
  for (const op of body.ops) {
    const weight = op.op === "dot" ? weightOf(op, dims) : undefined;
    if (weight === undefined) continue;
    const { side, transposed } = weight;
    // The columns of a cell's gates are parts of one weight's columns.
    let reader: Op = op;
    let at = side;
    for (;;) {
      const view = defs.get(reader.operands[at]);
      if (transposed || view?.op !== "split" || view.attrs.axis !== 1) break;
      [reader, at] = [view, 0];
    }
    const source = reader.operands[at];
    if (own.has(source)) continue;
    const { type } = source;
    if (type.shape.length !== 2 || type.batch || type.time) continue;
    const operands = reader.operands.with(at, copyOf(source, transposed));
    const labels = op.op === "dot" && transposed ? turned(op, side) : {};
    ops.set(reader, { ...reader, operands, attrs: { ...reader.attrs, ...labels } } as Op);
  }
  return { ...body, ops: body.ops.map((op) => ops.get(op) ?? op) };
}

/**
 * Which operand of a product with many rows is a weight whose number of columns is a multiple of 4, and whether it is transposed.
 */
function weightOf(
  op: OpOf<"dot">,
  dims: Readonly<Record<string, number>>,
): { readonly side: 0 | 1; readonly transposed: boolean } | undefined {
  const product = matrixProduct(op);
  if (product === undefined || !product.result.type.batch) return undefined;
  const { right, result, column, contracted } = product;
  if (contracted.includes(BATCH) || contracted.includes(TIME)) return undefined;
  const { type, labels } = right;
  const isWeight = labels.length === 2 && !type.batch && !type.time && ![...labels].every((l) => hasAxis(result, l));
  if (!isWeight || dim.evaluate(extentOf(product, column), dims) % 4 !== 0) return undefined;
  return { side: right.operand, transposed: labels[0] === column };
}

/** The labels of a side with its axes exchanged. */
function turned(op: OpOf<"dot">, side: 0 | 1): Partial<OpOf<"dot">["attrs"]> {
  const swap = (labels: string): string => [...labels].reverse().join("");
  return side === 0 ? { a: swap(op.attrs.a) } : { b: swap(op.attrs.b) };
}
