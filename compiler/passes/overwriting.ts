/** Which results take the place of what other ops still read: nothing but the order of kernels keeps those apart. */
import type { Graph, Op, Value } from "../ir/types.ts";
import { reads } from "./rewrite.ts";

/**
 * The population's new values where the old ones are read for more than making them: such a statistic is overwritten when all
 * else is done.
 */
export function overwriting({ ops, results }: Graph): ReadonlySet<Value> {
  const readers = new Map<Value, Op[]>();
  const makers = new Map<Value, Op>();
  for (const op of ops) {
    for (const v of reads(op)) readers.set(v, [...(readers.get(v) ?? []), op]);
    for (const v of op.results) makers.set(v, op);
  }
  const leaves = (name: string): readonly Value[] =>
    ops.flatMap((op) =>
      op.op === "leaf" && op.attrs.leaf.kind === "population" && op.attrs.leaf.name === name ? op.results : [],
    );
  const handedOut = new Set(results.map(({ value }) => value));
  /** Whether all that is made of `v` is `result`; `seen` is known to be, or being asked: paths meet again too often to walk each. */
  const onlyMakes = (v: Value, result: Value, seen = new Set<Value>([result])): boolean => {
    if (seen.has(v)) return true;
    seen.add(v);
    if (handedOut.has(v)) return false;
    return (readers.get(v) ?? []).every(
      (op) => op.op !== "scan" && op.results.every((r) => onlyMakes(r, result, seen)),
    );
  };
  return new Set(
    results.flatMap(({ kind, name, value }) =>
      kind === "population" && makers.has(value) && !leaves(name).every((leaf) => onlyMakes(leaf, value))
        ? [value]
        : [],
    ),
  );
}
