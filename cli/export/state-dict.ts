/** A trained model's numbers as a `state_dict` of its printed PyTorch module. */
import { noAxis } from "../../runtime/batch.ts";
import type { SavedTensor, SessionState } from "../../runtime/state.ts";
import { withNearestRows } from "../../runtime/statistics.ts";
import type { PytorchModule } from "../../targets/pytorch/module.ts";

/**
 * Parameters and statistics by the names of the `state_dict`, with what the module counts. Rows of statistics that no batch has reached
 * are those of the nearest step that one has, as the module itself keeps them.
 */
export function stateDict(
  { paths, statistics, updates }: PytorchModule,
  { tensors, counters }: Pick<SessionState, "tensors" | "counters">,
): ReadonlyMap<string, SavedTensor> {
  const dict = new Map<string, SavedTensor>();
  for (const [name, path] of paths) {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new Error(`the checkpoint has no ${name}`);
    dict.set(path.join("."), tensor);
  }
  for (const { batches, tables, axis, isShared } of statistics) {
    const seen = axis === "" ? counters.seen : (counters.seenOver?.[axis ?? noAxis] ?? counters.seen.slice(0, 1));
    const [rows] = dict.get(tables[0])!.shape;
    const counted = isShared ? [seen.reduce((a, b) => a + b, 0)] : Array.from({ length: rows }, (_, t) => seen[t] ?? 0);
    dict.set(batches, { shape: [counted.length], data: Float32Array.from(counted) });
    if (isShared || !seen.some((n) => n > 0)) continue;
    for (const table of tables) {
      const { shape, data } = dict.get(table)!;
      dict.set(table, { shape, data: withNearestRows(data, rows, seen) });
    }
  }
  for (const name of updates) dict.set(name, { shape: [], data: Float32Array.of(counters.step) });
  return dict;
}
