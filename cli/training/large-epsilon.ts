/** Says where an ε is as large as the variance that it keeps away from zero, as the first batch of a training shows it. */
import type { Guard } from "../../compiler/proofs/guards.ts";
import type { Session } from "../../runtime/session.ts";
import type { Output } from "../output.ts";
import { type Learner, withTrain } from "./learner.ts";

/** A learner that looks at its norms' statistics behind its very first step, and says W0607 where they are too small. */
export function watchEpsilon(
  learner: Learner,
  session: Pick<Session, "read">,
  guards: readonly Guard[],
  output: Pick<Output, "warn" | "errorColors">,
): Learner {
  return withTrain(learner, async (batch, settings) => {
    const first = learner.step === 0;
    const measures = await learner.train(batch, settings);
    if (first) for (const guard of guards) warn(guard, await session.read(guard.statistic), output);
    return measures;
  });
}

function warn(
  { site, epsilon, is }: Guard,
  values: Float32Array,
  { warn, errorColors }: Pick<Output, "warn" | "errorColors">,
): void {
  const variance = median([...values].map((v) => (is === "variance" ? v : v * v - epsilon)));
  if (variance === undefined || variance > epsilon) return;
  const { bold, yellow } = errorColors;
  const name = site.replaceAll("/", ".");
  warn(
    `${bold(yellow("warning[W0607]"))}: ${bold(`at \`${name}\` ε is ${epsilon}, as large as the variance it guards, ${variance.toPrecision(2)}`)} (the median of the first batch): use a smaller eps, such as eps = ${(variance / 100).toExponential(0)}`,
  );
}

/** Of what is above zero: steps at which all examples are alike, such as the first of a recurrence, have no variance. */
function median(numbers: readonly number[]): number | undefined {
  const sorted = numbers.filter((v) => v > 0).sort((a, b) => a - b);
  return sorted.length === 0 ? undefined : sorted[Math.floor(sorted.length / 2)];
}
