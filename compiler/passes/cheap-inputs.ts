/**
 * A sequence that several elementwise loops read, and that is cheaply computed of one that is in memory anyway, is computed in each of them:
 * 1 − σ(z) of σ(z). `sink` does so for a sequence of which a loop is the last reader; here all readers are loops.
 */
import { refusalOfElements } from "../ir/elementwise-loops.ts";
import { elementwise, isElementwise } from "../ir/ops/elementwise.ts";
import { rowOf } from "../ir/ops.ts";
import type { Graph, Op, Pass, Value } from "../ir/types.ts";
import { type Machine, ownsResultsOnly } from "../machine.ts";
import { type Cone, wide } from "./cone.ts";
import { behind, captured, definitions, reads, rebuildScans } from "./rewrite.ts";
import { sunk } from "./sink.ts";

export const cheapInputs = (machine: Machine): Pass => ({
  name: "cheap-inputs",
  doc: "sequences that elementwise loops compute cheaply of others are not stored for them",
  run: (graph) => (ownsResultsOnly(machine) ? graph : sunkCheaply(graph)),
});

/** Flops of an op that costs no more than a load of its result. */
const CHEAP = 3;

function sunkCheaply(graph: Graph): Graph {
  const cones = cheap(graph);
  if (cones.size === 0) return graph;
  const after = rebuildScans(graph, (b, scan, rename) => sunk(b, scan, rename, (v) => cones.get(v)));
  const needed = behind(
    after.ops,
    after.results.map(({ value }) => value),
  );
  return { ...after, ops: after.ops.filter((op) => op.op === "leaf" || needed.has(op)) };
}

/** The sequences that loops compute themselves. */
function cheap({ ops, results }: Graph): ReadonlyMap<Value, Cone> {
  const defs = definitions(ops);
  const own = new Set(ops.flatMap((op) => (op.op === "scan" && refusalOfElements(op, defs) === undefined ? [op] : [])));
  const readers = new Map<Value, Op[]>();
  for (const op of ops) for (const v of new Set(reads(op))) readers.set(v, [...(readers.get(v) ?? []), op]);
  const kept = new Set(results.map(({ value }) => value));
  const isInput = (op: Op, v: Value): boolean =>
    op.op === "scan" &&
    own.has(op) &&
    !op.operands.slice(0, op.attrs.states).includes(v) &&
    !captured(op.body!).includes(v);
  const found = new Map<Value, Cone>();
  for (const op of ops) {
    const [v] = op.results;
    if (!isElementwise(op.op) || elementwise[op.op].flops > CHEAP || !v.type.time || wide(v) === 0) continue;
    const loops = readers.get(v) ?? [];
    if (kept.has(v) || loops.length === 0 || !loops.every((reader) => isInput(reader, v))) continue;
    const [large, ...others] = new Set(op.operands.filter((o) => o.type.time && wide(o) > 0));
    if (large === undefined || others.length > 0 || found.has(large)) continue;
    // Of what is stored for another reader, nothing more is stored.
    const isStored =
      kept.has(large) ||
      ["leaf", "scan"].includes(defs.get(large)?.op ?? "") ||
      readers.get(large)!.some((reader) => reader.op === "scan" || rowOf(reader.op).form === "contraction");
    if (isStored) found.set(v, { ops: [op], from: op.operands });
  }
  return found;
}
