/**
 * Loops that reduce many elements to one: sums, maxima, positions of maxima, rows added up by index.
 *
 * Reductions over the same axes of the same space share their loops. Where there are many more lanes than results, each lane
 * computes a partial result, and these are combined after a barrier (`lane-reductions.ts`).
 */

import * as dim from "../ir/dim.ts";
import type { Axes, OpOf } from "../ir/types.ts";
import * as x from "../kernel-ir/expr.ts";
import type { KExpr, KStmt } from "../kernel-ir/types.ts";
import { invocationsOf, sharesTiles } from "../machine.ts";
import {
  accumulate,
  accumulator,
  LOWEST,
  type LoopSite,
  type Reduction,
  type ReductionSite,
  removedBy,
  resultPoint,
} from "./accumulate.ts";
import { Evaluation } from "./elementwise.ts";
import { reduceAcrossLanes } from "./lane-reductions.ts";
import { forEachPoint, type OwnedAxis } from "./loop-nest.ts";
import { type LoopHeader, loop, nest, upTo } from "./loops.ts";
import { origin, type Point, type PointAxis } from "./point.ts";

/** Reductions over the same axes of the same space, in the same loops. */
export function reduce(site: ReductionSite, ops: readonly Reduction[]): readonly KStmt[] {
  const { machine } = site;
  const from = ops[0].operands[0].type;
  const removed = removedBy(ops[0]);
  const all = site.axes(from);
  const outer = all.filter((a) => !removes(removed, a.axis));
  const inner = all.filter((a) => removes(removed, a.axis));
  const start = origin(site.step, from.shape.length);
  if (sharesTiles(machine)) {
    const results = outer.reduce((n, a) => n * (a.most ?? Number.POSITIVE_INFINITY), 1);
    if (results * 2 <= invocationsOf(machine)) {
      const { most } = site.partials;
      const batches = Array.from({ length: Math.ceil(ops.length / most) }, (_, i) =>
        ops.slice(i * most, (i + 1) * most),
      );
      return batches.flatMap((some) => reduceAcrossLanes(site, some, outer, inner, start, results));
    }
  }
  const isLast = (a: OwnedAxis | undefined): boolean => a !== undefined && a.axis === from.shape.length - 1;
  const lastKept = isLast(outer[outer.length - 1]);
  const last = inner[inner.length - 1];
  const vectors = isLast(last) && machine.vector === 4 && (last.most ?? 0) >= 4;
  return forEachPoint(machine, site.scope.name, outer, start, lastKept, (p) => {
    const statements: KStmt[] = [];
    const totals = ops.map((op) => accumulator(site, op, p.width, statements));
    statements.push(...accumulate(site, ops, totals, inner, p, vectors));
    ops.forEach((op, i) => {
      statements.push(...site.store(op.results[0], resultPoint(site, op, p), totals[i]));
    });
    return statements;
  });
}

const removes = (axes: Axes, axis: PointAxis): boolean =>
  axis === "t" ? axes.time : axis === "b" ? axes.batch : axes.features.includes(axis);

/** Loops that compute one element, and its value. */
export interface ElementLoops {
  readonly statements: readonly KStmt[];
  readonly value: KExpr;
}

/** The position of each row's largest element, the first where several are. */
export function argmax(site: ReductionSite, op: OpOf<"argmax">): readonly KStmt[] {
  const y = op.results[0];
  const start = origin(site.step, y.type.shape.length);
  return forEachPoint(site.machine, site.scope.name, site.axes(y.type), start, false, (p) => {
    const { statements, value } = argmaxAt(site, op, p);
    return [...statements, ...site.store(y, p, value)];
  });
}

/** The position of the largest element of the row at `p`. */
export function argmaxAt({ scope }: LoopSite, op: OpOf<"argmax">, p: Point): ElementLoops {
  const [from] = op.operands;
  const { name: names } = scope;
  const n = dim.evaluate(from.type.shape[from.type.shape.length - 1], scope.dims);
  const [best, at] = [names("best"), names(op.results[0].name || "argmax")];
  const [b, a] = [x.variable(best, "f32"), x.variable(at, "f32")];
  const search = loop(names, { hint: "k", ...upTo(n) }, (k) => {
    const inner = new Evaluation(scope);
    const value = inner.at(from, { ...p, f: [...p.f, k] });
    const better: KExpr = { k: "math", op: "gt", type: "f32", args: [value, b] };
    const position: KExpr = { k: "math", op: "select", type: "f32", args: [better, { k: "toFloat", a: k }, a] };
    const larger: KExpr = { k: "math", op: "max", type: "f32", args: [value, b] };
    return [
      ...inner.statements,
      { s: "assign", name: at, type: "f32", value: position },
      { s: "assign", name: best, type: "f32", value: larger },
    ];
  });
  const statements: readonly KStmt[] = [
    { s: "var", name: best, type: "f32", value: x.float(LOWEST) },
    { s: "var", name: at, type: "f32", value: x.float(0) },
    search,
  ];
  return { statements, value: a };
}

/** Each row of the table adds up the rows that name it. */
export function scatter(site: ReductionSite, op: OpOf<"scatter">): readonly KStmt[] {
  const y = op.results[0];
  const start = origin(undefined, y.type.shape.length);
  return forEachPoint(site.machine, site.scope.name, site.axes(y.type), start, false, (p) => {
    const { statements, value } = scatterAt(site, op, p);
    return [...statements, ...site.store(y, p, value)];
  });
}

/** The sum, at `p`, of the rows that name its row. */
export function scatterAt(site: LoopSite, op: OpOf<"scatter">, p: Point): ElementLoops {
  const { scope } = site;
  const [index, rows] = op.operands;
  const time = index.type.time || rows.type.time;
  const batch = index.type.batch || rows.type.batch;
  const headers: readonly LoopHeader[] = [
    ...(time ? [{ hint: "s", from: x.int(0), to: scope.layout.steps }] : []),
    ...(batch ? [{ hint: "n", ...upTo(scope.dims.batch) }] : []),
    ...index.type.shape.map((d) => ({ hint: "k", ...upTo(dim.evaluate(d, scope.dims)) })),
  ];
  const statements: KStmt[] = [];
  const total = accumulator(site, op, 1, statements);
  const [row, ...features] = p.f;
  const loops = nest(scope.name, headers, (indices) => {
    const f = [...indices];
    const t = time ? f.shift() : undefined;
    const b = batch ? f.shift() : undefined;
    const inner = new Evaluation(scope);
    const named = inner.at(index, { t, b, f, width: 1 });
    const value = inner.at(rows, { t, b, f: [...f, ...features], width: 1 });
    const same: KExpr = { k: "math", op: "eq", type: "f32", args: [named, { k: "toFloat", a: row }] };
    const sum: KExpr = { k: "fma", type: "f32", a: same, b: value, c: total };
    return [...inner.statements, { s: "assign", name: total.name, type: "f32", value: sum }];
  });
  return { statements: [...statements, ...loops], value: total };
}
