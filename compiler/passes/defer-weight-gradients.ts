/**
 * Deferred weight gradients: moves what a scan's body only accumulates or only yields out of the loop, so that it runs once over
 * all time steps: `dWh += hᵀ·da` becomes one contraction over (time, batch).
 *
 * A product or a sum over examples that the recurrence does not depend on always leaves, and its operands are saved step by step:
 * in the loop it would cut a step's kernel in two. Any other op leaves if all its operands are saved already. Otherwise it stays,
 * and its own (smaller) result is saved.
 *
 * What has features at each of all steps is not saved step by step, which would take memory that grows with the square of the
 * sequence's length. A sum of such values stays in the loop, unless it is a product of what is saved anyway; and a product over them
 * is taken example by example in the loop, and added up over the examples outside.
 */
import { axesOf, rowOf } from "../ir/ops.ts";
import { isSquare } from "../ir/steps.ts";
import type { Graph, Op, OpOf, Pass, Value } from "../ir/types.ts";
import { wide } from "./cone.ts";
import { Builder, copy, copyOverSteps, definitions, Renaming, reads, rebuildScans, runsOverSteps } from "./rewrite.ts";

export const deferWeightGradients: Pass = {
  name: "defer-weight-gradients",
  doc: "what a scan's body only accumulates moves out of the loop",
  run(graph: Graph): Graph {
    return rebuildScans(graph, deferScan);
  },
};

/** A product, or a sum over examples. */
const addsUp = (op: Op): boolean => {
  const { form, combines } = rowOf(op.op);
  if (form === "contraction") return true;
  return form === "reduction" && combines === "sum" && axesOf(op).some(({ batch }) => batch === "reduce");
};

/** The ops by which states that are only accumulators get their next values; undefined for other states. */
function accumulators(scan: OpOf<"scan">): readonly (Op | undefined)[] {
  const body = scan.body!;
  const defs = definitions(body.ops);
  const uses = new Map<Value, number>();
  const use = (v: Value): void => void uses.set(v, (uses.get(v) ?? 0) + 1);
  for (const op of body.ops) reads(op).forEach(use);
  body.results.forEach(use);
  return body.params.slice(0, scan.attrs.states).map((p, i) => {
    const next = body.results[i];
    const op = defs.get(next);
    return op?.operands.includes(p) && uses.get(p) === 1 && uses.get(next) === 1 ? op : undefined;
  });
}

/** For each state that is only an accumulator: the value added to it at each step. */
const accumulated = (scan: OpOf<"scan">): readonly (Value | undefined)[] =>
  accumulators(scan).map((op, i) =>
    op?.op === "add" ? op.operands[1 - op.operands.indexOf(scan.body!.params[i])] : undefined,
  );

/** The loop with what is subtracted from an accumulator added to it instead. */
function onlyAdding(b: Builder, scan: OpOf<"scan">): OpOf<"scan"> {
  const body = scan.body!;
  const subtracts = new Set(
    accumulators(scan).filter((op, i) => op?.op === "sub" && op.operands[0] === body.params[i]),
  );
  if (subtracts.size === 0) return scan;
  const ops = body.ops.flatMap((op): Op[] => {
    if (!subtracts.has(op)) return [op];
    const inner = new Builder(b.ids);
    inner.add(op.operands[0], inner.neg(op.operands[1]));
    const [neg, add] = inner.ops;
    return [neg, { ...add, results: op.results } as Op];
  });
  return { ...scan, body: { ...body, ops } };
}

/** A sum over examples that would have its operands saved: it is split into one for each example, and one of those. */
function perExampleFirst(b: Builder, scan: OpOf<"scan">): OpOf<"scan"> {
  const body = scan.body!;
  const own = new Set<Value>([...body.params, ...body.ops.flatMap((op) => op.results)]);
  const ops = body.ops.flatMap((op): Op[] => {
    const saves = op.operands.some((v) => own.has(v) && isSquare(v.type));
    // A matrix for each example may be larger than what it is made of.
    if (op.op !== "dot" || !op.attrs.batch || !saves || wide(op.results[0]) > 1) return [op];
    const inner = new Builder(b.ids);
    const each = inner.one("dot", op.operands, { ...op.attrs, batch: false }, op.results[0].name);
    if (!each.type.batch) return [op];
    inner.sum(each, { batch: true });
    const [product, sum] = inner.ops;
    return [product, { ...sum, results: op.results } as Op];
  });
  return { ...scan, body: { ...body, ops } };
}

/** For each state that leaves the loop: the value added to it at each step. */
function leaving(scan: OpOf<"scan">): readonly (Value | undefined)[] {
  const body = scan.body!;
  const defs = definitions(body.ops);
  // A product of what is saved anyway is computed outside.
  const isProduct = (v: Value): boolean => {
    const op = defs.get(v);
    return op?.op === "dot" && !op.operands.some((o) => defs.has(o) && isSquare(o.type));
  };
  return accumulated(scan).map((v) => (v === undefined || (isSquare(v.type) && !isProduct(v)) ? undefined : v));
}

function deferScan(b: Builder, from: OpOf<"scan">, rename: Renaming): readonly Value[] {
  const scan = perExampleFirst(b, onlyAdding(b, from));
  const body = scan.body!;
  const { states, reverse } = scan.attrs;
  const sums = leaving(scan);
  const own = new Set<Value>(body.params);
  for (const op of body.ops) for (const r of op.results) own.add(r);

  // What the recurrence depends on.
  const waited = new Set<Value>(body.results.filter((_, i) => i < states && sums[i] === undefined));
  for (const op of [...body.ops].reverse()) {
    if (op.results.some((r) => waited.has(r))) for (const v of reads(op)) waited.add(v);
  }

  // Saved step by step: parameters, operands of products and sums that leave, and outputs that stay. Then everything that can be
  // computed from them leaves.
  const outputs = body.results.slice(states);
  const isWaited = (op: Op): boolean => op.results.some((r) => waited.has(r));
  const kept = new Set<Value>(body.params.filter((_, i) => i >= states || sums[i] === undefined));
  for (const op of body.ops) {
    if (addsUp(op) && !isWaited(op)) for (const v of op.operands) if (own.has(v)) kept.add(v);
  }
  for (const v of outputs) if (waited.has(v)) kept.add(v);
  const leaves = new Set<Op>();
  const available = new Set<Value>(kept);
  for (const op of body.ops) {
    if (isWaited(op) || !runsOverSteps(op, (v) => own.has(v)) || op.results.some((r) => kept.has(r))) continue;
    if (op.operands.every((v) => !own.has(v) || available.has(v))) {
      leaves.add(op);
      for (const r of op.results) available.add(r);
    }
  }

  const roots = [...outputs, ...sums.flatMap((v) => (v ? [v] : []))];
  const gone = new Set([...leaves].flatMap((op) => op.results));
  const needed = new Set<Value>();
  for (const op of leaves) for (const v of op.operands) if (own.has(v) && !gone.has(v)) needed.add(v);
  for (const v of roots) if (own.has(v) && !gone.has(v)) needed.add(v);

  const states2 = body.params.flatMap((p, i) => (i < states && sums[i] === undefined ? [p] : []));
  const inputs2 = body.params.slice(states);
  const inner = b.body();
  const params = [...states2, ...inputs2].map((p) => inner.value(p.type, p.name));
  const local = new Renaming(rename);
  local.set([...states2, ...inputs2], params);
  const yielded = [...needed].filter((v) => !inputs2.includes(v));
  const stateResults = body.results.filter((_, i) => i < states && sums[i] === undefined);
  // An op may be needed both inside and outside. Emit it twice: `simplify` drops what is not read.
  const inside = new Set<Value>([...stateResults, ...yielded]);
  for (const op of [...body.ops].reverse())
    if (op.results.some((r) => inside.has(r))) for (const v of reads(op)) inside.add(v);
  for (const op of body.ops)
    if (op.results.some((r) => inside.has(r))) local.set(op.results, copy(inner, op, local.of));

  const operands = scan.operands.map(rename.of);
  const made = b.scan(
    operands.filter((_, i) => i < states && sums[i] === undefined),
    operands.slice(states),
    { params, ops: inner.ops, results: [...stateResults, ...yielded].map(local.of) },
    { reverse, names: [...stateResults, ...yielded].map((v) => v.name) },
  );

  const outside = new Renaming();
  outside.set(inputs2, operands.slice(states));
  outside.set(yielded, made.outputs);
  const afterLoop = (v: Value): Value => {
    const known = outside.of(v);
    return known === v ? rename.of(v) : known;
  };
  for (const op of body.ops) if (leaves.has(op)) outside.set(op.results, copyOverSteps(b, op, afterLoop));

  let next = 0;
  const stacked = (v: Value): Value => b.broadcast(afterLoop(v), { ...v.type, time: true });
  return scan.results.map((r, i) => {
    if (i >= states) return stacked(outputs[i - states]);
    const added = sums[i];
    if (added === undefined) return made.finals[next++];
    return b.add(operands[i], b.broadcast(b.sum(stacked(added), { time: true }), r.type));
  });
}
