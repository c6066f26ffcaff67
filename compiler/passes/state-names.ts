/** What states are called that go on from run to run. */
import type { Value } from "../ir/types.ts";

export class StateNames {
  /** The number of states of each name. */
  private readonly named = new Map<string, number>();

  /** `state/h`; that of a second scan is `state/h_2`, in the order of scans. */
  of(state: Value): string {
    const base = `state/${state.name || "s"}`;
    const n = (this.named.get(base) ?? 0) + 1;
    this.named.set(base, n);
    return n === 1 ? base : `${base}_${n}`;
  }
}
