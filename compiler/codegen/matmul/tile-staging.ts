/** Stages a round of both operands in workgroup memory, where every lane reads them many times. */

import type { Axis } from "../../ir/contraction-axes.ts";
import * as x from "../../kernel-ir/expr.ts";
import type { KExpr, KStmt, Tile } from "../../kernel-ir/types.ts";
import { Evaluation } from "../elementwise.ts";
import type { Point } from "../point.ts";
import { type AxisIndex, indexOf, pointAt } from "./axis-index.ts";
import type { Chunk, FlatContraction, TileOperand, TileProduct } from "./tile-products.ts";
import { ROWS, type Tiling } from "./tiling.ts";

/** A vector to be staged, and its place in its row of the tile. */
interface Staged {
  readonly vector: KExpr;
  readonly value: KExpr;
}

/** One operand's part of a round. */
interface Part {
  readonly contraction: FlatContraction;
  readonly side: TileOperand;
  readonly tile: Tile;
  /** Vectors of the tile from one position of the contraction to the next. */
  readonly stride: number;
  /** Blocks of rows, or of columns, and vectors of each. */
  readonly blocks: number;
  readonly vectors: number;
  /** The vectors of a block at a position of the contraction; `into` gets the statements that compute them. */
  make(index: AxisIndex, block: KExpr, into: KStmt[]): readonly Staged[];
}

/** Four rows of the left operand at each position k from `k` on: tile[k][row / 4]. The tile's first row is `m`. */
export function stageLeft(tiling: Tiling, { contraction, products }: Chunk, k: KExpr, m: KExpr): KStmt {
  const { rowBlocks, leftStride, rows } = tiling.shape;
  const [product] = products;
  return stage(tiling, k, {
    ...{ contraction, side: product.left, tile: tiling.left, stride: leftStride, blocks: rowBlocks, vectors: 1 },
    make(index, block, into) {
      const evaluation = new Evaluation(tiling.site.scope);
      const [a, b, c, d] = ROWS.map((row) => {
        const at = x.add(x.add(m, x.mul(block, x.int(4))), x.int(row));
        const number = tiling.bind(evaluation.statements, "row", tiling.clamped(at, rows, 4 * rowBlocks));
        return operandAt(evaluation, tiling, product, product.left, index, tiling.rowPoint(number, "clamped"));
      });
      into.push(...evaluation.statements);
      return [{ vector: block, value: { k: "vec4", lanes: [a, b, c, d] } }];
    },
  });
}

/** The right operands' columns of each unit: tile[k][block of units][vector], for chunk `i`. The tile's first column is `n`. */
export function stageRight(tiling: Tiling, i: number, k: KExpr, n: KExpr): KStmt {
  const { unitBlocks, units, rightStride, columns } = tiling.shape;
  const { contraction, products } = tiling.chunks[i];
  const vectors = tiling.shape.vectors[i];
  return stage(tiling, k, {
    ...{ contraction, side: products[0].right, tile: tiling.right, stride: rightStride, blocks: unitBlocks, vectors },
    make(index, block, into) {
      const evaluation = new Evaluation(tiling.site.scope);
      const points = Array.from({ length: units }, (_, u) => {
        const at = x.add(x.add(n, x.mul(block, x.int(units))), x.int(u));
        const number = tiling.bind(evaluation.statements, "column", tiling.clamped(at, columns, units * unitBlocks));
        return tiling.columnPoint(number, tiling.site.start(tiling.type), "clamped");
      });
      const lane = (c: number): KExpr => {
        const product = products[Math.floor(c / units)];
        if (product === undefined) return x.float(0);
        return operandAt(evaluation, tiling, product, product.right, index, points[c % units]);
      };
      const made = Array.from(
        { length: vectors },
        (_, v): Staged => ({
          vector: x.add(x.mul(block, x.int(vectors)), x.int(v)),
          value: { k: "vec4", lanes: [lane(4 * v), lane(4 * v + 1), lane(4 * v + 2), lane(4 * v + 3)] },
        }),
      );
      into.push(...evaluation.statements);
      return made;
    },
  });
}

/** An element of an operand, at a point of the result and an index of the contracted axes. */
function operandAt(
  evaluation: Evaluation,
  { site }: Tiling,
  { matrix }: TileProduct,
  side: TileOperand,
  contracted: AxisIndex,
  own: Point,
): KExpr {
  const index = new Map<Axis, KExpr>([...indexOf(matrix.result, own), ...contracted]);
  return evaluation.at(side.value, pointAt(side, index, site.scope.step, 1));
}

/** Stages one operand's part of a round, with zeros beyond the end of the contraction. */
function stage(tiling: Tiling, k: KExpr, { contraction, side, tile, stride, blocks, vectors, make }: Part): KStmt {
  const { round } = tiling.shape;
  return tiling.lanes(round * blocks, (i) => {
    const before: KStmt[] = [];
    // Neighbouring lanes read neighbouring floats, whichever axis of the operand is contiguous.
    const [row, block] = side.alongOwn
      ? [x.div(i, x.int(blocks)), x.rem(i, x.int(blocks))]
      : [x.rem(i, x.int(round)), x.div(i, x.int(round))];
    const kk = tiling.bind(before, "kk", row);
    const of = tiling.bind(before, "block", block);
    const at = tiling.bind(before, "at", x.add(k, kk));
    const body: KStmt[] = [];
    const index = contraction.decode(at, (hint, value) => tiling.bind(body, hint, value));
    const made = make(index, of, body);
    const store = ({ vector }: Staged, value: KExpr): KStmt => ({
      s: "store",
      memory: { kind: "tile", name: tile.name },
      index: x.mul(x.add(x.mul(kk, x.int(stride)), vector), x.int(4)),
      type: "f32x4",
      value,
    });
    if (contraction.multiple % round === 0) return [...before, ...body, ...made.map((one) => store(one, one.value))];
    const names = Array.from({ length: vectors }, () => tiling.site.scope.name("part"));
    const zero: KExpr = { k: "splat", a: x.float(0) };
    const inside: readonly KStmt[] = [
      ...body,
      ...made.map((one, v): KStmt => ({ s: "assign", name: names[v], type: "f32x4", value: one.value })),
    ];
    return [
      ...before,
      ...names.map((name): KStmt => ({ s: "var", name, type: "f32x4", value: zero })),
      { s: "if", condition: x.compare("lt", at, contraction.to), then: inside, else: [] },
      ...made.map((one, v) => store(one, x.variable(names[v], "f32x4"))),
    ];
  });
}
