/** What rewriting passes share: where values are defined, which values a body captures, and copying ops under a renaming. */
import { Builder, Ids } from "../ir/builder.ts";
import { axesOf, rowOf } from "../ir/ops.ts";
import type { Block, Graph, Op, OpAttrs, OpName, OpOf, Type, Value } from "../ir/types.ts";

export type Definitions = ReadonlyMap<Value, Op>;

/** The op that defines each value, bodies included. Block parameters have none. */
export function definitions(ops: readonly Op[], into = new Map<Value, Op>()): Definitions {
  for (const op of ops) {
    for (const r of op.results) into.set(r, op);
    if (op.body) definitions(op.body.ops, into);
  }
  return into;
}

/** The values of enclosing blocks that `body` uses, in order of first use. */
export function captured(body: Block): readonly Value[] {
  const own = new Set<Value>(body.params);
  const found = new Set<Value>();
  const use = (v: Value): void => {
    if (!own.has(v)) found.add(v);
  };
  for (const op of body.ops) {
    op.operands.forEach(use);
    if (op.body) captured(op.body).forEach(use);
    for (const r of op.results) own.add(r);
  }
  body.results.forEach(use);
  return [...found];
}

/** Every value an op reads: its operands and what its body captures. */
export function reads(op: Op): readonly Value[] {
  return op.body ? [...op.operands, ...captured(op.body)] : op.operands;
}

/** The ops among `ops`, of one block, that `values` are computed by. */
export function behind(ops: readonly Op[], values: readonly Value[]): ReadonlySet<Op> {
  const needed = new Set(values);
  const found = new Set<Op>();
  for (const op of ops.toReversed()) {
    if (!op.results.some((v) => needed.has(v))) continue;
    found.add(op);
    for (const v of reads(op)) needed.add(v);
  }
  return found;
}

/** The attributes of the op that defines `v` if it is a `kind`, else undefined. */
export function definedBy<K extends OpName>(defs: Definitions, v: Value, kind: K): OpOf<K> | undefined {
  const op = defs.get(v);
  return op?.op === kind ? (op as OpOf<K>) : undefined;
}

/** The types of `op`'s results on other operands: the old ones if the operands' types are the same, otherwise undefined. */
export function typesOf(op: Op, operands: readonly Value[]): readonly Type[] | undefined {
  const alike = op.operands.every((v, i) => v.type === operands[i].type);
  return alike ? op.results.map((r) => r.type) : undefined;
}

/**
 * Adds a copy of `op` (not a scan) to `b`, with its operands renamed by `rename`. Types are inferred again if those of operands
 * have changed. `hint` names results that have no name.
 */
export function copy(b: Builder, op: Op, rename: (v: Value) => Value, hint = ""): readonly Value[] {
  if (op.op === "scan") throw new Error("a scan is not copied op by op");
  const operands = op.operands.map(rename);
  const results = b.emit(
    op.op as Exclude<OpName, "scan">,
    operands,
    op.attrs as OpAttrs[Exclude<OpName, "scan">],
    "",
    typesOf(op, operands),
  );
  return results.map((r, i) => named(b, r, op.results[i].name || hint));
}

/** As `copy`, for an op that leaves a scan's body: its operands may now vary over the steps, and so may its result. */
export function copyOverSteps(b: Builder, op: Op, rename: (v: Value) => Value): readonly Value[] {
  const time = op.operands.some((v) => rename(v).type.time);
  return copy(b, time ? retyped(op, (type) => ({ ...type, time })) : op, rename);
}

/** `op`, with another type if its attributes contain one: that of its results. */
export function retyped(op: Op, type: (t: Type) => Type): Op {
  let isSaid = false;
  const attrs = rowOf(op.op).attributes.replace(op.attrs as never, {
    type: (t) => {
      isSaid = true;
      return type(t);
    },
  });
  return isSaid ? ({ ...op, attrs, results: op.results.map((r) => ({ ...r, type: type(r.type) })) } as Op) : op;
}

/** `op` on one step, if it was on all of them. */
export const aStep = (op: Op): Op => retyped(op, (type) => ({ ...type, time: false }));

/**
 * Whether an op of a scan's body means the same for all steps at once: each step of the operands that differ from step to step, as
 * `varies` says, goes into the same step of the result.
 */
export function runsOverSteps(op: Op, varies: (v: Value) => boolean): boolean {
  if (op.op === "scan") return false;
  const over = op.operands.map((v) => (varies(v) ? { ...v.type, time: true } : v.type));
  return axesOf(op, over).every(({ time }, i) => time === "parallel" || !varies(op.operands[i]));
}

/** Gives the last op's result a readable name. */
function named(b: Builder, value: Value, name: string): Value {
  if (!name || value.name) return value;
  const last = b.ops.length - 1;
  const renamed = { ...value, name };
  const op = b.ops[last];
  b.ops[last] = { ...op, results: op.results.map((r) => (r === value ? renamed : r)) } as Op;
  return renamed;
}

/** Ids that continue after those of `graph`. */
export function idsAfter(graph: Graph): Ids {
  const ids = new Ids();
  let last = 0;
  const visit = (ops: readonly Op[]): void => {
    for (const op of ops) {
      for (const r of op.results) last = Math.max(last, r.id);
      for (const p of op.body?.params ?? []) last = Math.max(last, p.id);
      if (op.body) visit(op.body.ops);
    }
  };
  visit(graph.ops);
  for (const norm of graph.norms.values()) visit(norm.ops);
  ids.skip(last);
  return ids;
}

/** A renaming with a default: a value that it does not know is looked up in the enclosing renaming, or else stays itself. */
export class Renaming {
  private readonly map = new Map<Value, Value>();
  private readonly enclosing: Renaming | undefined;

  constructor(enclosing?: Renaming) {
    this.enclosing = enclosing;
  }

  readonly of = (v: Value): Value => this.map.get(v) ?? this.enclosing?.of(v) ?? v;

  set(from: readonly Value[], to: readonly Value[]): void {
    from.forEach((v, i) => {
      this.map.set(v, to[i]);
    });
  }
}

/** `graph` with the ops that `rebuild` adds to `b`. The renaming also applies to results. */
export function rebuildGraph(graph: Graph, rebuild: (b: Builder, rename: Renaming) => void): Graph {
  const b = new Builder(idsAfter(graph));
  const rename = new Renaming();
  rebuild(b, rename);
  return { ...graph, ops: b.ops, results: graph.results.map((r) => ({ ...r, value: rename.of(r.value) })) };
}

/** `graph` with other loops: `rebuild` returns the values that replace a scan's results. */
export function rebuildScans(
  graph: Graph,
  rebuild: (b: Builder, scan: OpOf<"scan">, rename: Renaming) => readonly Value[],
): Graph {
  return rebuildGraph(graph, (b, rename) => {
    for (const op of graph.ops)
      rename.set(op.results, op.op === "scan" ? rebuild(b, op, rename) : copy(b, op, rename.of));
  });
}

/** Rebuilds a scan in `b`; `body` fills the new body given its builder and parameters and returns its results. */
export function rebuildScan(
  b: Builder,
  scan: OpOf<"scan">,
  operands: readonly Value[],
  body: (inner: Builder, params: readonly Value[]) => readonly Value[],
): readonly Value[] {
  const inner = b.body();
  const params = scan.body!.params.map((p) => inner.value(p.type, p.name));
  const results = body(inner, params);
  const { states, reverse } = scan.attrs;
  const { finals, outputs } = b.scan(
    operands.slice(0, states),
    operands.slice(states),
    { params, ops: inner.ops, results },
    { reverse, names: scan.results.map((r) => r.name) },
  );
  return [...finals, ...outputs];
}

export { Builder };
