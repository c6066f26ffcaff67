/** Whether the paper's claims hold in the runs of a study. */

import { merit } from "../explore/measure.ts";
import { differenceText, valueText } from "../explore/measure-text.ts";
import { formatCount } from "../output.ts";
import { type PairedDifference, pairedDifference } from "../statistics/paired.ts";
import type { RunResult } from "./results.ts";
import type { Claim, ScaleName, Study } from "./study.ts";
import { bestUpTo, lastCommonStep, measureAt, stepsTo } from "./summary.ts";

export interface Finding {
  readonly claim: string;
  /** Undefined while the runs that it is about are not there. */
  readonly holds: boolean | undefined;
  /** What was seen. */
  readonly seen: string;
}

/** Of the runs of a scale. A smoke test trains too little to say anything. */
export const findings = (study: Study, scale: ScaleName, runs: readonly RunResult[]): readonly Finding[] =>
  scale === "smoke"
    ? []
    : study.claims.map((claim) =>
        claim.kind === "sooner" ? sooner(study, claim, runs) : compared(study, claim, runs),
      );

/** The runs of two variants with the same seeds; a run that diverged compares with nothing. */
function pairsOf(
  { candidate, than }: Pick<Claim, "candidate" | "than">,
  runs: readonly RunResult[],
): readonly (readonly [candidate: RunResult, than: RunResult])[] {
  const sound = runs.filter(({ status }) => status !== "diverged");
  return sound.flatMap((run) => {
    const other = sound.find(({ variant, seed }) => variant === than && seed === run.seed);
    return run.variant === candidate && other !== undefined ? [[run, other] as const] : [];
  });
}

/** Whether two variants differ on test examples as is claimed. */
function compared(
  study: Study,
  claim: Exclude<Claim, { readonly kind: "sooner" }>,
  runs: readonly RunResult[],
): Finding {
  const { measure } = study.measure;
  const words = `${claimWords(claim, measure)} on test examples, after equal iterations`;
  const pairs = pairsOf(claim, runs).filter(
    ([one, other]) => one.test !== undefined && other.test !== undefined && one.steps === other.steps,
  );
  if (pairs.length === 0) return { claim: words, holds: undefined, seen: "no pair of runs is finished" };
  const difference = pairedDifference(pairs.map(([one, other]) => one.test![measure] - other.test![measure]));
  const each = pairs.map(([one, other]) => {
    const values = [one, other].map(({ test }) => valueText(measure, test![measure]));
    return `seed ${one.seed}: ${values.join(" and ")} after ${formatCount(one.steps)} iterations`;
  });
  const gain = merit(study.measure, difference.mean);
  return {
    claim: words,
    holds: claim.kind === "alike" ? Math.abs(gain) <= claim.within : claim.by === 0 ? gain > 0 : gain >= claim.by,
    seen: `${each.join("; ")}; difference ${differenceText(measure, difference)}`,
  };
}

function claimWords(claim: Exclude<Claim, { readonly kind: "sooner" }>, measure: string): string {
  const { candidate, than } = claim;
  if (claim.kind === "alike") return `${candidate} and ${than} differ by at most ${valueText(measure, claim.within)}`;
  return `${candidate} is better than ${than}${claim.by === 0 ? "" : ` by at least ${valueText(measure, claim.by)}`}`;
}

function sooner(study: Study, claim: Claim & { readonly kind: "sooner" }, runs: readonly RunResult[]): Finding {
  const { candidate, than, what, within } = claim;
  const by = study.measure;
  const { measure } = by;
  const words = `${candidate} reaches the ${what} ${measure} of ${than} in at most ${within === 0.5 ? "half" : within} of its iterations`;
  const shares: number[] = [];
  const each: string[] = [];
  for (const [one, other] of pairsOf(claim, runs)) {
    if (other.status !== "finished") continue;
    const last = lastCommonStep([other]);
    const goal =
      last === undefined ? undefined : what === "last" ? measureAt(by, other, last) : bestUpTo(by, other, last);
    if (last === undefined || goal === undefined) continue;
    const reference = what === "last" ? last : stepsTo(by, other, goal)!;
    const reached = stepsTo(by, one, goal);
    if (reached === undefined && one.steps < reference * within) continue;
    shares.push(reached === undefined ? Number.POSITIVE_INFINITY : reached / reference);
    each.push(
      `seed ${one.seed}: ${valueText(measure, goal)} after ${formatCount(reference)} iterations of ${than}, ${
        reached === undefined ? `not reached in ${formatCount(one.steps)}` : `after ${formatCount(reached)}`
      } of ${candidate}`,
    );
  }
  if (each.length === 0)
    return { claim: words, holds: undefined, seen: `no run of ${than} is finished beside one of ${candidate}` };
  return { claim: words, holds: shares.every((share) => share <= within), seen: each.join("; ") };
}

/** What a variant is compared with. */
export const baselineOf = ({ baseline, variants }: Study, variant: string): string =>
  variants[variant].baseline ?? baseline;

/** How a variant differs from its baseline on validation examples, at the last step at which all their runs were evaluated. */
export function differenceToBaseline(
  study: Study,
  variant: string,
  runs: readonly RunResult[],
): { readonly step: number; readonly difference: PairedDifference } | undefined {
  const than = baselineOf(study, variant);
  const pairs = pairsOf({ candidate: variant, than }, runs);
  const step = variant === than ? undefined : lastCommonStep(pairs.flat());
  if (step === undefined) return undefined;
  const value = (run: RunResult): number => measureAt(study.measure, run, step)!;
  return { step, difference: pairedDifference(pairs.map(([one, other]) => value(one) - value(other))) };
}
