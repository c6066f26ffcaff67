/**
 * Reduction fusion: a sum over examples of what a loop yields is computed in the loop. There the values are at hand. After the loop
 * they would be read from memory again, and perhaps were stored for this sum only.
 *
 * The opposite of `defer-weight-gradients`, for the few loops whose steps sum over examples anyway: in other loops such a sum would
 * cut a step's kernel in two.
 */
import { sameShape } from "../ir/type.ts";
import type { Graph, Op, OpOf, Pass, Value } from "../ir/types.ts";
import { type Cone, cone, smaller } from "./cone.ts";
import { aStep, type Builder, copy, definitions, Renaming, rebuildGraph, rebuildScan } from "./rewrite.ts";

export const fuseReductions: Pass = {
  name: "fuse-reductions",
  doc: "sums over examples of what a loop yields are computed in the loop, if it sums over examples anyway",
  run(graph: Graph): Graph {
    const defs = definitions(graph.ops);
    const before = new Set<Value>();
    const gone = new Set<Op>();
    return rebuildGraph(graph, (b, rename) => {
      for (const op of graph.ops) {
        if (op.op !== "scan") {
          if (!gone.has(op)) rename.set(op.results, copy(b, op, rename.of));
        } else {
          const sums = summed(op, graph.ops, defs, before);
          for (const { sum } of sums) gone.add(sum);
          const results = fused(b, op, sums, rename);
          rename.set([...op.results, ...sums.map(({ sum }) => sum.results[0])], results);
        }
        for (const r of op.results) before.add(r);
      }
    });
  },
};

interface Sum {
  readonly sum: OpOf<"sum">;
  readonly made: Cone;
}

const overExamples = (op: Op): op is OpOf<"sum"> =>
  op.op === "sum" && op.attrs.axes.batch && !op.attrs.axes.time && op.attrs.axes.features.length === 0;

/**
 * The sums over examples that `scan` can compute: of its outputs, and of smaller values that are known `before` it, over columns
 * that its steps also sum over.
 */
function summed(
  scan: OpOf<"scan">,
  ops: readonly Op[],
  defs: ReadonlyMap<Value, Op>,
  before: ReadonlySet<Value>,
): readonly Sum[] {
  const outputs = new Set(scan.results.slice(scan.attrs.states));
  const own = scan.body!.ops.filter(overExamples);
  return ops.filter(overExamples).flatMap((sum) => {
    const [v] = sum.operands;
    if (!own.some((s) => sameShape(s.operands[0].type.shape, v.type.shape))) return [];
    const starts = (u: Value): boolean => outputs.has(u) || (before.has(u) && smaller(u, v));
    const made = v.type.time ? cone(v, defs, starts) : undefined;
    return made?.from.some((u) => outputs.has(u)) ? [{ sum, made }] : [];
  });
}

/** `scan` with the sums as further outputs. */
function fused(b: Builder, scan: OpOf<"scan">, sums: readonly Sum[], rename: Renaming): readonly Value[] {
  const { states } = scan.attrs;
  const outputs = scan.results.slice(states);
  const fresh = new Set(
    sums.flatMap(({ made }) =>
      made.from.filter((u) => u.type.time && !outputs.includes(u) && !scan.operands.includes(u)),
    ),
  );
  const body = scan.body!;
  const inputs = [...fresh].map((u) => ({ outer: u, param: b.value({ ...u.type, time: false }, u.name) }));
  const wider: OpOf<"scan"> = {
    ...scan,
    body: { ...body, params: [...body.params, ...inputs.map(({ param }) => param)] },
    results: [...scan.results, ...sums.map(({ sum }) => sum.results[0])],
  };
  const operands = [...scan.operands, ...inputs.map(({ outer }) => outer)];
  return rebuildScan(b, wider, operands.map(rename.of), (inner, params) => {
    const local = new Renaming(rename);
    local.set(wider.body!.params, params);
    for (const op of body.ops) local.set(op.results, copy(inner, op, local.of));
    const results = body.results.map(local.of);
    const added = sums.map(({ sum, made }) => {
      const step = new Renaming();
      for (const u of made.from) {
        const output = outputs.indexOf(u);
        const input = operands.indexOf(u, states);
        const value = output >= 0 ? results[states + output] : input >= 0 ? params[input] : rename.of(u);
        step.set([u], [value]);
      }
      for (const op of made.ops) step.set(op.results, copy(inner, aStep(op), step.of));
      return copy(inner, sum, step.of)[0];
    });
    return [...results, ...added];
  });
}
