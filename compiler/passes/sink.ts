/**
 * Sequence sinking: computes within a loop what would cost more to pass in as a sequence. That is a sequence made elementwise from
 * smaller values, as the input projection of a single feature is, or from one that is in memory anyway, because the host wrote it
 * or the backward pass reads it (of a normalized projection, the centred one). The sequence is then neither written to memory nor
 * read again.
 */

import type { Block, Graph, Op, OpOf, Pass, Value } from "../ir/types.ts";
import { type Cone, cone, smaller, wide } from "./cone.ts";
import { aStep, type Builder, copy, definitions, Renaming, reads, rebuildScans } from "./rewrite.ts";

export const sink: Pass = {
  name: "sink",
  doc: "sequences that are cheap to compute in a loop are not stored for it",
  run(graph: Graph): Graph {
    const defs = definitions(graph.ops);
    const last = lastReads(graph);
    const at = new Map(graph.ops.map((op, i) => [op, i]));
    return rebuildScans(graph, (b, scan, rename) => {
      /** Whether a value is also read after this loop. */
      const kept = (v: Value): boolean => last.get(v)! > at.get(scan)!;
      return sunk(b, scan, rename, (v) => worthSinking(v, defs, kept));
    });
  },
};

/** The position of the last op that reads each value; after all ops for results. */
function lastReads({ ops, results }: Graph): ReadonlyMap<Value, number> {
  const last = new Map<Value, number>();
  ops.forEach((op, i) => {
    for (const v of reads(op)) last.set(v, i);
  });
  for (const { value } of results) last.set(value, ops.length);
  return last;
}

/**
 * The ops that compute `v` from values smaller than `v`, and at most one as large that is in memory anyway; undefined if there are
 * none, or if `v` itself is in memory. A number for each example is small itself, and is computed once for all features. So is what
 * all examples share, which is computed once for all of them.
 */
function worthSinking(v: Value, defs: ReadonlyMap<Value, Op>, kept: (u: Value) => boolean): Cone | undefined {
  if (wide(v) === 0 || !v.type.batch || kept(v)) return undefined;
  const made = cone(v, defs, (u) => smaller(u, v) || defs.get(u)?.op === "leaf" || (u.type.time && kept(u)));
  if (!made || made.ops.length === 0) return undefined;
  return made.from.filter((u) => !smaller(u, v)).length <= 1 ? made : undefined;
}

/** The loop, which computes those of its inputs for which there is a cone. */
export function sunk(
  b: Builder,
  scan: OpOf<"scan">,
  rename: Renaming,
  coneOf: (v: Value) => Cone | undefined,
): readonly Value[] {
  const body = scan.body!;
  const { states, reverse } = scan.attrs;
  const cones = scan.operands.map((v, i) => (i < states ? undefined : coneOf(v)));
  const inner = b.body();
  const local = new Renaming(rename);
  const param = (v: Value): Value => inner.value({ ...v.type, time: false }, v.name);
  const stateParams = body.params.slice(0, states).map(param);
  local.set(body.params.slice(0, states), stateParams);
  // The inputs of the new loop: those that stay, and those that cones start from.
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
  for (const op of body.ops) local.set(op.results, copy(inner, op, local.of));
  const block: Block = {
    params: [...stateParams, ...inputs.values()],
    ops: inner.ops,
    results: body.results.map(local.of),
  };
  const made = b.scan(scan.operands.slice(0, states).map(rename.of), [...inputs.keys()].map(rename.of), block, {
    reverse,
    names: scan.results.map((r) => r.name),
  });
  return [...made.finals, ...made.outputs];
}
