import { RuntimeError } from "./error.ts";
import type { Kept } from "./layout.ts";
import type { Plan } from "./plan.ts";

/** Numbers that go with the tensors. */
export interface Counters {
  readonly seed: number;
  /** Updates done. */
  readonly step: number;
  /** Training runs done, failed ones included, which tells apart the noise of each. */
  readonly run: number;
  /** For each step, the batches that statistics were collected from, parts of batches as fractions; empty: none were collected. */
  readonly seen: readonly number[];
  /** Statistics that were written by hand while others were not known; none: there are none such. */
  readonly written?: readonly string[];
  /**
   * `run` when statistics were last estimated; none: never. Where more runs were done since, they are moving averages that began
   * with those estimates.
   */
  readonly estimated?: number;
}

export interface SavedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A session's whole state, apart from any backend. */
export interface SessionState {
  /** Of the cell or model. */
  readonly name: string;
  readonly fingerprint: string;
  readonly dims: Readonly<Record<string, number>>;
  readonly optimizer: string;
  readonly counters: Counters;
  /** Parameters, optimiser slots and statistics, by name. */
  readonly tensors: ReadonlyMap<string, SavedTensor>;
}

/** Throws C0403, naming what differs, unless the state is one of this plan. */
export function compareState(state: SessionState, plan: Plan, kept: readonly Kept[]): void {
  const differences: string[] = [];
  if (state.optimizer !== plan.optimizer) {
    differences.push(`its optimiser is ${state.optimizer}, this one's ${plan.optimizer}`);
  }
  for (const { name, shape } of kept) {
    const saved = state.tensors.get(name);
    if (saved === undefined) differences.push(`it lacks \`${name}\``);
    else if (saved.shape.join() !== shape.join()) {
      differences.push(`its \`${name}\` is [${saved.shape.join(", ")}], this one's [${shape.join(", ")}]`);
    }
  }
  const names = new Set(kept.map(({ name }) => name));
  for (const name of state.tensors.keys()) if (!names.has(name)) differences.push(`it has \`${name}\` besides`);
  if (differences.length === 0 && state.fingerprint === plan.fingerprint) return;
  const reason = differences.length > 0 ? differences.join("; ") : "its fingerprint is another";
  throw new RuntimeError(
    "C0403",
    `the checkpoint of ${state.name} does not fit ${plan.name}: ${reason}`,
    "compile the model with the placements, dimensions and optimiser it was saved with",
  );
}
