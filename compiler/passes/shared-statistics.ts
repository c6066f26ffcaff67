/**
 * The model that a graph would be if all its statistics were the same at all steps: `stats = shared` at each of its norms. It answers what
 * could be folded then. Runs before `place`.
 */
import type { Block, Op, Pass } from "../ir/types.ts";

export const sharedStatistics: Pass = {
  name: "shared-statistics",
  doc: "statistics are the same at all steps",
  run: (graph) => ({
    ...graph,
    ops: graph.ops.map(shared),
    norms: new Map([...graph.norms].map(([site, norm]) => [site, sharedStatistics.run(norm)])),
  }),
};

function shared(op: Op): Op {
  if (op.op === "stat" || op.op === "population")
    return { ...op, attrs: { ...op.attrs, policy: { kind: "shared" } } } as Op;
  if (op.op === "scan") return { ...op, body: inBody(op.body!) };
  return op;
}

const inBody = (body: Block): Block => ({ ...body, ops: body.ops.map(shared) });
