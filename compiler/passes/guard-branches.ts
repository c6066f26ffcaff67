/**
 * Keeps what a condition leaves out from spoiling gradients: where(u > 0, log(u), 0) becomes where(u > 0, log(where(u > 0, u, 1)), 0).
 * Other programs multiply the derivative of log(u) by 0 where u is 0, which makes no number of it; our own derivatives need no such
 * guard (see `cuts.ts`).
 */
import { isElementwise } from "../ir/ops/elementwise.ts";
import { broadcastTypes, sameType } from "../ir/type.ts";
import type { Op, OpName, OpOf, Pass, Value } from "../ir/types.ts";
import { type Builder, copy, rebuildGraph, rebuildScan } from "./rewrite.ts";

/** Which operand must not be 0, or negative. */
const exposed: Readonly<Partial<Record<OpName, number>>> = { log: 0, log1p: 0, sqrt: 0, rsqrt: 0, recip: 0, div: 1 };

export const guardBranches: Pass = {
  name: "guard-branches",
  doc: "what a condition leaves out is computed of harmless numbers",
  run: (graph) =>
    rebuildGraph(graph, (b, rename) => {
      const visit = (into: Builder, ops: readonly Op[]): void => {
        const made = new Map<Value, Op>();
        let known = 0;
        for (const op of ops) {
          if (op.op === "scan") {
            const rebuilt = rebuildScan(into, op, op.operands.map(rename.of), (inner, params) => {
              rename.set(op.body!.params, params);
              visit(inner, op.body!.ops);
              return op.body!.results.map(rename.of);
            });
            rename.set(op.results, rebuilt);
            continue;
          }
          if (op.op === "select") {
            const [c, one, other] = op.operands.map(rename.of);
            const of = new Map([
              [op.operands[1], guarded(into, made, one, c, false)],
              [op.operands[2], guarded(into, made, other, c, true)],
            ]);
            rename.set(
              op.results,
              copy(into, op, (v) => (v === op.operands[0] ? c : (of.get(v) ?? rename.of(v)))),
            );
          } else rename.set(op.results, copy(into, op, rename.of));
          for (; known < into.ops.length; known++)
            for (const r of into.ops[known].results) made.set(r, into.ops[known]);
        }
      };
      visit(b, graph.ops);
    }),
};

/** `v`, computed of harmless numbers where the condition leaves it out. */
function guarded(b: Builder, made: ReadonlyMap<Value, Op>, v: Value, c: Value, unless: boolean): Value {
  const op = made.get(v);
  const fits = sameType(broadcastTypes([{ ...c.type, dtype: "f32" }, v.type]), v.type);
  if (op === undefined || !fits || !(isElementwise(op.op) || op.op === "broadcast")) return v;
  const operands = op.operands.map((u) => guarded(b, made, u, c, unless));
  const at = exposed[op.op];
  if (at !== undefined && !isConstant(made.get(operands[at]))) {
    const u = operands[at];
    if (sameType(broadcastTypes([{ ...c.type, dtype: "f32" }, u.type]), u.type))
      operands[at] = unless ? b.select(c, b.scalar(1), u) : b.select(c, u, b.scalar(1));
  }
  if (operands.every((u, i) => u === op.operands[i])) return v;
  const next = operands.values();
  return copy(b, op, () => next.next().value!)[0];
}

const isConstant = (op: Op | undefined): op is OpOf<"const"> => op?.op === "const";
