/**
 * Batches of one example, of which some statistics say nothing: a variance over a single example is zero, and the norm makes the same
 * of every example.
 */

import type { Batch } from "./batch.ts";
import { RuntimeError } from "./error.ts";
import type { Alone, Plan } from "./plan.ts";

type Size = Pick<Batch, "examples" | "steps" | "lengths">;

interface Mute extends Alone {
  readonly of: string;
}

/** The statistics that a batch says nothing of. Such a batch counts for none. */
export function muteStatistics(
  plan: Plan,
  entry: "train" | "estimate",
  { examples, steps, lengths }: Size,
): readonly Mute[] {
  if (examples !== 1) return [];
  const single = (lengths?.[0] ?? steps) === 1;
  return (plan.entries[entry]?.tensors ?? []).flatMap(({ role }) =>
    role.kind === "batch_stat" && role.alone && (role.alone.steps === "any" || single)
      ? [{ ...role.alone, of: role.of }]
      : [],
  );
}

/** Throws C0406 where statistics cannot be estimated from a batch of one example. `total`: what lies between batches counts, too. */
export function refuseAlone(plan: Plan, batch: Size, total: boolean): void {
  const mute = muteStatistics(plan, "estimate", batch);
  const wrong = mute.filter((statistic) => !(total && statistic.total));
  if (wrong.length === 0) return;
  const names = wrong.map(({ of }) => `\`${of}\``).join(", ");
  throw new RuntimeError(
    "C0406",
    `a batch of one example says nothing of ${names} of ${plan.name}: normalized by its own statistics, every example is the same`,
    mute.every((statistic) => statistic.total)
      ? "estimate by the law of total variance, which counts what lies between batches, or from larger batches"
      : "estimate from batches of two examples or more",
  );
}
