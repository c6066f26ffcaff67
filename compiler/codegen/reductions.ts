/**
 * Loops that fold many elements into one: sums, maxima, positions of maxima, rows added up by index.
 *
 * Several sums over the same axes of the same space share one pass. Where lanes are many and results few, each lane folds a
 * share, and the shares are folded behind a barrier.
 */

import * as dim from "../ir/dim.ts";
import type { Axes, Op, OpOf, Type, Value } from "../ir/types.ts";
import * as x from "../kernel-ir/expr.ts";
import type { KExpr, KStmt } from "../kernel-ir/types.ts";
import type { Machine } from "../machine.ts";
import { Evaluation, type Scope } from "./elementwise.ts";
import { reduceAcrossLanes } from "./lane-reductions.ts";
import { type Axis, forEachPoint } from "./loop-nest.ts";
import type { Partials } from "./partials.ts";
import { origin, type Point } from "./point.ts";

/** Folds that share a pass where they run over the same axes. */
export type Reduction = Extract<Op, { op: "sum" | "maximum" | "partial" }>;

/** The axes that a fold removes. Of the batch, `partial` removes the part that its workgroup owns. */
export const removedBy = (op: Reduction): Axes =>
  op.op === "partial" ? { batch: true, time: false, features: [], keep: false } : op.attrs.axes;

/** What a fold must know of the kernel it stands in. */
export interface ReductionSite {
  readonly machine: Machine;
  readonly scope: Scope;
  /** The step of values with `time`, when a workgroup has one step only. */
  readonly step: KExpr | undefined;
  /** The part of the batch that the workgroup owns, where the batch is taken in parts. */
  readonly part: KExpr | undefined;
  /** The axes of a space, with the part of each that the workgroup owns. */
  axes(space: Type): readonly Axis[];
  /** Statements that store the value of `v` at `p` wherever it is wanted. */
  store(v: Value, p: Point, value: KExpr): readonly KStmt[];
  /** Workgroup memory for the lanes' shares. */
  readonly shares: Partials;
}

/** Below every finite f32. */
const LOWEST = -3.4028234663852886e38;

/** Several sums over the same axes of the same space, in one pass. */
export function reduceSerially(site: ReductionSite, ops: readonly Reduction[]): readonly KStmt[] {
  const { machine } = site;
  const from = ops[0].operands[0].type;
  const removed = removedBy(ops[0]);
  const all = site.axes(from);
  const isRemoved = (a: Axis): boolean => removes(removed, a.axis);
  const outer = all.filter((a) => !isRemoved(a));
  const inner = all.filter(isRemoved);
  const start = origin(site.step, from.shape.length);
  if (machine.lanes > 1) {
    const results = outer.reduce((n, a) => n * (a.most ?? Number.POSITIVE_INFINITY), 1);
    if (results * 2 <= machine.lanes) {
      const { most } = site.shares;
      const batches = Array.from({ length: Math.ceil(ops.length / most) }, (_, i) =>
        ops.slice(i * most, (i + 1) * most),
      );
      return batches.flatMap((some) => reduceAcrossLanes(site, some, outer, inner, start, results));
    }
  }
  const lastKept = outer.length > 0 && outer[outer.length - 1].axis === from.shape.length - 1 && from.shape.length > 0;
  return forEachPoint(machine, site.scope.name, outer, start, lastKept, (p) => {
    const statements: KStmt[] = [];
    const totals = ops.map((op) => accumulator(site, op, p.width, statements));
    const lastRemoved =
      !lastKept && inner.length > 0 && inner[inner.length - 1].axis === from.shape.length - 1 && from.shape.length > 0;
    const vectors = lastRemoved && machine.vector === 4 && (inner[inner.length - 1].most ?? 0) >= 4;
    statements.push(...accumulate(site, ops, totals, inner, p, vectors));
    ops.forEach((op, i) => {
      statements.push(...site.store(op.results[0], resultPoint(site, op, p), totals[i]));
    });
    return statements;
  });
}

/** The point of a reduction's result that belongs to a point of its operand's space. */
export function resultPoint(site: ReductionSite, op: Reduction, p: Point): Point {
  if (op.op === "partial") return { ...p, f: [site.part!, ...p.f] };
  const { features, keep } = op.attrs.axes;
  return { ...p, f: keep ? p.f : p.f.filter((_, i) => !features.includes(i)) };
}

export function accumulator(site: ReductionSite, op: Op, width: 1 | 4, into: KStmt[]): KExpr {
  const name = site.scope.name(op.results[0].name || op.op);
  const start = x.float(op.op === "maximum" ? LOWEST : 0);
  const type = width === 4 ? "f32x4" : "f32";
  into.push({ s: "var", name, type, value: width === 4 ? { k: "splat", a: start } : start });
  return x.variable(name, type);
}

/** Loops over `inner`, folding each operand into its total. With `vectors` the last axis runs four at a time. */
export function accumulate(
  site: ReductionSite,
  ops: readonly Op[],
  totals: readonly KExpr[],
  inner: readonly Axis[],
  p: Point,
  vectors: boolean,
): readonly KStmt[] {
  // What does not vary in the loops is computed before them.
  const loops: string[] = [];
  const before = new Evaluation(site.scope);
  const loop = (hint: string): string => {
    const name = site.scope.name(hint);
    loops.push(name);
    return name;
  };
  const fold =
    (targets: readonly KExpr[]) =>
    (q: Point): readonly KStmt[] => {
      const evaluation = new Evaluation(site.scope, { evaluation: before, loops });
      ops.forEach((op, i) => {
        const target = targets[i] as Extract<KExpr, { k: "var" }>;
        const type = target.type as "f32" | "f32x4";
        const value = evaluation.at(op.operands[0], q);
        const math = op.op === "maximum" ? "max" : "add";
        evaluation.statements.push({
          s: "assign",
          name: target.name,
          type,
          value: { k: "math", op: math, type, args: [target, value] },
        });
      });
      return evaluation.statements;
    };
  const nest = (axes: readonly Axis[], q: Point, body: (q: Point) => readonly KStmt[]): readonly KStmt[] => {
    if (axes.length === 0) return body(q);
    const [first, ...rest] = axes;
    const name = loop(typeof first.axis === "number" ? "k" : first.axis === "b" ? "n" : "s");
    const at = x.variable(name, "i32");
    const here: Point =
      first.axis === "t"
        ? { ...q, t: at }
        : first.axis === "b"
          ? { ...q, b: at }
          : { ...q, f: q.f.map((e, i) => (i === first.axis ? at : e)) };
    return [{ s: "for", kind: "serial", name, from: first.from, to: first.to, step: 1, body: nest(rest, here, body) }];
  };
  if (!vectors) {
    const nested = nest(inner, p, fold(totals));
    return [...before.statements, ...nested];
  }
  const axis = inner[inner.length - 1];
  const n = axis.most!;
  const nested = nest(inner.slice(0, -1), p, (q) => {
    const statements: KStmt[] = [];
    const partial = ops.map((op) => accumulator(site, op, 4, statements));
    const index = (name: string, width: 1 | 4): Point => ({
      ...q,
      width,
      f: q.f.map((e, i) => (i === axis.axis ? x.variable(name, "i32") : e)),
    });
    const main = n - (n % 4);
    const name = loop("k");
    statements.push({
      s: "for",
      kind: "serial",
      name,
      from: x.int(0),
      to: x.int(main),
      step: 4,
      body: fold(partial)(index(name, 4)),
    });
    ops.forEach((op, i) => {
      const target = totals[i] as Extract<KExpr, { k: "var" }>;
      const math = op.op === "maximum" ? "max" : "add";
      const across: KExpr = { k: "across", op: math, a: partial[i] };
      statements.push({
        s: "assign",
        name: target.name,
        type: "f32",
        value: { k: "math", op: math, type: "f32", args: [target, across] },
      });
    });
    if (main < n) {
      const left = loop("k");
      statements.push({
        s: "for",
        kind: "serial",
        name: left,
        from: x.int(main),
        to: x.int(n),
        step: 1,
        body: fold(totals)(index(left, 1)),
      });
    }
    return statements;
  });
  return [...before.statements, ...nested];
}

export function argmax(site: ReductionSite, op: OpOf<"argmax">): readonly KStmt[] {
  const [from] = op.operands;
  const y = op.results[0];
  const n = dim.evaluate(from.type.shape[from.type.shape.length - 1], site.scope.dims);
  return forEachPoint(
    site.machine,
    site.scope.name,
    site.axes(y.type),
    origin(site.step, y.type.shape.length),
    false,
    (p) => {
      const best = site.scope.name("best");
      const at = site.scope.name(y.name || "argmax");
      const k = site.scope.name("k");
      const inner = new Evaluation(site.scope);
      const value = inner.at(from, { ...p, f: [...p.f, x.variable(k, "i32")] });
      const [b, a] = [x.variable(best, "f32"), x.variable(at, "f32")];
      const better: KExpr = { k: "math", op: "gt", type: "f32", args: [value, b] };
      const index: KExpr = { k: "toFloat", a: x.variable(k, "i32") };
      inner.statements.push(
        {
          s: "assign",
          name: at,
          type: "f32",
          value: { k: "math", op: "select", type: "f32", args: [better, index, a] },
        },
        { s: "assign", name: best, type: "f32", value: { k: "math", op: "max", type: "f32", args: [value, b] } },
      );
      return [
        { s: "var", name: best, type: "f32", value: x.float(LOWEST) },
        { s: "var", name: at, type: "f32", value: x.float(0) },
        { s: "for", kind: "serial", name: k, from: x.int(0), to: x.int(n), step: 1, body: inner.statements },
        ...site.store(y, p, a),
      ];
    },
  );
}

/** Each row of the table adds up the rows that name it. */
export function scatter(site: ReductionSite, op: OpOf<"scatter">): readonly KStmt[] {
  const [index, rows] = op.operands;
  const y = op.results[0];
  const space: Type = {
    ...index.type,
    time: index.type.time || rows.type.time,
    batch: index.type.batch || rows.type.batch,
  };
  const rank = index.type.shape.length;
  return forEachPoint(
    site.machine,
    site.scope.name,
    site.axes(y.type),
    origin(undefined, y.type.shape.length),
    false,
    (p) => {
      const statements: KStmt[] = [];
      const total = accumulator(site, op, 1, statements);
      const [row, ...features] = p.f;
      const loops: { name: string; to: KExpr }[] = [];
      const loop = (hint: string, to: KExpr): KExpr => {
        loops.push({ name: site.scope.name(hint), to });
        return x.variable(loops[loops.length - 1].name, "i32");
      };
      const t = space.time ? loop("s", site.scope.layout.steps) : undefined;
      const b = space.batch ? loop("n", x.int(site.scope.dims.batch)) : undefined;
      const f = index.type.shape.map((d) => loop("k", x.int(dim.evaluate(d, site.scope.dims))));
      const inner = new Evaluation(site.scope);
      const named = inner.at(index, { t, b, f, width: 1 });
      const value = inner.at(rows, { t, b, f: [...f.slice(0, rank), ...features], width: 1 });
      const same: KExpr = { k: "math", op: "eq", type: "f32", args: [named, { k: "toFloat", a: row }] };
      const target = total as Extract<KExpr, { k: "var" }>;
      inner.statements.push({
        s: "assign",
        name: target.name,
        type: "f32",
        value: { k: "fma", type: "f32", a: same, b: value, c: total },
      });
      const nest = [...loops]
        .reverse()
        .reduce<readonly KStmt[]>(
          (body, { name, to }) => [{ s: "for", kind: "serial", name, from: x.int(0), to, step: 1, body }],
          inner.statements,
        );
      return [...statements, ...nest, ...site.store(y, p, total)];
    },
  );
}

const removes = (axes: Axes, axis: Axis["axis"]): boolean =>
  axis === "t" ? axes.time : axis === "b" ? axes.batch : axes.features.includes(axis);
