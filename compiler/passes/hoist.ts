/**
 * Loop-invariant code motion, and more: moves whatever does not depend on the recurrence out of a scan's body, so that it runs once
 * over all time steps. `x @ Wx` becomes one product for the whole sequence, and a norm of it one kernel over all steps.
 */
import { isElementwise } from "../ir/ops/elementwise.ts";
import type { Graph, Op, OpOf, Pass, Value } from "../ir/types.ts";
import { wide } from "./cone.ts";
import { type Builder, copy, copyOverSteps, Renaming, rebuildScans, runsOverSteps } from "./rewrite.ts";

export const hoist: Pass = hoisting(
  "hoist",
  "what does not depend on the recurrence leaves the scan's body",
  () => true,
);

/**
 * Runs again after `derive`, whose bodies recompute what is cheaper to recompute than to save. Now only values with a single number
 * for each example leave. They cost next to nothing to save, and do not fit among the columns that a kernel owns.
 */
export const hoistNumbers: Pass = hoisting(
  "hoist-numbers",
  "numbers that do not depend on the recurrence leave the scan's body",
  (op) => isElementwise(op.op) && wide(op.results[0]) === 0,
);

function hoisting(name: string, doc: string, leaves: (op: Op) => boolean): Pass {
  return {
    name,
    doc,
    run(graph: Graph): Graph {
      return rebuildScans(graph, (b, scan, rename) => hoistScan(b, scan, rename, leaves));
    },
  };
}

/** The loop without those ops that depend on no state and of which `leaves` holds: they come before it. */
export function hoistScan(
  b: Builder,
  scan: OpOf<"scan">,
  rename: Renaming,
  leaves: (op: Op) => boolean,
): readonly Value[] {
  const body = scan.body!;
  const { states, reverse } = scan.attrs;
  const recurrent = new Set<Value>(body.params.slice(0, states));
  // The value outside the body for each value inside: the scan's operand for a parameter, the moved op's result.
  const outside = new Renaming();
  const operands = scan.operands.map(rename.of);
  outside.set(body.params.slice(states), operands.slice(states));
  const stays: Op[] = [];
  const moved = new Set<Value>();
  for (const op of body.ops) {
    const outer = (v: Value): Value => outside.of(rename.of(v));
    const waits = op.operands.some((v) => recurrent.has(v));
    if (waits || !leaves(op) || !runsOverSteps(op, (v) => outer(v).type.time)) {
      for (const r of op.results) recurrent.add(r);
      stays.push(op);
      continue;
    }
    const results = copyOverSteps(b, op, outer);
    outside.set(op.results, results);
    for (const r of op.results) moved.add(r);
  }

  const inner = b.body();
  const local = new Renaming();
  const stateParams = body.params.slice(0, states).map((p) => inner.value(p.type, p.name));
  local.set(body.params.slice(0, states), stateParams);
  const inputs: Value[] = [];
  const inputParams: Value[] = [];
  /** A value in the new body. A value that varies with time becomes an input, once. */
  const inBody = (v: Value): Value => {
    const known = local.of(v);
    if (known !== v) return known;
    if (!moved.has(v) && !body.params.includes(v)) return rename.of(v);
    const source = outside.of(v);
    if (!source.type.time) return source;
    const seen = inputs.indexOf(source);
    const param = seen >= 0 ? inputParams[seen] : inner.value({ ...source.type, time: false }, v.name);
    if (seen < 0) {
      inputs.push(source);
      inputParams.push(param);
    }
    local.set([v], [param]);
    return param;
  };
  for (const op of stays) {
    if (op.op === "scan") throw new Error("a scan inside a scan's body is not supported");
    local.set(op.results, copy(inner, op, inBody));
  }
  const results = body.results.map((v, i) => {
    const value = inBody(v);
    // An output that does not depend on the recurrence is known outside, for all steps at once.
    return { value, outside: i >= states && !recurrent.has(v) ? outside.of(rename.of(v)) : undefined };
  });
  const kept = results.filter((r) => r.outside === undefined);
  if (kept.length === 0) return results.map((r, i) => b.broadcast(r.outside!, scan.results[i].type));
  const { finals, outputs } = b.scan(
    operands.slice(0, states),
    inputs,
    { params: [...stateParams, ...inputParams], ops: inner.ops, results: kept.map((r) => r.value) },
    { reverse, names: scan.results.filter((_, i) => results[i].outside === undefined).map((r) => r.name) },
  );
  const made = [...finals, ...outputs];
  let next = 0;
  return results.map((r, i) => (r.outside === undefined ? made[next++] : b.broadcast(r.outside, scan.results[i].type)));
}
