/**
 * What keeps a loop from being elementwise leaves it, if the loop's states need nothing of each other: products and sums that depend on
 * no state are computed before the loop, and readouts of its next states after it, for all steps at once. Who owns an entry of a state
 * then owns it from the first step to the last (`ir/elementwise-loops.ts`).
 */
import { crossing, isAtPoint, madeFrom, statesOf } from "../ir/elementwise-loops.ts";
import { sameShape } from "../ir/type.ts";
import type { Graph, Op, OpOf, Pass, Value } from "../ir/types.ts";
import { leaving, outputsAfter } from "./after-loop.ts";
import { wide } from "./cone.ts";
import { hoistScan } from "./hoist.ts";
import { type Builder, behind, copy, Renaming, rebuildScan, rebuildScans, runsOverSteps } from "./rewrite.ts";

export const elementwiseLoops: Pass = {
  name: "elementwise-loops",
  doc: "products leave a loop that is elementwise without them",
  run(graph: Graph): Graph {
    const before = changed(
      graph,
      ({ early }) => early.size > 0,
      (b, scan, rename, { early }) => hoistScan(b, scan, rename, (op) => early.has(op)),
    );
    return changed(
      before,
      ({ late }) => late.size > 0,
      (b, scan, rename, { late }) => outputsAfter(b, scan, rename, (output) => late.has(output)),
    );
  },
};

/** What leaves a loop: ops of its body, and outputs by their place among its results. */
interface Leaving {
  readonly early: ReadonlySet<Op>;
  readonly late: ReadonlySet<number>;
}

/** What must leave a loop to make it elementwise; undefined if nothing does. */
function whatLeaves(scan: OpOf<"scan">): Leaving | undefined {
  const body = scan.body!;
  const { states } = scan.attrs;
  const made = madeFrom(body, statesOf(scan));
  const own = new Set<Value>([...body.params, ...body.ops.flatMap((op) => op.results)]);
  const runs = (ops: Iterable<Op>): boolean => [...ops].every((op) => runsOverSteps(op, (v) => own.has(v)));
  // Without a state it is no loop: all steps are computed at once.
  if (states === 0) return runs(body.ops) ? { early: new Set(body.ops), late: new Set() } : undefined;
  const isFree = (op: Op): boolean => op.results.every((v) => !made.has(v));
  const combined = body.ops.filter((op) => isFree(op) && !isAtPoint(op)).flatMap((op) => op.results);
  const isOwned = (v: Value): boolean => v.type.batch && sameShape(v.type.shape, body.params[0].type.shape);
  const early = behind(body.ops, [...combined, ...body.results.filter((v) => !made.has(v) && !isOwned(v))]);
  if (!runs(early)) return undefined;
  const late = new Set(
    [...leaving(scan)].flatMap(([output, { ops, reads }]) => {
      const isElsewhere = [...ops].some((op) => !isFree(op) && !isAtPoint(op));
      // A matrix for each example is not stored at every step for what is read out of it.
      return isElsewhere && [...reads].every((v) => wide(v) <= 1) ? [output] : [];
    }),
  );
  const stays = behind(
    body.ops,
    body.results.filter((_, i) => !late.has(i)),
  );
  const rest = body.ops.filter((op) => stays.has(op) && !early.has(op));
  const kept = body.results.filter((v, i) => !late.has(i) && made.has(v));
  if (!rest.every(isAtPoint) || !kept.every(isOwned) || crossing(scan, rest) !== undefined) return undefined;
  return early.size + late.size > 0 ? { early, late } : undefined;
}

function changed(
  graph: Graph,
  wanted: (leaves: Leaving) => boolean,
  rebuild: (b: Builder, scan: OpOf<"scan">, rename: Renaming, leaves: Leaving) => readonly Value[],
): Graph {
  const found = new Map<Op, Leaving>();
  for (const op of graph.ops) {
    const leaves = op.op === "scan" ? whatLeaves(op) : undefined;
    if (leaves !== undefined && wanted(leaves)) found.set(op, leaves);
  }
  if (found.size === 0) return graph;
  return rebuildScans(graph, (b, scan, rename) => {
    const leaves = found.get(scan);
    return leaves === undefined ? same(b, scan, rename) : rebuild(b, scan, rename, leaves);
  });
}

function same(b: Builder, scan: OpOf<"scan">, rename: Renaming): readonly Value[] {
  const body = scan.body!;
  return rebuildScan(b, scan, scan.operands.map(rename.of), (inner, params) => {
    const local = new Renaming(rename);
    local.set(body.params, params);
    for (const op of body.ops) local.set(op.results, copy(inner, op, local.of));
    return body.results.map(local.of);
  });
}
