/**
 * Products at a point, four terms at a time. A texel is loaded as a whole, so a row that is contracted is best loaded by texels: an
 * element of a product then takes half a load for each term instead of two.
 */
import { type Axis, BATCH, contractionAxes, extentOf, matrixProduct, type Side, TIME } from "../ir/contraction-axes.ts";
import * as dim from "../ir/dim.ts";
import type { OpOf } from "../ir/types.ts";
import * as x from "../kernel-ir/expr.ts";
import type { FloatType, KExpr, KStmt } from "../kernel-ir/types.ts";
import { Evaluation, type Scope } from "./elementwise.ts";
import { loop, nest } from "./loops.ts";
import { type AxisIndex, indexOf, pointAt, wholeAxis } from "./matmul/axis-index.ts";
import type { Point } from "./point.ts";

const lanes = [0, 1, 2, 3] as const;

/** The product at `p`; undefined if its terms are not in texels. The loops go to `evaluation`. */
export function productOfTexels(op: OpOf<"dot">, p: Point, evaluation: Evaluation, scope: Scope): KExpr | undefined {
  const axes = contractionAxes(op);
  const inner = axes.contracted[axes.contracted.length - 1];
  if (inner === undefined || inner === TIME || inner === BATCH) return undefined;
  if (dim.evaluate(extentOf(axes, inner), scope.dims) % 4 !== 0) return undefined;
  const isRow = ({ labels }: Side): boolean => labels.endsWith(inner);
  const product = matrixProduct(op);
  const [left, right] = axes.sides;
  const outer = axes.contracted.slice(0, -1);
  const headers = outer.map((axis) => ({
    hint: hintOf(axis),
    ...wholeAxis(axes, axis, scope.layout.steps, scope.dims),
  }));
  const name = op.results[0].name || "sum";

  /** Loops over the contracted axes, the last by fours, around the totals that are declared before them. */
  const over = (
    totals: number,
    type: FloatType,
    body: (index: AxisIndex, at: KExpr, inside: Evaluation, names: readonly string[]) => readonly KStmt[],
  ): readonly KExpr[] => {
    const names = Array.from({ length: totals }, () => scope.name(name));
    const zero: KExpr = type === "f32x4" ? { k: "splat", a: x.float(0) } : x.float(0);
    for (const total of names) evaluation.statements.push({ s: "var", name: total, type, value: zero });
    const loops = nest(scope.name, headers, (indices) => [
      loop(
        scope.name,
        { hint: inner, from: x.int(0), to: x.int(dim.evaluate(extentOf(axes, inner), scope.dims)), step: 4 },
        (k) => {
          const inside = new Evaluation(scope, { evaluation, loops: [...indices.map((i) => i.name), k.name] });
          const index: AxisIndex = new Map([
            ...indexOf(axes.result, p),
            ...outer.map((axis, i): [Axis, KExpr] => [axis, indices[i]]),
          ]);
          const assigned = body(index, k, inside, names);
          return [...inside.statements, ...assigned];
        },
      ),
    ]);
    evaluation.statements.push(...loops);
    return names.map((total) => x.variable(total, type));
  };

  if (p.width === 4 && product !== undefined && product.right.labels.endsWith(product.column)) {
    // Four columns at once: a texel of the row on the left meets four of the matrix.
    const { left: row, right: matrix } = product;
    if (!isRow(row)) return undefined;
    const [total] = over(1, "f32x4", (index, k, inside, [sum]) => {
      const four = inside.at(row.value, pointAt(row, new Map([...index, [inner, k]]), scope.step, 4));
      return lanes.map((lane): KStmt => {
        const at = new Map([...index, [inner, x.add(k, x.int(lane))]]);
        const columns = inside.at(matrix.value, pointAt(matrix, at, scope.step, 4));
        const element: KExpr = { k: "splat", a: { k: "extract", a: four, lane } };
        return plus(sum, "f32x4", element, columns);
      });
    });
    return total;
  }

  // Rows of both: four partial sums for each element.
  if (!isRow(left) || !isRow(right)) return undefined;
  const last = p.f.length - 1;
  const width = p.width === 4 ? lanes : ([0] as const);
  const column = axes.result.labels[last];
  if (p.width === 4 && column === undefined) return undefined;
  const totals = over(width.length, "f32x4", (index, k, inside, names) =>
    width.map((lane): KStmt => {
      const own: [Axis, KExpr][] = p.width === 4 ? [[column, x.add(p.f[last], x.int(lane))]] : [];
      const at: AxisIndex = new Map([...index, ...own, [inner, k]]);
      const [a, b] = [left, right].map((side) => inside.at(side.value, pointAt(side, at, scope.step, 4)));
      return plus(names[lane], "f32x4", a, b);
    }),
  );
  const sums = totals.map((total): KExpr => ({ k: "across", op: "add", a: total }));
  return p.width === 4 ? { k: "vec4", lanes: [sums[0], sums[1], sums[2], sums[3]] } : sums[0];
}

const plus = (name: string, type: FloatType, a: KExpr, b: KExpr): KStmt => ({
  s: "assign",
  name,
  type,
  value: { k: "fma", type, a, b, c: x.variable(name, type) },
});

const hintOf = (axis: Axis): string => (axis === TIME ? "s" : axis === BATCH ? "n" : axis);
