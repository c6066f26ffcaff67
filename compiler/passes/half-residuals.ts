/**
 * Saves residuals, the values that the backward pass reads of the forward pass, in copies of their own that may be stored as f16.
 *
 * A residual has a value for every example at every step. The forward pass goes on with the unrounded values: rounding a saved
 * value enters each gradient once, but rounding a state, or what a loop reads back, would accumulate over the steps. Cotangents are
 * not rounded: divided by the number of examples, and vanishing over the steps, they fall below the range of f16. Neither are
 * values that the backward pass compares (to find a maximum again) or divides by: there, no rounding error is small.
 */
import { Builder } from "../ir/builder.ts";
import { isView, rowOf } from "../ir/ops.ts";
import type { Block, Graph, Op, OpOf, Pass, Type, Value } from "../ir/types.ts";
import { definitions, idsAfter, reads } from "./rewrite.ts";

/** Runs after `materialise`. */
export const halfResiduals: Pass = {
  name: "half-residuals",
  doc: "what the backward pass reads of the forward one is read from copies in f16",
  run: (graph) => new HalfResiduals(graph).run(),
};

const isLarge = ({ dtype, time, batch }: Type): boolean => dtype === "f32" && time && batch;

class HalfResiduals {
  private readonly graph: Graph;
  private readonly b: Builder;
  private readonly defs: ReadonlyMap<Value, Op>;
  private readonly backward: ReadonlySet<Op>;
  /** And the ops of their bodies. */
  private readonly inBackward: ReadonlySet<Op>;
  /** What the backward pass reads instead of a value. */
  private readonly instead = new Map<Value, Value>();

  constructor(graph: Graph) {
    this.graph = graph;
    this.b = new Builder(idsAfter(graph));
    this.defs = definitions(graph.ops);
    this.backward = backwardOps(graph);
    this.inBackward = new Set([...this.backward].flatMap((op) => [op, ...(op.body?.ops ?? [])]));
  }

  run(): Graph {
    const { graph, b } = this;
    const saved = this.saved();
    for (const op of graph.ops) {
      if (this.backward.has(op)) {
        for (const v of reads(op)) this.readCopy(v);
        b.ops.push(reading(op, this.instead));
      } else if (op.op === "scan") b.ops.push(this.yieldingCopies(op, saved));
      else {
        b.ops.push(op);
        for (const v of op.results) if (saved.has(v)) this.copied(v);
      }
    }
    return { ...graph, ops: b.ops };
  }

  /** The values of the forward pass, for each step and example, that the backward pass reads, except those that must stay f32. */
  private saved(): ReadonlySet<Value> {
    const throughViews = (v: Value): readonly Value[] => {
      const op = this.defs.get(v);
      return op && isView(op) ? op.operands.flatMap(throughViews) : [v];
    };
    const read = [...this.backward].flatMap((op) => reads(op).flatMap(throughViews));
    const forward = this.graph.ops.filter((op) => !this.backward.has(op));
    const made = new Set(forward.flatMap((op) => op.results));
    // A loop yields each value only once.
    const kept = new Set([
      ...this.exact(),
      ...this.graph.results.map(({ value }) => value),
      ...forward.flatMap((op) => reads(op).filter((v) => this.defs.get(v)?.op === "scan")),
    ]);
    return new Set(read.filter((v) => made.has(v) && !kept.has(v) && isLarge(v.type)));
  }

  /** What the backward pass compares or divides by, and what it computes that from. */
  private exact(): ReadonlySet<Value> {
    const found = new Set<Value>();
    const scanOf = new Map(
      [...this.backward].flatMap((op) => (op.body?.params ?? []).map((p) => [p, op as OpOf<"scan">] as const)),
    );
    const visit = (v: Value): void => {
      if (found.has(v)) return;
      found.add(v);
      const op = this.defs.get(v);
      const scan = scanOf.get(v);
      if (scan) {
        const at = scan.body!.params.indexOf(v);
        visit(scan.operands[at]);
        if (at < scan.attrs.states) visit(scan.body!.results[at]);
      } else if (op && (this.inBackward.has(op) || isView(op)))
        (op.body ? [op.body.results[op.results.indexOf(v)]] : op.operands).forEach(visit);
    };
    for (const { op, operands } of this.inBackward) for (const i of rowOf(op).exact ?? []) visit(operands[i]);
    return found;
  }

  private copied(v: Value): void {
    const copy = this.b.one("copy", [v], { format: "f16" }, v.name);
    this.instead.set(v, copy);
  }

  /** Makes the backward pass read the copies, also through views. */
  private readCopy(v: Value): Value {
    const known = this.instead.get(v);
    const op = this.defs.get(v);
    if (known || !op || !isView(op) || this.backward.has(op)) return known ?? v;
    const operands = op.operands.map((o) => this.readCopy(o));
    if (operands.every((o, i) => o === op.operands[i])) return v;
    const results = op.results.map((r) => this.b.value(r.type, r.name));
    this.b.ops.push({ ...op, operands, results } as Op);
    op.results.forEach((r, i) => {
      this.instead.set(r, results[i]);
    });
    return this.instead.get(v)!;
  }

  /** A loop that yields copies of what is saved. */
  private yieldingCopies(scan: OpOf<"scan">, saved: ReadonlySet<Value>): Op {
    const body = scan.body!;
    const { states } = scan.attrs;
    const stateOf = (v: Value): number => {
      const at = body.params.indexOf(v);
      return at >= 0 ? at : body.results.slice(0, states).indexOf(v);
    };
    const outputs = body.results.map((value, i) => ({ value, result: scan.results[i] })).slice(states);
    // A state that needs all its frames anyway serves as its own copy.
    const framed = new Set(
      outputs.flatMap(({ value, result }) => (saved.has(result) ? [] : [stateOf(value)])).filter((state) => state >= 0),
    );
    const copies = outputs.filter(({ value, result }) => saved.has(result) && !framed.has(stateOf(value)));
    const isCopied = new Set(copies.map(({ result }) => result));
    const { ops, copyOf } = withCopies(this.b.body(), body, new Set(copies.map(({ value }) => value)));
    const results = outputs.map(({ value, result }) => (isCopied.has(result) ? copyOf.get(value)! : value));
    return { ...scan, body: { ...body, ops, results: [...body.results.slice(0, states), ...results] } };
  }
}

/** The ops of `body`, with copies of `values`. The copy of a joined value joins copies of its parts. */
function withCopies(b: Builder, body: Block, values: ReadonlySet<Value>) {
  const copyOf = new Map<Value, Value>();
  const copy = (v: Value): Value => b.one("copy", [v], { format: "f16" }, v.name);
  for (const v of body.params) if (values.has(v)) copyOf.set(v, copy(v));
  for (const op of body.ops) {
    b.ops.push(op);
    for (const v of op.results) {
      if (!values.has(v)) continue;
      copyOf.set(v, op.op === "concat" ? b.one("concat", op.operands.map(copy), op.attrs, v.name) : copy(v));
    }
  }
  return { ops: b.ops, copyOf };
}

/** `op` with other operands, and its body with other captured values. */
function reading(op: Op, instead: ReadonlyMap<Value, Value>): Op {
  const other = (v: Value): Value => instead.get(v) ?? v;
  const body = op.body && {
    ...op.body,
    ops: op.body.ops.map((inner) => reading(inner, instead)),
    results: op.body.results.map(other),
  };
  return { ...op, operands: op.operands.map(other), ...(body && { body }) } as Op;
}

/**
 * The ops that only gradients depend on. Where a forward pass is repeated just to be differentiated, a cotangent is given: then the
 * ops that depend on it.
 */
function backwardOps({ ops, results }: Graph): ReadonlySet<Op> {
  const dependent = new Set(
    ops.flatMap((op) => (op.op === "leaf" && op.attrs.leaf.kind === "cotangent" ? op.results : [])),
  );
  if (dependent.size > 0)
    return new Set(
      ops.filter((op) => {
        const depends = reads(op).some((v) => dependent.has(v));
        if (depends) for (const r of op.results) dependent.add(r);
        return depends;
      }),
    );
  const wanted = new Set(
    results.flatMap(({ kind, value }) => (kind === "grad" || kind === "cotangent" ? [] : [value])),
  );
  const forward = new Set<Op>();
  for (const op of ops.toReversed()) {
    if (!op.results.some((v) => wanted.has(v))) continue;
    forward.add(op);
    for (const v of reads(op)) wanted.add(v);
  }
  return new Set(ops.filter((op) => !forward.has(op)));
}
