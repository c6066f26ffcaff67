/**
 * What a loop yields is computed after it, for all steps at once, if it depends on the states only as they are after the step: a readout that
 * stands in a cell. The loop then yields its states, and may be a recurrent layer that others have an op for.
 *
 * For other programs. Our own kernels compute such a value where the state is, and need not store all states for it; but a product would
 * keep a loop from being elementwise (`elementwise-loops.ts`).
 */
import type { Block, Graph, Op, OpOf, Pass, Value } from "../ir/types.ts";
import { type Builder, copy, copyOverSteps, Renaming, rebuildScan, rebuildScans, runsOverSteps } from "./rewrite.ts";

export const afterLoop: Pass = {
  name: "after-loop",
  doc: "what a loop yields of its next states is computed after it",
  run: (graph) => (graph.ops.some((op) => op.op === "scan" && leaving(op).size > 0) ? rebuilt(graph) : graph),
};

const rebuilt = (graph: Graph): Graph => rebuildScans(graph, (b, scan, rename) => outputsAfter(b, scan, rename));

/** The next values of states; where sequences differ in length, those at steps that an example has, too. */
function nextValues({ results, params }: Block, states: number, defines: ReadonlyMap<Value, Op>): ReadonlySet<Value> {
  const found = new Set<Value>();
  results.slice(0, states).forEach((v, k) => {
    const op = defines.get(v);
    if (op?.op === "select" && op.operands[2] === params[k]) found.add(op.operands[1]);
    found.add(v);
  });
  return found;
}

/** The ops that an output needs after the loop, by its place among the loop's results; and the next states that these read. */
export function leaving(
  scan: OpOf<"scan">,
): ReadonlyMap<number, { readonly ops: ReadonlySet<Op>; readonly reads: ReadonlySet<Value> }> {
  const body = scan.body!;
  const { states } = scan.attrs;
  const defines = new Map(body.ops.flatMap((op) => op.results.map((r) => [r, op] as const)));
  const next = nextValues(body, states, defines);
  const isOwn = (v: Value): boolean => defines.has(v) || body.params.includes(v);
  const found = new Map<number, { ops: Set<Op>; reads: Set<Value> }>();
  body.results.slice(states).forEach((v, i) => {
    const [ops, reads] = [new Set<Op>(), new Set<Value>()];
    const leaves = (x: Value): boolean => {
      if (next.has(x)) {
        reads.add(x);
        return true;
      }
      const op = defines.get(x);
      if (op === undefined) return body.params.indexOf(x) >= states || !isOwn(x);
      if (ops.has(op)) return true;
      ops.add(op);
      return runsOverSteps(op, isOwn) && op.operands.every(leaves);
    };
    if (leaves(v) && ops.size > 0) found.set(states + i, { ops, reads });
  });
  return found;
}

/** The loop without those of its `leaving` outputs that are `wanted`, which come after it. */
export function outputsAfter(
  b: Builder,
  scan: OpOf<"scan">,
  rename: Renaming,
  wanted: (output: number) => boolean = () => true,
): readonly Value[] {
  const body = scan.body!;
  const { states } = scan.attrs;
  const moved = new Map([...leaving(scan)].filter(([output]) => wanted(output)));
  const kept = [...body.results.keys()].filter((i) => !moved.has(i));
  const more = [...new Set([...moved.values()].flatMap(({ reads }) => [...reads]))];
  const yields = [...kept.map((i) => body.results[i]), ...more];
  const operands = scan.operands.map(rename.of);
  const local = new Renaming(rename);
  const smaller = { ...scan, results: [...kept.map((i) => scan.results[i]), ...more] };
  const made = rebuildScan(b, smaller, operands, (inner, params) => {
    local.set(body.params, params);
    for (const op of body.ops) local.set(op.results, copy(inner, op, local.of));
    return yields.map(local.of);
  });
  const outside = new Renaming(rename);
  outside.set(body.params.slice(states), operands.slice(states));
  outside.set(more, made.slice(kept.length));
  const after = new Set([...moved.values()].flatMap(({ ops }) => [...ops]));
  for (const op of body.ops) if (after.has(op)) outside.set(op.results, copyOverSteps(b, op, outside.of));
  let next = 0;
  return body.results.map((v, i) => {
    if (!moved.has(i)) return made[next++];
    return b.broadcast(outside.of(v), scan.results[i].type);
  });
}
