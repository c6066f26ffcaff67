/** How the statistics of a checkpoint were made. */
import type { Plan } from "../../runtime/plan.ts";
import type { Counters } from "../../runtime/state.ts";
import { hasStatistics } from "./statistic.ts";

export type Provenance =
  | { readonly kind: "none" }
  /** Estimated by a pass at the checkpoint's own parameters. */
  | { readonly kind: "estimated"; readonly batches: number }
  /** Moving averages of training, which lag behind the parameters. `steps`: training steps since the last estimate. */
  | { readonly kind: "moving"; readonly steps: number };

export function provenanceOf(plan: Plan, { run, seen, estimated = 0 }: Counters): Provenance {
  if (!seen.some((batches) => batches > 0) || !hasStatistics(plan)) return { kind: "none" };
  if (estimated === run) return { kind: "estimated", batches: Math.max(...seen) };
  return { kind: "moving", steps: run - estimated };
}

export function provenanceText(provenance: Provenance): string {
  switch (provenance.kind) {
    case "none":
      return "none were collected";
    case "estimated":
      return `estimated at these parameters from ${provenance.batches} batches`;
    case "moving":
      return `moving averages, of ${provenance.steps} training steps without an estimate`;
    default:
      return provenance satisfies never;
  }
}

/** Why not to infer with these statistics yet, and what to do; undefined if there is nothing to improve. */
export function provenanceWarning(provenance: Provenance, checkpoint: string): string | undefined {
  if (provenance.kind !== "moving") return undefined;
  return `the statistics in ${checkpoint} are ${provenanceText(provenance)}, and trail behind the parameters: cellc stats ${checkpoint} --drift says how far, --estimate estimates them anew`;
}
