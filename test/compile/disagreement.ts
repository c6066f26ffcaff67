/** How far a target may be off the reference when norms follow norms. */
import type { Computes, Errors, Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

/** By how much a target may round worse than single f32 ops when stacked norms amplify errors: its sums round, too. */
const ROUNDINGS = 100;

export interface Comparison {
  /** What is too far off, in words; undefined if everything is within the tolerance of stacked norms, or as close as f32 can be. */
  readonly disagreement: string | undefined;
  /** Whether the tolerance did not suffice, so that it was asked how close f32 can be. */
  readonly excused: boolean;
}

/** Compares what a target found for an entry with the reference. Throws if a result is missing or no number. */
export function compareWithReference(
  study: Study,
  entry: Computes,
  found: ReadonlyMap<string, ArrayLike<number>>,
): Comparison {
  const errors = study.errorsOf(entry, found);
  const usual = tolerance.stacked;
  if (errors.forward < usual.forward && errors.gradient < usual.gradient)
    return { disagreement: undefined, excused: false };
  const least = study.roundingErrors(entry);
  const tooFar = (["forward", "gradient"] as const satisfies readonly (keyof Errors)[]).filter(
    (what) => !(errors[what] < Math.max(usual[what], ROUNDINGS * least[what])),
  );
  const words = tooFar.map((what) => `${what} is off by ${errors[what]}, where rounding explains ${least[what]}`);
  return words.length === 0
    ? { disagreement: undefined, excused: true }
    : { disagreement: `${entry}: ${words.join("; ")}`, excused: false };
}
