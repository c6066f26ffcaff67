/** How far a target may be off the reference where norms stand on norms. */
import type { Computes, Errors, Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

/** By how much a target may round worse than one f32 op after another, where norms on norms make much of little: its sums round, too. */
const ROUNDINGS = 100;

/**
 * What is too far off in what a target found for an entry, in words; undefined where all of it is within the tolerance of stacked
 * norms, or as close as f32 can be. Throws if a result is missing or no number.
 */
export function disagreement(
  study: Study,
  entry: Computes,
  found: ReadonlyMap<string, ArrayLike<number>>,
): string | undefined {
  const errors = study.errorsOf(entry, found);
  const usual = tolerance.stacked;
  if (errors.forward < usual.forward && errors.gradient < usual.gradient) return undefined;
  const least = study.roundingErrors(entry);
  const tooFar = (["forward", "gradient"] as const satisfies readonly (keyof Errors)[]).filter(
    (what) => !(errors[what] < Math.max(usual[what], ROUNDINGS * least[what])),
  );
  const words = tooFar.map((what) => `${what} is off by ${errors[what]}, where rounding explains ${least[what]}`);
  return words.length === 0 ? undefined : `${entry}: ${words.join("; ")}`;
}
