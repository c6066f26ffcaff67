/** What `simplify` does to a scan as a whole: it drops unused, constant and repeated states, inputs and outputs. */
import type { Block, Op, OpOf, Value } from "../ir/types.ts";
import { definitions, type Renaming, reads } from "./rewrite.ts";
import type { SimplifyingBuilder } from "./simplify.ts";

/** Drops the states, inputs and outputs of scans that `results` do not need. */
export function pruneScans(ops: readonly Op[], results: readonly Value[]): readonly Op[] {
  const needed = new Set<Value>(results);
  const kept: Op[] = [];
  for (const op of [...ops].reverse()) {
    if (!op.results.some((r) => needed.has(r))) continue;
    const pruned = op.op === "scan" ? pruneScan(op, needed) : op;
    for (const v of reads(pruned)) needed.add(v);
    kept.push(pruned);
  }
  return kept.reverse();
}

/** The body values that `roots` need. */
function reachable(body: Block, roots: Iterable<Value>): ReadonlySet<Value> {
  const live = new Set<Value>(roots);
  for (const op of [...body.ops].reverse()) {
    if (op.results.some((r) => live.has(r))) for (const v of reads(op)) live.add(v);
  }
  return live;
}

function pruneScan(scan: OpOf<"scan">, needed: ReadonlySet<Value>): OpOf<"scan"> {
  const body = scan.body!;
  const { states } = scan.attrs;
  const isLive = scan.results.map((r) => needed.has(r));
  // A state is live if its final value is needed, or if something live needs its value within the loop.
  for (let changed = true; changed; ) {
    const live = reachable(
      body,
      body.results.filter((_, i) => isLive[i]),
    );
    changed = false;
    for (let i = 0; i < states; i++) {
      if (isLive[i] || !live.has(body.params[i])) continue;
      isLive[i] = true;
      changed = true;
    }
  }
  const live = reachable(
    body,
    body.results.filter((_, i) => isLive[i]),
  );
  const keepOperand = scan.operands.map((_, i) => (i < states ? isLive[i] : live.has(body.params[i])));
  return {
    ...scan,
    operands: scan.operands.filter((_, i) => keepOperand[i]),
    attrs: { ...scan.attrs, states: isLive.slice(0, states).filter(Boolean).length },
    results: scan.results.filter((_, i) => isLive[i]),
    body: {
      params: body.params.filter((_, i) => keepOperand[i]),
      ops: body.ops,
      results: body.results.filter((_, i) => isLive[i]),
    },
  };
}

/**
 * Rebuilds `scan` in `b` on renamed `operands`; `rebuildBody` copies the body's ops into the builder it is given. Returns the
 * values that replace the scan's results.
 */
export function simplifyScan(
  b: SimplifyingBuilder,
  scan: OpOf<"scan">,
  operands: readonly Value[],
  rebuildBody: (inner: SimplifyingBuilder, rename: Renaming) => void,
  rename: Renaming,
): readonly Value[] {
  const body = scan.body!;
  const { states, reverse } = scan.attrs;
  const defs = definitions(body.ops);
  const inner = b.body();
  const isZero = (v: Value, find: (v: Value) => Op | undefined): boolean => {
    const op = find(v);
    if (op?.op === "broadcast") return isZero(op.operands[0], find);
    return op?.op === "const" && op.attrs.value === 0;
  };
  const outer = (v: Value): Op | undefined => b.definition(v);
  const local = (v: Value): Op | undefined => defs.get(v) ?? b.definition(rename.of(v));

  const params: Value[] = [];
  const initial: Value[] = [];
  const inputs: Value[] = [];
  /** For each state: its index in the new scan, or the value it always has. */
  const stateAt: (number | Value)[] = [];
  const inputParams: Value[] = [];
  body.params.forEach((p, i) => {
    if (i < states) {
      const next = body.results[i];
      const constant = next === p || (isZero(operands[i], outer) && isZero(next, local));
      if (constant) {
        stateAt.push(operands[i]);
        rename.set([p], [operands[i]]);
        return;
      }
      stateAt.push(initial.length);
      initial.push(operands[i]);
      const param = inner.value(p.type, p.name);
      params.push(param);
      rename.set([p], [param]);
      return;
    }
    const repeated = outer(operands[i]);
    if (repeated?.op === "broadcast" && !repeated.operands[0].type.time) {
      rename.set([p], [inner.broadcast(repeated.operands[0], p.type)]);
      return;
    }
    const seen = inputs.indexOf(operands[i]);
    if (seen >= 0) {
      rename.set([p], [inputParams[seen]]);
      return;
    }
    const param = inner.value(p.type, p.name);
    inputs.push(operands[i]);
    inputParams.push(param);
    inner.steps(param, operands[i]);
    rename.set([p], [param]);
  });

  rebuildBody(inner, rename);

  const nexts: Value[] = [];
  stateAt.forEach((at, i) => {
    if (typeof at === "number") nexts.push(inner.broadcast(rename.of(body.results[i]), body.params[i].type));
  });
  const outputs: Value[] = [];
  /** For each output: its index among the new outputs, or the value outside that it equals. */
  const outputAt = body.results.slice(states).map((old, k): number | Value => {
    const v = rename.of(old);
    const type = scan.results[states + k].type;
    const input = inputParams.indexOf(v);
    if (input >= 0) return inputs[input];
    const def = inner.own(v);
    if (def === undefined && !params.includes(v)) return b.broadcast(v, type);
    if (
      def?.op === "broadcast" &&
      inner.own(def.operands[0]) === undefined &&
      ![...params, ...inputParams].includes(def.operands[0])
    )
      return b.broadcast(def.operands[0], type);
    const seen = outputs.indexOf(v);
    if (seen >= 0) return seen;
    outputs.push(v);
    return outputs.length - 1;
  });
  const names = [
    ...stateAt.flatMap((at, i) => (typeof at === "number" ? [scan.results[i].name] : [])),
    ...outputs.map((v) => v.name),
  ];
  const made = b.scan(
    initial,
    inputs,
    { params: [...params, ...inputParams], ops: inner.ops, results: [...nexts, ...outputs] },
    { reverse, names },
  );
  b.define(b.ops[b.ops.length - 1] as OpOf<"scan">, inner);
  return [
    ...stateAt.map((at) => (typeof at === "number" ? made.finals[at] : at)),
    ...outputAt.map((at) => (typeof at === "number" ? made.outputs[at] : at)),
  ];
}

/** The final state that equals the last step of a scan's output, if there is one. */
export function finalState(scan: OpOf<"scan">, output: Value, step: "first" | "last"): Value | undefined {
  const { states, reverse } = scan.attrs;
  if (step !== (reverse ? "first" : "last")) return undefined;
  const at = scan.results.indexOf(output);
  const state = scan.body!.results.findIndex((v, i) => i < states && v === scan.body!.results[at]);
  return at >= states && state >= 0 ? scan.results[state] : undefined;
}
