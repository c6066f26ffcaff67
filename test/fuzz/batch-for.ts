/** Batches that a plan takes, of drawn numbers. */

import type { Batch } from "../../runtime/batch.ts";
import { elementsOf, shapeOf } from "../../runtime/layout.ts";
import type { Plan } from "../../runtime/plan.ts";
import { uniform } from "../ir/numbers.ts";

export interface DrawnBatch extends Batch {
  readonly inputs: Readonly<Record<string, Float32Array>>;
}

/** Inputs in [−1, 1) and indices below their sizes, the same for the same seed. */
export function batchFor(plan: Plan, steps: number, seed: number): DrawnBatch {
  const random = uniform(seed);
  const inputs: Record<string, Float32Array> = {};
  let ragged = false;
  for (const tensor of Object.values(plan.entries).flatMap((entry) => entry.tensors)) {
    const { name, role } = tensor;
    ragged ||= role.kind === "lengths";
    if ((role.kind !== "input" && role.kind !== "index") || Object.hasOwn(inputs, name)) continue;
    const draw = role.kind === "index" ? () => Math.floor(random() * role.size) : () => 2 * random() - 1;
    Object.defineProperty(inputs, name, {
      value: Float32Array.from({ length: elementsOf(shapeOf(tensor, steps)) }, draw),
      enumerable: true,
    });
  }
  const examples = plan.dims.batch;
  // Two have every step, so that there are statistics of all of them.
  const lengths = Array.from({ length: examples }, (_, i) => Math.max(1, steps - 2 * Math.max(0, i - 1)));
  return { inputs, steps, examples, ...(ragged && { lengths }) };
}
