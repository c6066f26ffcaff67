/** What is said of a data set: lines and a table for people, a document for programs. */
import type { Output, TableCell } from "../output.ts";
import { sparkline } from "../report/sparkline.ts";
import { lengthBins } from "./bins.ts";
import { balanceOf, placeText, targetsOf } from "./findings.ts";
import { amount, duration, number, percent, symbolText, whole } from "./numbers.ts";
import type { FoundData } from "./open-survey.ts";
import type { Proposal } from "./proposal.ts";
import type { FieldTally, Survey, TimeTally } from "./survey.ts";

/** Rows of the table of columns. */
const MOST_ROWS = 40;

/** Symbols that are named. */
const MOST_SYMBOLS = 16;

/** Classes that are named. */
const MOST_CLASSES = 12;

/** The document has no more values of a column. */
const MOST_LISTED = 100;

export function sayFound(
  output: Pick<Output, "say" | "table" | "colors">,
  found: FoundData,
  proposal: Proposal | undefined,
): void {
  const { survey, format, path, files, reasons } = found;
  const where = files.length > 1 ? `${path}, ${whole(files.length)} files` : path;
  output.say(`${output.colors.bold(where)}: ${format}${reasons.length === 0 ? "" : ` (${reasons.join("; ")})`}`);
  output.say(lengthWords(survey));
  if (survey.time !== undefined) output.say(timeWords(survey.time));
  const rows = [...survey.fields.values()].flatMap(rowsOf);
  if (rows.length > 0) {
    output.say();
    output.table(["column", "has", "of", "from", "to", "mean", "deviation", "missing"], rows.slice(0, MOST_ROWS));
    if (rows.length > MOST_ROWS) output.say(`and ${whole(rows.length - MOST_ROWS)} more; --json has all of them`);
  }
  const classes = proposal === undefined ? [] : classWords(survey, proposal);
  const named = new Set(classes.length === 0 ? [] : targetsOf(proposal!));
  const symbols = [...survey.fields.values()].filter(
    ({ name, field, symbols }) => field.kind === "symbol" && symbols.distinct > 0 && !named.has(name),
  );
  if (symbols.length + classes.length > 0) output.say();
  for (const tally of symbols) output.say(symbolWords(tally));
  for (const line of classes) output.say(line);
}

function lengthWords({ sequences, steps, lengths, splits }: Survey): string {
  const [least, most] = [Math.min(...lengths.keys()), Math.max(...lengths.keys())];
  const parts =
    splits === undefined
      ? ""
      : `; ${whole(splits.train)} for training, ${whole(splits.validation)} for validation, ${whole(splits.test)} for testing`;
  if (sequences === 1) return `${amount(steps, "step")} in one sequence${parts}`;
  const each =
    least === most
      ? `of ${amount(least, "step")} each`
      : `of ${whole(least)} to ${amount(most, "step")}, ${number(steps / sequences)} on average`;
  const { counts } = lengthBins(lengths, BINS);
  return `${amount(sequences, "sequence")} ${each}${counts.length > 1 ? ` ${sparkline(counts, 0, Math.max(...counts))}` : ""}${parts}`;
}

/** Bars of a histogram in a line. */
const BINS = 16;

function timeWords(time: TimeTally): string {
  const { name, first, last, usual, irregular, areDates } = time;
  const from = `${name}: ${first} to ${last}`;
  if (usual === undefined || usual < 0) return from;
  if (time.isMonthly && irregular === 0 && time.distances.distinct > 1) return `${from}, every month`;
  const every = `${from}, every ${duration(usual, areDates).replace(/^1 /, "")}`;
  return irregular === 0 || time.back > 0
    ? every
    : `${every}, but for ${amount(irregular, "step")} with other distances`;
}

function rowsOf(tally: FieldTally): readonly TableCell[][] {
  const { name, field, width, numbers, symbols, missing } = tally;
  const of = field.over === "steps" ? "steps" : "sequences";
  if (field.kind === "label") return [];
  if (field.kind === "symbol") {
    const many = symbols.isFull ? `more than ${whole(symbols.distinct)}` : whole(symbols.distinct);
    return [[name, `${many} ${symbols.distinct === 1 ? "symbol" : "symbols"}`, of, "", "", "", "", gaps(missing)]];
  }
  return numbers.map(({ moments, values, isWhole, missing }, i) => {
    const { least, most, mean, deviation, count } = moments;
    const kind =
      count === 0
        ? "nothing"
        : least === most
          ? "one number"
          : isWhole
            ? values.isFull
              ? "whole numbers"
              : `${whole(values.distinct)} whole numbers`
            : "numbers";
    const numbers = count === 0 ? ["", "", "", ""] : [least, most, mean, deviation].map(number);
    return [width === 1 ? name : `${name}[${i}]`, kind, of, ...numbers, gaps(missing)];
  });
}

const gaps = (missing: number): string => (missing === 0 ? "" : whole(missing));

function symbolWords({ name, symbols }: FieldTally): string {
  const { counts } = symbols;
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  const shown = counts
    .slice(0, MOST_SYMBOLS)
    .map(([symbol, count]) => `${symbolText(symbol)} ${percent(count / total)}`);
  const rare = counts.filter(([, count]) => count === 1).length;
  return `${counts.length > MOST_SYMBOLS ? `the most frequent of ${name}` : name}: ${shown.join(", ")}${rare > 0 ? `; ${whole(rare)} come only once` : ""}`;
}

/** How many sequences or steps have each class, if these are not symbols that have been named already. */
function classWords({ fields }: Survey, proposal: Proposal): readonly string[] {
  if (proposal.kind !== "classification" && proposal.kind !== "tagging") return [];
  const perSequence = proposal.kind === "classification";
  return targetsOf(proposal).flatMap((name) => {
    const tally = fields.get(name);
    if (tally === undefined) return [];
    const { counts, total } = balanceOf(tally, perSequence);
    const shown = counts
      .slice(0, MOST_CLASSES)
      .map(([value, count]) => `${symbolText(value)} ${percent(count / total)}`);
    const more = counts.length > MOST_CLASSES ? `, and ${counts.length - MOST_CLASSES} more` : "";
    return [`classes of ${name}, of ${perSequence ? "sequences" : "steps"}: ${shown.join(", ")}${more}`];
  });
}

/** The document of `--json`, without the proposal. */
export function documentOf({ path, files, format, options, survey }: FoundData): Readonly<Record<string, unknown>> {
  const { sequences, steps, lengths, splits, time } = survey;
  return {
    ...{ path, files, format, options, sequences, steps, ...(splits && { splits }) },
    lengths: {
      least: Math.min(...lengths.keys()),
      most: Math.max(...lengths.keys()),
      mean: steps / sequences,
      counts: [...lengths].map(([length, count]) => ({ length, count })),
    },
    ...(time && {
      time: {
        ...{ column: time.name, dates: time.areDates, first: time.first, last: time.last, distance: time.usual },
        ...{
          irregular: time.irregular,
          back: time.back,
          repeated: time.repeated,
          duplicates: time.duplicates,
          widest: time.widest,
        },
      },
    }),
    columns: [...survey.fields.values()]
      .filter(({ field }) => field.kind !== "label")
      .map((tally) => columnDocument(tally, sequences)),
  };
}

function columnDocument(tally: FieldTally, sequences: number): Readonly<Record<string, unknown>> {
  const { name, field, missing, firstMissing, numbers, symbols } = tally;
  const common = {
    ...{ name, kind: field.kind, over: field.over, missing, constant: tally.isConstant },
    ...(firstMissing && { firstMissing: { ...firstMissing, words: placeText(firstMissing, sequences) } }),
  };
  if (field.kind === "symbol")
    return {
      ...common,
      distinct: symbols.distinct,
      all: !symbols.isFull,
      counts: symbols.counts.slice(0, MOST_LISTED).map(([symbol, count]) => ({ symbol, count })),
    };
  return {
    ...common,
    shape: field.kind === "number" ? field.shape : [],
    numbers: numbers.map(({ moments, isWhole, values, missing }) => ({
      ...(moments.count > 0 && {
        least: moments.least,
        most: moments.most,
        mean: moments.mean,
        deviation: moments.deviation,
      }),
      ...{ missing, whole: isWhole },
      ...(!values.isFull &&
        values.distinct <= MOST_LISTED && { counts: values.counts.map(([value, count]) => ({ value, count })) }),
    })),
  };
}
