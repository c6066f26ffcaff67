/**
 * Gate splitting: a value of 4H features that is only ever split in four parts, or joined from four, is computed as four values of
 * H features, so that a kernel can own a few hidden units together with all their gates.
 *
 * Splits move up through elementwise ops, sums over examples and products. What needs the whole value gets it by `concat`.
 */
import { matrixProduct } from "../ir/contraction-axes.ts";
import * as dim from "../ir/dim.ts";
import { isElementwise } from "../ir/ops/elementwise.ts";
import type { Graph, Op, OpOf, Pass, Type, Value } from "../ir/types.ts";
import { type Builder, captured, copy, type Renaming, rebuildGraph, rebuildScan } from "./rewrite.ts";

/** @param reduced also values that are added up; otherwise their sums stay in one kernel, and are not divided among several */
export const gates = (reduced = true): Pass => ({
  name: "gates",
  doc: "values that are split into gate blocks are computed gate by gate",
  run(graph: Graph): Graph {
    const results = graph.results.map((r) => r.value);
    return rebuildGraph(graph, (b, rename) => separate(b, graph.ops, rename, results, reduced));
  },
});

const last = (t: Type): dim.Dim | undefined => t.shape[t.shape.length - 1];

/** Whether `v` runs along the last axis of `like` (rather than being broadcast along it). */
function spans(v: Value, like: Type): boolean {
  const own = last(v.type);
  const whole = last(like);
  return own !== undefined && whole !== undefined && dim.equal(own, whole) && !dim.isOne(own);
}

const isLastAxis = (op: OpOf<"split"> | OpOf<"concat">): boolean =>
  op.attrs.axis === op.results[0].type.shape.length - 1;

/** The values that must be split alike. */
function tied(op: Op): readonly Value[] {
  const [y] = op.results;
  if (isElementwise(op.op) || op.op === "broadcast" || op.op === "stop")
    return [y, ...op.operands.filter((v) => spans(v, y.type))];
  if ((op.op === "sum" || op.op === "maximum") && op.attrs.axes.features.length === 0) return [y, ...op.operands];
  return [];
}

/** The number of parts in which each value is needed; 1 for those that stay whole. */
function demands(ops: readonly Op[], reduced: boolean): ReadonlyMap<Value, number> {
  const wanted = new Map<Value, number>();
  if (!reduced) {
    for (const op of ops)
      if (op.op === "sum" || op.op === "maximum") for (const v of [...op.operands, ...op.results]) wanted.set(v, 1);
    spread(ops, wanted);
  }
  for (const op of ops) {
    if (op.op === "split" && isLastAxis(op) && !wanted.has(op.operands[0])) wanted.set(op.operands[0], op.attrs.parts);
    if (op.op === "concat" && isLastAxis(op) && !wanted.has(op.results[0])) {
      const widths = op.operands.map((v) => last(v.type)!);
      if (widths.every((w) => dim.equal(w, widths[0]))) wanted.set(op.results[0], op.operands.length);
    }
  }
  spread(ops, wanted);
  return wanted;
}

/** Gives every value the number of parts of those that it is tied to. */
function spread(ops: readonly Op[], wanted: Map<Value, number>): void {
  for (let before = -1; before !== wanted.size; ) {
    before = wanted.size;
    for (const op of [...ops, ...[...ops].reverse()]) {
      const values = tied(op);
      const parts = values.map((v) => wanted.get(v)).find((n) => n !== undefined);
      if (parts !== undefined) for (const v of values) if (!wanted.has(v)) wanted.set(v, parts);
    }
  }
}

function separate(b: Builder, ops: readonly Op[], rename: Renaming, results: readonly Value[], reduced: boolean): void {
  const wanted = demands(ops, reduced);
  const parts = new Map<Value, readonly Value[]>();
  const joined = new Map<Value, Value>();

  const whole = (v: Value): Value => {
    const pieces = parts.get(v);
    if (!pieces) return rename.of(v);
    const done = joined.get(v) ?? b.one("concat", pieces, { axis: v.type.shape.length - 1 }, v.name);
    joined.set(v, done);
    rename.set([v], [done]);
    return done;
  };
  const pieces = (v: Value, n: number): readonly Value[] => {
    const known = parts.get(v);
    if (known?.length === n) return known;
    const made = b.emit("split", [whole(v)], { axis: v.type.shape.length - 1, parts: n }, v.name);
    // A value already in parts may also be needed in another number of parts.
    if (known) return made;
    parts.set(v, made);
    joined.set(v, rename.of(v));
    return made;
  };

  for (const op of ops) {
    const n = wanted.get(op.results[0]);
    const made = n === undefined || n === 1 ? undefined : inParts(b, op, n, pieces, whole);
    if (made) parts.set(op.results[0], made);
    else if (op.op === "split" && wanted.get(op.operands[0]) === op.attrs.parts && isLastAxis(op))
      rename.set(op.results, pieces(op.operands[0], op.attrs.parts));
    else if (op.op === "scan") {
      // A body reads captured values whole. Where the body splits them, they come apart again.
      captured(op.body!).forEach(whole);
      rename.set(
        op.results,
        rebuildScan(b, op, op.operands.map(whole), (inner, params) => {
          rename.set(op.body!.params, params);
          separate(inner, op.body!.ops, rename, op.body!.results, reduced);
          return op.body!.results.map(rename.of);
        }),
      );
    } else rename.set(op.results, copy(b, op, whole));
  }
  for (const v of results) whole(v);
}

/** The parts of an op's result, if it can be computed part by part. */
function inParts(
  b: Builder,
  op: Op,
  n: number,
  pieces: (v: Value, n: number) => readonly Value[],
  whole: (v: Value) => Value,
): readonly Value[] | undefined {
  const [y] = op.results;
  const each = (make: (i: number) => Value): readonly Value[] => Array.from({ length: n }, (_, i) => make(i));
  const part = dim.divide(last(y.type)!, dim.constant(n))!;
  const part1 = (t: Type): Type => ({ ...t, shape: [...t.shape.slice(0, -1), part] });
  const operand = (v: Value, i: number): Value => (spans(v, y.type) ? pieces(v, n)[i] : whole(v));
  if (isElementwise(op.op)) {
    const name = op.op;
    return each((i) =>
      b.elementwise(
        name,
        op.operands.map((v) => operand(v, i)),
        y.name,
      ),
    );
  }
  switch (op.op) {
    case "broadcast":
      return each((i) => b.broadcast(operand(op.operands[0], i), part1(op.attrs.type)));
    case "stop":
      return each((i) => b.one("stop", [operand(op.operands[0], i)], {}, y.name));
    case "sum":
    case "maximum":
      if (op.attrs.axes.features.length > 0) return undefined;
      return each((i) => b.one(op.op, [pieces(op.operands[0], n)[i]], op.attrs, y.name));
    case "concat":
      if (op.operands.length !== n || !isLastAxis(op) || !op.operands.every((v) => dim.equal(last(v.type)!, part)))
        return undefined;
      return op.operands.map((v) => b.broadcast(whole(v), part1(y.type)));
    case "dot": {
      const product = matrixProduct(op);
      if (product?.right.operand !== 1) return undefined;
      const axis = product.right.labels.indexOf(product.column);
      const columns = b.emit("split", [whole(op.operands[1])], { axis, parts: n }, op.operands[1].name);
      const a = whole(op.operands[0]);
      return columns.map((c) => b.one("dot", [a, c], op.attrs, y.name));
    }
    default:
      return undefined;
  }
}
