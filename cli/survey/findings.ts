/** What is suspicious about a data set. */

import { lookLines } from "../data/formats/looks.ts";
import { amount, duration, listed, number, percent } from "./numbers.ts";
import type { FoundData } from "./open-survey.ts";
import { isCopy, type Proposal } from "./proposal.ts";
import type { FieldTally, Place } from "./survey.ts";

/** A class with a larger share leaves little to learn. */
const LARGEST_SHARE = 0.95;

/** A line for each. */
export function findingsOf({ survey, files, looks }: FoundData, proposal: Proposal | undefined): readonly string[] {
  const fields = [...survey.fields.values()];
  const said: string[] = [...lookLines(Object.entries(looks))];
  const target = proposal && targetsOf(proposal);
  const targets = new Set(target);
  for (const name of targets) {
    const tally = survey.fields.get(name);
    if (tally?.isConstant) said.push(`${name}, which is to be predicted, is always the same`);
  }
  const constant = fields.filter((tally) => tally.isConstant && !targets.has(tally.name)).map(({ name }) => name);
  if (constant.length > 0) said.push(`always the same, and of no use: ${listed(constant)}`);
  const empty = fields.filter(
    ({ missing, numbers, symbols, field }) =>
      missing > 0 &&
      (field.kind === "symbol" ? symbols.distinct === 0 : numbers.every(({ moments }) => moments.count === 0)),
  );
  if (empty.length > 0) said.push(`without a single value: ${listed(empty.map(({ name }) => name))}`);
  for (const { name, missing, firstMissing } of fields)
    if (firstMissing !== undefined && !empty.some((tally) => tally.name === name))
      said.push(
        `${amount(missing, "value")} of ${name} ${missing === 1 ? "is" : "are"} missing, first at ${placeText(firstMissing, survey.sequences)}`,
      );
  if (proposal?.kind === "classification" || proposal?.kind === "tagging")
    for (const name of targets) {
      const { counts, total } = balanceOf(survey.fields.get(name)!, proposal.kind === "classification");
      const [[most, often]] = counts;
      if (counts.length > 1 && often > LARGEST_SHARE * total)
        said.push(`${percent(often / total)} of ${name} are ${most}: who always says that is as often right`);
      const rare = counts.filter(([, many]) => many < 3);
      if (rare.length > 0)
        said.push(
          `classes that come once or twice, and may be missing in a part: ${listed(rare.map(([value]) => value))}`,
        );
    }
  said.push(...copiesOf(fields, targets, proposal?.kind));
  const { time } = survey;
  if (time !== undefined) {
    if (time.firstBack !== undefined)
      said.push(
        `${amount(time.back, "time")} ${time.back === 1 ? "goes" : "go"} back, first from ${time.firstBack[0]} to ${time.firstBack[1]}: sort the rows by time, or say which column tells series apart (--group)`,
      );
    if (time.duplicates > 0)
      said.push(
        `${amount(time.duplicates, "row")} ${time.duplicates === 1 ? "has" : "have"} the time and all values of the row before`,
      );
    const other = time.repeated - time.duplicates;
    if (other > 0)
      said.push(`${amount(other, "row")} ${other === 1 ? "has" : "have"} the time of the row before, and other values`);
    const { usual, around } = time;
    if (time.irregular > 0 && usual !== undefined && around !== undefined && time.widest > usual)
      said.push(`the widest gap is ${duration(time.widest, time.areDates)}, from ${around[0]} to ${around[1]}`);
  }
  const shortest = Math.min(...survey.lengths.keys());
  if (survey.sequences > 1 && shortest < 2)
    said.push(`${amount(survey.lengths.get(shortest)!, "sequence")} of ${shortest} step`);
  if (survey.sequences > 1 && survey.sequences < 10 && survey.splits === undefined && proposal?.own.splitBy !== "time")
    said.push(`${survey.sequences} sequences are few: one or none is left to validate and to test on`);
  const stems = new Set(files.map(stemOf));
  if (files.length > 1 && stems.size > 1 && stems.size < files.length)
    said.push(`the files may be several data sets; a pattern takes one of them, in quotes: ${listed([...stems])}`);
  return said;
}

/** What a file is called apart from the words of parts and numbers. */
const stemOf = (path: string): string =>
  (path.split(/[/\\]/).at(-1) ?? path).replace(
    /(?:train(?:ing)?|valid(?:ation)?|val|dev|test(?:ing)?|eval(?:uation)?)|\.gz$|[-_.]?\d+-of-\d+/gi,
    "*",
  );

/** The columns that are predicted. */
export const targetsOf = ({ own }: Proposal): readonly string[] => [
  ...Object.values(own.target ?? {}).flat(),
  ...Object.values(own.label ?? {}),
];

/** How often each class comes, the most frequent first: in sequences or in steps. */
export function balanceOf(
  tally: FieldTally,
  perSequence: boolean,
): { readonly counts: readonly (readonly [string, number])[]; readonly total: number } {
  const counted = perSequence
    ? tally.firsts.counts
    : tally.field.kind === "symbol"
      ? tally.symbols.counts
      : tally.numbers[0].values.counts.map(([value, many]) => [String(value), many] as const);
  return { counts: counted, total: counted.reduce((sum, [, many]) => sum + many, 0) };
}

/** The most pairs of columns in a message. */
const MOST_PAIRS = 5;

function copiesOf(
  fields: readonly FieldTally[],
  targets: ReadonlySet<string>,
  kind: Proposal["kind"] | undefined,
): readonly string[] {
  const said: string[] = [];
  const leaks: string[] = [];
  for (const [at, a] of fields.entries())
    for (const b of fields.slice(at + 1)) {
      if (!isCopy(a, b)) continue;
      const target = targets.has(a.name) ? a : targets.has(b.name) ? b : undefined;
      const other = target === a ? b : a;
      if (target !== undefined && kind !== "forecast")
        leaks.push(`${other.name} has the answer in it: it is the same as ${target.name}, and left out of the inputs`);
      else said.push(`${a.name} and ${b.name} are the same`);
    }
  return [...leaks, ...said.slice(0, MOST_PAIRS)];
}

export function placeText({ sequence, step, time }: Place, sequences: number): string {
  const words = sequences > 1 ? `step ${number(step)} of sequence ${number(sequence)}` : `step ${number(step)}`;
  return time === undefined ? words : `${words} (${time})`;
}
