/**
 * Retiming (Leiserson & Saxe 1991) of a scan's body, so that a step has fewer cuts. A cut is a product of what the body has just
 * computed: it needs all features of its operand, and a kernel may own only some. In the backward pass, `dh = da @ Whᵀ` is at the
 * end of a step whose norms compute `da` column by column. Moved to the start of the next iteration, it is a product of a state
 * like any other.
 *
 *     s' = T(u(s, x))   becomes   s = T(u⁻),  u' = u(s, x)
 *
 * The **tail** T is the ops that depend on such products and only feed the next states. The values it reads (u) are carried instead
 * of the states it computes. They start as zeros, which T must map to zeros, and the old initial states are added at the first
 * step. After the loop, T computes the old final states, if they are used. Usually `u` is already yielded, for a weight's gradient,
 * and a state shares its buffer with the output that yields it: memory does not grow.
 */
import { isView, rowOf } from "../ir/ops.ts";
import type { Block, Graph, Op, OpOf, Pass, Value } from "../ir/types.ts";
import { Builder, copy, Renaming, reads, rebuildScan, rebuildScans } from "./rewrite.ts";

export const retime: Pass = {
  name: "retime",
  doc: "products at the end of a step move to the start of the next",
  run(graph: Graph): Graph {
    return rebuildScans(graph, retimeScan);
  },
};

/** The ops of a body that are the same at every step: they depend on no parameter of the body. */
function invariants(body: Block): ReadonlySet<Op> {
  const varying = new Set<Value>(body.params);
  const found = new Set<Op>();
  for (const op of body.ops) {
    if (!reads(op).some((v) => varying.has(v))) found.add(op);
    else for (const r of op.results) varying.add(r);
  }
  return found;
}

/** Products of what the body itself computes, also through views. */
function cutting(body: Block, fixed: ReadonlySet<Op>): ReadonlySet<Op> {
  const computed = new Set<Value>();
  const found = new Set<Op>();
  for (const op of body.ops) {
    if (fixed.has(op)) continue;
    const reaches = op.operands.some((v) => computed.has(v));
    if (op.op === "dot" && reaches) found.add(op);
    if (!isView(op) || reaches) for (const r of op.results) computed.add(r);
  }
  return found;
}

/** The most cuts on any path through a body: one less than the number of kernels of its step, if each owns columns. */
export function cuts(body: Block): number {
  const found = cutting(body, invariants(body));
  const before = new Map<Value, number>();
  let most = 0;
  for (const op of body.ops) {
    const here = Math.max(0, ...op.operands.map((v) => before.get(v) ?? 0)) + (found.has(op) ? 1 : 0);
    for (const r of op.results) before.set(r, here);
    most = Math.max(most, here);
  }
  return most;
}

/** The ops of the tail, and the values of the body that they read: those the retimed loop carries. */
interface Tail {
  readonly ops: ReadonlySet<Op>;
  readonly carried: readonly Value[];
}

function tailOf(scan: OpOf<"scan">, fixed: ReadonlySet<Op>): Tail | undefined {
  const body = scan.body!;
  const { states } = scan.attrs;
  const yielded = new Set(body.results.slice(states));
  const inputs = new Set(body.params.slice(states));
  const ops = new Set<Op>();
  for (const cut of cutting(body, fixed)) {
    const after = dependents(body, cut);
    const made = [...after].flatMap((op) => op.results);
    const stays = [...after].some((op) => op.operands.some((v) => inputs.has(v)));
    if (!stays && !made.some((v) => yielded.has(v))) for (const op of after) ops.add(op);
  }
  if (ops.size === 0) return undefined;
  const own = new Set<Value>([...body.params, ...body.ops.filter((op) => !fixed.has(op)).flatMap((op) => op.results)]);
  const made = new Set([...ops].flatMap((op) => op.results));
  const carried = new Set([...ops].flatMap((op) => op.operands.filter((v) => own.has(v) && !made.has(v))));
  return { ops, carried: [...carried] };
}

/** `first` and every op of the body that depends on it. */
function dependents(body: Block, first: Op): ReadonlySet<Op> {
  const values = new Set<Value>(first.results);
  const found = new Set<Op>([first]);
  for (const op of body.ops) {
    if (!reads(op).some((v) => values.has(v))) continue;
    found.add(op);
    for (const r of op.results) values.add(r);
  }
  return found;
}

/** Whether every value of the tail is zero if all carried values are. */
function keepsZero({ ops, carried }: Tail, order: readonly Op[]): boolean {
  const zero = new Set<Value>(carried);
  for (const op of order) {
    if (!ops.has(op)) continue;
    const keeps = rowOf(op.op).zero?.(op.operands.map((v) => zero.has(v)));
    if (!keeps) return false;
    for (const r of op.results) zero.add(r);
  }
  return true;
}

function retimeScan(b: Builder, scan: OpOf<"scan">, rename: Renaming): readonly Value[] {
  const body = scan.body!;
  const fixed = invariants(body);
  const tail = tailOf(scan, fixed);
  if (tail && keepsZero(tail, body.ops)) {
    const made = new Builder(b.ids, b.parent);
    const results = retimed(made, scan, fixed, tail, rename);
    const loop = made.ops.find((op) => op.op === "scan")!;
    if (cuts(loop.body!) < cuts(body)) {
      b.ops.push(...made.ops);
      return results;
    }
  }
  return rebuildScan(b, scan, scan.operands.map(rename.of), (inner, params) => {
    const local = new Renaming(rename);
    local.set(body.params, params);
    for (const op of body.ops) local.set(op.results, copy(inner, op, local.of));
    return body.results.map(local.of);
  });
}

/** The scan with its tail at the start of an iteration. Returns the values that replace its results. */
function retimed(
  b: Builder,
  scan: OpOf<"scan">,
  fixed: ReadonlySet<Op>,
  { ops, carried }: Tail,
  rename: Renaming,
): readonly Value[] {
  const body = scan.body!;
  const { states, reverse } = scan.attrs;
  const byTail = new Set([...ops].flatMap((op) => op.results));
  const moves = (i: number): boolean => i < states && byTail.has(body.results[i]);
  const isKept = (_: unknown, i: number): boolean => !moves(i);
  const step = reverse ? "last" : "first";
  const starts = scan.operands.filter((_, i) => moves(i)).map((v) => b.one("put", [rename.of(v)], { step }, v.name));

  const inner = b.body();
  const local = new Renaming(rename);
  const param = (v: Value): Value => inner.value(v.type, v.name);
  const carriedParams = carried.map(param);
  const kept = body.params.slice(0, states).filter(isKept).map(param);
  const inputs = body.params.slice(states).map(param);
  const first = starts.map((v) => inner.value({ ...v.type, time: false }, v.name));
  local.set(body.params.filter(isKept), [...kept, ...inputs]);
  for (const op of body.ops) if (fixed.has(op)) local.set(op.results, copy(inner, op, local.of));
  const head = tailOps(inner, body, ops, local, carried, carriedParams);
  const moved = body.params.slice(0, states).filter((_, i) => moves(i));
  moved.forEach((p, k) => {
    const made = head.of(body.results[body.params.indexOf(p)]);
    local.set([p], [inner.broadcast(inner.add(made, first[k]), p.type)]);
  });
  for (const op of body.ops) if (!fixed.has(op) && !ops.has(op)) local.set(op.results, copy(inner, op, local.of));

  const next = [...carried, ...body.results.filter(isKept)];
  const made = b.scan(
    [...carried.map((v) => b.zeros(v.type)), ...scan.operands.slice(0, states).filter(isKept).map(rename.of)],
    [...scan.operands.slice(states).map(rename.of), ...starts],
    { params: [...carriedParams, ...kept, ...inputs, ...first], ops: inner.ops, results: next.map(local.of) },
    { reverse, names: [...carried.map((v) => v.name), ...scan.results.filter(isKept).map((v) => v.name)] },
  );
  const outer = new Renaming(rename);
  for (const op of body.ops) if (fixed.has(op)) outer.set(op.results, copy(b, op, outer.of));
  const afterLoop = tailOps(b, body, ops, outer, carried, made.finals.slice(0, carried.length));
  const others = [...made.finals.slice(carried.length), ...made.outputs];
  return scan.results.map((_, i) => (moves(i) ? afterLoop.of(body.results[i]) : others.shift()!));
}

/** Copies the tail to `b`, with `values` for the carried values. */
function tailOps(
  b: Builder,
  body: Block,
  ops: ReadonlySet<Op>,
  enclosing: Renaming,
  carried: readonly Value[],
  values: readonly Value[],
): Renaming {
  const local = new Renaming(enclosing);
  local.set(carried, values);
  for (const op of body.ops) if (ops.has(op)) local.set(op.results, copy(b, op, local.of));
  return local;
}
