/** Which results overwrite a value that other ops still read: only the order of kernels keeps the two apart. */
import type { Graph, Op, Value } from "../ir/types.ts";
import { reads } from "./rewrite.ts";

/**
 * The population's new values, if the old ones are read for more than computing them: such a statistic is overwritten at the very
 * end.
 */
export function overwriting({ ops, results }: Graph): ReadonlySet<Value> {
  const readers = new Map<Value, Op[]>();
  const makers = new Map<Value, Op>();
  for (const op of ops) {
    for (const v of reads(op)) {
      const known = readers.get(v);
      if (known === undefined) readers.set(v, [op]);
      else known.push(op);
    }
    for (const v of op.results) makers.set(v, op);
  }
  const leaves = new Map<string, Value[]>();
  for (const op of ops) {
    if (op.op !== "leaf" || op.attrs.leaf.kind !== "population") continue;
    const { name } = op.attrs.leaf;
    leaves.set(name, [...(leaves.get(name) ?? []), ...op.results]);
  }
  const wanted = new Set(results.map(({ value }) => value));
  /** Whether everything computed from `leaf` ends in `result`. */
  const onlyMakes = (leaf: Value, result: Value): boolean => {
    const seen = new Set<Value>([result, leaf]);
    for (const v of seen) {
      if (v === result) continue;
      if (wanted.has(v)) return false;
      for (const op of readers.get(v) ?? []) {
        if (op.op === "scan") return false;
        for (const r of op.results) seen.add(r);
      }
    }
    return true;
  };
  return new Set(
    results.flatMap(({ kind, name, value }) =>
      kind === "population" && makers.has(value) && !(leaves.get(name) ?? []).every((leaf) => onlyMakes(leaf, value))
        ? [value]
        : [],
    ),
  );
}
