/**
 * Computes within a loop what would cost more to hand in: a sequence that is made elementwise of smaller ones, as the input
 * projection of a single feature is, or of one that the host wrote. Neither has to be written to memory and read again then.
 */

import * as dim from "../ir/dim.ts";
import { elementwise, isElementwise } from "../ir/elementwise.ts";
import type { Block, Graph, Op, OpOf, Pass, Value } from "../ir/types.ts";
import { Builder, copy, definitions, idsAfter, Renaming } from "./rewrite.ts";

/** Flops an element that beat a store and a load of it, both of which go to memory when the sequence is long. */
const MOST_FLOPS = 8;

export const sink: Pass = {
  name: "sink",
  doc: "sequences that are cheap to compute in a loop are not stored for it",
  run(graph: Graph): Graph {
    const b = new Builder(idsAfter(graph));
    const rename = new Renaming();
    const defs = definitions(graph.ops);
    for (const op of graph.ops)
      rename.set(op.results, op.op === "scan" ? sunk(b, op, rename, defs) : copy(b, op, rename.of));
    return { ...graph, ops: b.ops, results: graph.results.map((r) => ({ ...r, value: rename.of(r.value) })) };
  },
};

/** What it takes to compute a value anew: ops in order, and what they start from. */
interface Cone {
  readonly ops: readonly Op[];
  readonly from: readonly Value[];
}

const moves = (op: Op): boolean => op.op === "reshape" || op.op === "broadcast";

/** Whether `v` has fewer entries than `of`: it lacks steps, examples or features. */
const smaller = (v: Value, of: Value): boolean =>
  !v.type.time || (of.type.batch && !v.type.batch) || wide(v) < wide(of);

const wide = (v: Value): number => v.type.shape.filter((d) => !dim.isOne(d)).length;

/** The cone of `v` over values smaller than `v`, or over a leaf; undefined where it is not worth while. */
function cone(v: Value, defs: ReadonlyMap<Value, Op>): Cone | undefined {
  const ops: Op[] = [];
  const from = new Set<Value>();
  const done = new Set<Value>();
  const visit = (u: Value): boolean => {
    if (done.has(u)) return true;
    done.add(u);
    const op = defs.get(u);
    if (smaller(u, v) || op?.op === "leaf") {
      from.add(u);
      return true;
    }
    if (!op || !(isElementwise(op.op) || moves(op))) return false;
    if (!op.operands.every(visit)) return false;
    ops.push(op);
    return true;
  };
  if (!visit(v) || ops.length === 0) return undefined;
  const flops = ops.reduce((n, op) => n + (isElementwise(op.op) ? elementwise[op.op].flops : 0), 0);
  const large = [...from].filter((u) => !smaller(u, v)).length;
  return flops <= MOST_FLOPS && large <= 1 ? { ops, from: [...from] } : undefined;
}

function sunk(b: Builder, scan: OpOf<"scan">, rename: Renaming, defs: ReadonlyMap<Value, Op>): readonly Value[] {
  const body = scan.body!;
  const { states, reverse } = scan.attrs;
  const cones = scan.operands.map((v, i) => (i < states ? undefined : cone(v, defs)));
  const inner = b.body();
  const local = new Renaming();
  const inBody = (v: Value): Value => {
    const known = local.of(v);
    return known === v ? rename.of(v) : known;
  };
  const param = (v: Value): Value => inner.value({ ...v.type, time: false }, v.name);
  const stateParams = body.params.slice(0, states).map(param);
  local.set(body.params.slice(0, states), stateParams);
  // What comes in: inputs that stay, and what cones start from.
  const inputs = new Map<Value, Value>();
  const input = (v: Value): Value => {
    if (!v.type.time) return rename.of(v);
    const made = inputs.get(v) ?? param(v);
    inputs.set(v, made);
    return made;
  };
  body.params.slice(states).forEach((p, k) => {
    const operand = scan.operands[states + k];
    const found = cones[states + k];
    if (!found) {
      local.set([p], [input(operand)]);
      return;
    }
    const step = new Renaming();
    for (const v of found.from) step.set([v], [input(v)]);
    for (const op of found.ops) step.set(op.results, copy(inner, aStep(op), step.of));
    local.set([p], [step.of(operand)]);
  });
  for (const op of body.ops) local.set(op.results, copy(inner, op, inBody));
  const block: Block = {
    params: [...stateParams, ...inputs.values()],
    ops: inner.ops,
    results: body.results.map(inBody),
  };
  const made = b.scan(scan.operands.slice(0, states).map(rename.of), [...inputs.keys()].map(rename.of), block, {
    reverse,
    names: scan.results.map((r) => r.name),
  });
  return [...made.finals, ...made.outputs];
}

/** An op over the steps as an op of one step. */
const aStep = (op: Op): Op =>
  op.op === "broadcast" ? { ...op, attrs: { type: { ...op.attrs.type, time: false } } } : op;
