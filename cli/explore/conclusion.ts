/** What an exploration says, in plain English, and the command that trains the first placement. */
import { shellWords } from "../shell-words.ts";
import { mayBeZero, type PairedDifference } from "../statistics/paired.ts";
import type { Effect } from "./effects.ts";
import { merit, type RankedBy } from "./measure.ts";
import { differenceText, measureText, valueText } from "./measure-text.ts";
import { type Placement, placementText } from "./placement.ts";
import type { MeanAndDeviation, Ranking, Standing } from "./ranking.ts";

/**
 * - `nothing`: no placement finished with all its seeds.
 * - `trivial`: the first is no better than a prediction that learns nothing.
 * - `one seed`: one is first, and whether by chance is not known.
 * - `single`: one is better than all others. `several`, `all`: so many may be the best.
 */
export type Verdict = "nothing" | "trivial" | "one seed" | "single" | "several" | "all";

export interface Conclusion {
  readonly verdict: Verdict;
  /** The answer, in one sentence or two. */
  readonly sentence: string;
  /** What else a reader must know, a sentence or two each. */
  readonly notes: readonly string[];
  /** The command line that trains the first placement; undefined if none is worth it. */
  readonly command?: string;
}

/** How the command line begins that trains what the exploration trained. */
export interface TrainingLine {
  readonly file: string;
  /** Options that `explore` and `train` share, as they were given: `["--batch", "32"]`. */
  readonly shared: readonly string[];
  readonly place: string | undefined;
  readonly seed: number;
  /** The folder of the exploration. */
  readonly out: string;
}

export function conclude(ranking: Ranking, line: TrainingLine): Conclusion {
  const { standings, by } = ranking;
  const { seeds, steps } = ranking;
  const whole = standings.filter((one) => one.finished === seeds && one.steps === steps && by.measure in one.measures);
  const [first] = whole;
  const best = standings.filter((standing) => standing.best);
  const verdict = verdictOf(ranking, first, best, whole.length);
  return {
    verdict,
    sentence: sentenceOf(verdict, ranking, first, best, whole),
    notes: notesOf(verdict, ranking, best, whole),
    ...(best.length > 0 && { command: trainingCommand(best[0].placed, steps, line) }),
  };
}

function verdictOf(
  { seeds, trivial, by }: Ranking,
  first: Standing | undefined,
  best: readonly Standing[],
  all: number,
): Verdict {
  if (first === undefined) return "nothing";
  if (best.length === 0 && trivial !== undefined && by.measure in trivial.measures) return "trivial";
  if (seeds === 1) return "one seed";
  if (best.length === 1) return "single";
  return best.length === all ? "all" : "several";
}

function sentenceOf(
  verdict: Verdict,
  { by, seeds, steps, trivial }: Ranking,
  first: Standing | undefined,
  best: readonly Standing[],
  whole: readonly Standing[],
): string {
  if (verdict === "nothing" || first === undefined)
    return "No placement was trained to the end with every seed, so none can be called the best.";
  const value = `${by.measure} ${measureText(by.measure, first.measures[by.measure])}`;
  const named = nameOf(first);
  const over = `after ${steps} steps, over ${seeds} seeds`;
  switch (verdict) {
    case "trivial":
      return `No placement is better than predicting ${trivial!.predicted[by.measure]}, with ${by.measure} ${valueText(by.measure, trivial!.measures[by.measure])}: the first, ${named}, has ${value}. Train for longer or change the learning rate before you compare norms.`;
    case "one seed":
      return `${capital(named)} is first of ${whole.length}, with ${value} after ${steps} steps. With one seed it is not known whether that is chance: --seeds 5 tells.`;
    case "single":
      if (whole.length === 1)
        return `${capital(named)} is the only placement that was trained to the end: ${value} ${over}.`;
      return `${capital(named)} is the best of ${whole.length}: ${value} ${over}, and better than each of the others with 95 % confidence.`;
    case "all":
      return `No placement is known to be better than another: ${over}, the differences between all ${whole.length} are within chance. ${capital(named)} is first, with ${value}.`;
    case "several":
      return `${best.length} of ${whole.length} placements may be the best: ${few(best.map(nameOf))}. ${capital(named)} is first, with ${value} ${over}; the others cannot be told from it.`;
    default:
      return verdict satisfies never;
  }
}

function notesOf(
  verdict: Verdict,
  { by, seeds, trivial, effects, standings, steps, effectSteps }: Ranking,
  best: readonly Standing[],
  whole: readonly Standing[],
): readonly string[] {
  const notes: string[] = [];
  const bare = whole.find(({ baseline }) => baseline);
  const [first] = whole;
  if (verdict !== "nothing" && bare !== undefined) notes.push(bareNote(by, first, bare, best));
  if (verdict !== "trivial")
    notes.push(
      trivial !== undefined && by.measure in trivial.measures
        ? `To compare: learning nothing and predicting ${trivial.predicted[by.measure]} gives ${by.measure} ${valueText(by.measure, trivial.measures[by.measure])}.`
        : `What a prediction gets that learns nothing is not known for ${by.measure}.`,
    );
  // With one site, effects are differences between placements, and those are judged already.
  const judged = verdict === "all" && new Set(effects.map(({ site }) => site)).size === 1;
  const clear = effects.filter(({ difference }) => difference.interval !== undefined && !mayBeZero(difference));
  if (clear.length > 0 && !judged) notes.push(effectNote(by, clear, effectSteps === steps ? undefined : effectSteps));
  else if (effects.length > 0 && seeds > 1 && !judged)
    notes.push("Over the whole grid, no norm at any site has an effect that is more than chance.");
  const flagged = standings.filter(({ flags }) => flags.length > 0);
  if (flagged.length > 0)
    notes.push(
      `Gradients exploded or vanished in ${flagged.length} of ${standings.length} placements; the table says where.`,
    );
  const unfinished = standings.filter(({ finished, rows }) => finished < rows.length);
  if (unfinished.length > 0)
    notes.push(`${unfinished.length} of ${standings.length} placements did not finish with every seed.`);
  const left = standings.filter((one) => one.steps < steps && one.reasons.length === 0).length;
  if (left > 0) notes.push(`${left} placements were left behind on the way, after fewer steps.`);
  return notes;
}

function bareNote(by: RankedBy, first: Standing, bare: Standing, best: readonly Standing[]): string {
  const value = `${by.measure} ${measureText(by.measure, bare.measures[by.measure])}`;
  if (bare === first) return `Nothing is better than no norm at all, which has ${value}.`;
  const difference: PairedDifference | undefined = first.toBaseline;
  const against = difference === undefined ? "" : `, a difference of ${differenceText(by.measure, difference)}`;
  const known = best.includes(bare) && difference?.interval !== undefined ? "; that may be chance" : "";
  return `Without norms it is ${value}${against}${known}.`;
}

/** The strongest of the clear effects, good or bad. */
function effectNote(by: RankedBy, clear: readonly Effect[], steps: number | undefined): string {
  const ranked = [...clear].sort((a, b) => Math.abs(b.difference.mean) - Math.abs(a.difference.mean));
  const words = ranked
    .slice(0, 3)
    .map(
      ({ site, norm, difference }) =>
        `${norm} at ${site} ${merit(by, difference.mean) > 0 ? "helps" : "harms"} (${differenceText(by.measure, difference)})`,
    );
  return `On average over the grid${steps === undefined ? "" : `, after ${steps} steps`}, ${listed(words)}.`;
}

/** `hh=batch`, or words for a placement without norms. Sites without a norm are not named. */
export function nameOf({ placement, baseline }: Pick<Standing, "placement" | "baseline">): string {
  if (baseline) return "no norm at all";
  return placementText(Object.fromEntries(Object.entries(placement).filter(([, norm]) => norm !== "none")));
}

/** A placement begins with the name of a site, which stays as it is spelt. */
const capital = (words: string): string => (words.startsWith("no norm") ? `N${words.slice(1)}` : words);

/** Placements have commas of their own. */
function few(placements: readonly string[]): string {
  const most = 6;
  const more = placements.length - most;
  return [...placements.slice(0, most), ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
}

const listed = (words: readonly string[]): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;

function trainingCommand(placed: Placement, steps: number, { file, shared, place, seed, out }: TrainingLine): string {
  const all = [place, placementText(placed)].filter((text) => text !== undefined && text !== "").join(",");
  return shellWords([
    ...["cellc", "train", file, ...shared],
    ...["--place", all, "--steps", String(steps), "--seed", String(seed), "--out", `${out}-best`],
  ]);
}

/** The measures of the first placement on the test split. */
export interface TestResult {
  readonly placement: Placement;
  readonly measures: Readonly<Record<string, MeanAndDeviation>>;
}

/** `On the test split, …: accuracy 92.9 ± 0.3 %, loss 0.2201 ± 0.0100.` */
export const testWords = ({ measures }: TestResult): string =>
  `On the test split, by which nothing was chosen, the first placement has ${Object.entries(measures)
    .map(([name, spread]) => `${name} ${measureText(name, spread)}`)
    .join(", ")}.`;
