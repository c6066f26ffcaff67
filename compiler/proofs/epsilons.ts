/** Finds the ε of norms, and which statistic each keeps away from zero. */
import type { Graph, Op, Value } from "../ir/types.ts";
import { definedBy, definitions } from "../passes/rewrite.ts";

export interface Epsilon {
  /** Full name of the site: `rnn/hh`. */
  readonly site: string;
  /** Full name of the statistic: `rnn/hh/v`. */
  readonly statistic: string;
  readonly epsilon: number;
  /** Whether the statistic is a variance v, or already a deviation √(v + ε). */
  readonly is: "variance" | "deviation";
}

/** Every √(v + ε), or its reciprocal, in the norms of `graph`, as elaborated, where v is a statistic or the root becomes one. */
export function epsilons({ norms }: Pick<Graph, "norms">): readonly Epsilon[] {
  return [...norms].flatMap(([site, { ops }]) => {
    const defs = definitions(ops);
    const statistics = new Map<Value, Epsilon["statistic"]>(
      ops.flatMap((op) => (op.op === "stat" ? [[op.results[0], op.attrs.name] as const] : [])),
    );
    const epsilonOf = (sum: Op | undefined, v: (x: Value) => boolean): number | undefined => {
      if (sum?.op !== "add") return undefined;
      const at = sum.operands.findIndex(v);
      const constant = at < 0 ? undefined : definedBy(defs, sum.operands[1 - at], "const");
      return constant?.attrs.dims.length === 0 ? constant.attrs.value : undefined;
    };
    return ops.flatMap((op): readonly Epsilon[] => {
      if (op.op === "sqrt" || op.op === "rsqrt") {
        const sum = defs.get(op.operands[0]);
        const statistic = sum?.operands.map((v) => statistics.get(v)).find((name) => name !== undefined);
        const epsilon = epsilonOf(sum, (v) => statistics.has(v));
        if (statistic === undefined || epsilon === undefined) return [];
        return [{ site, statistic, epsilon, is: "variance" }];
      }
      if (op.op !== "stat") return [];
      const root = definedBy(defs, op.operands[0], "sqrt");
      const epsilon = root && epsilonOf(defs.get(root.operands[0]), (v) => defs.get(v)?.op !== "const");
      return epsilon === undefined ? [] : [{ site, statistic: op.attrs.name, epsilon, is: "deviation" }];
    });
  });
}
