/**
 * Batches of one example, for which some statistics are degenerate: a variance over a single example is zero, and a norm maps every
 * example to the same result.
 */

import { axisOf, type OwnBatch } from "./batch.ts";
import { RuntimeError } from "./error.ts";
import { countOf } from "./existing.ts";
import type { Alone, Plan, Tensor } from "./plan.ts";

type Size = Pick<OwnBatch, "examples" | "axes">;

interface Degenerate extends Alone {
  readonly of: string;
}

/** The statistics that are degenerate for a batch. Such a batch does not count towards any statistic. */
export function degenerateStatistics(plan: Plan, entry: "train" | "estimate", batch: Size): readonly Degenerate[] {
  if (batch.examples !== 1) return [];
  const isSingle = (tensor: Tensor): boolean => {
    const { steps, existing } = axisOf(batch, tensor);
    return (existing ? countOf(existing) : steps) <= 1;
  };
  return (plan.entries[entry]?.tensors ?? []).flatMap((tensor) => {
    const { role } = tensor;
    return role.kind === "batch_stat" && role.alone && (role.alone.steps === "any" || isSingle(tensor))
      ? [{ ...role.alone, of: role.of }]
      : [];
  });
}

/** Throws C0406 if statistics cannot be estimated from a batch of one example. `total`: variance between batches counts too. */
export function refuseSingleExample(plan: Plan, batch: Size, total: boolean): void {
  const mute = degenerateStatistics(plan, "estimate", batch);
  const wrong = mute.filter((statistic) => !(total && statistic.total));
  if (wrong.length === 0) return;
  throw saysNothing(
    plan,
    wrong,
    mute.every((statistic) => statistic.total)
      ? "estimate by the law of total variance, which counts the variance between batches, or from larger batches"
      : "estimate from batches of two examples or more",
  );
}

/** Throws C0406 for a batch of one example that is to be measured by its own statistics. */
export function refuseOwnOfSingle(plan: Plan, batch: Size): void {
  const mute = degenerateStatistics(plan, "estimate", batch);
  if (mute.length > 0)
    throw saysNothing(plan, mute, "take batches of two examples or more, or the population's statistics");
}

function saysNothing({ name }: Plan, mute: readonly Degenerate[], help: string): RuntimeError {
  const names = mute.map(({ of }) => `\`${of}\``).join(", ");
  const message = `a batch of one example says nothing about ${names} of ${name}: normalized by its own statistics, every example is the same`;
  return new RuntimeError("C0406", message, help);
}
