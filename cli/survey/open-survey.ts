/** Opens files to describe them: reads what they look like where nobody says it, and finds what tells sequences apart. */
import { openData } from "../data/array-folders.ts";
import type { ByteSource } from "../data/byte-source.ts";
import { filesAt } from "../data/data-files.ts";
import type { DataOptions } from "../data/data-options.ts";
import type { Look, TextForms } from "../data/formats/looks.ts";
import type { ReadOptions } from "../data/formats/read-options.ts";
import { isSpaced } from "../data/formats/symbols.ts";
import { baseName, formatOf, formats, openRecording, startOf } from "../data/formats.ts";
import type { OwnDataHost } from "../data/own-data.ts";
import { readingOf } from "../data/reading.ts";
import { exit, Failure } from "../failure.ts";
import { type FieldTally, type Survey, type Surveyed, surveyOf } from "./survey.ts";

/** A data set as it was found. */
export interface FoundData {
  /** As the command line has it. */
  readonly path: string;
  readonly name: string;
  readonly files: readonly string[];
  /** The format's name in the table of formats. */
  readonly format: string;
  /** What was given, and what else the reader has to be told. */
  readonly options: DataOptions;
  /** Why the latter, a line each. */
  readonly reasons: readonly string[];
  /** Columns that look like something else, as they were read first. */
  readonly looks: Readonly<Record<string, Look>>;
  readonly survey: Survey;
}

/** Throws as the readers of the formats do. */
export async function openSurvey(host: OwnDataHost, path: string, given: DataOptions): Promise<FoundData> {
  const files = await filesAt(path);
  const sources = await Promise.all(
    files.map(async (file) => ({ source: await openData(file, host.stdin), split: file.split })),
  );
  const [{ source }] = sources;
  const named = formats.find(({ name }) => name.toLowerCase() === given.format);
  const { name: format } = named ?? (await formatOf(source));
  const guess = await guessOf(source, format, given);
  for (const other of sources.slice(1)) {
    const { reasons } = await guessOf(other.source, format, given);
    if (reasons.join() === guess.reasons.join()) continue;
    const words = (of: readonly string[]): string => of.join("; ") || "it is another text";
    throw new Failure(
      "C0402",
      exit.input,
      `the files in ${path} are not of one kind: of ${source.path}, ${words(guess.reasons)}; of ${other.source.path}, ${words(reasons)}`,
      "name one of them, or put those of one kind into a folder of their own",
    );
  }
  const looks = await looksIn(
    sources.map(({ source }) => source),
    { ...guess.options, ...given },
  );
  const forms = formsOf(looks, given);
  const options = { ...guess.options, ...forms, ...given };
  const reasons = [
    ...guess.reasons,
    ...(forms.numbers === undefined ? [] : [`numbers are written as ${forms.numbers}`]),
    ...(forms.dates === undefined ? [] : [`dates have the ${forms.dates === "dmy" ? "day" : "month"} first`]),
  ];
  const survey = async (options: DataOptions): Promise<Survey> => {
    const recordings: Surveyed[] = [];
    for (const { source, split } of sources)
      recordings.push({ recording: await openRecording(source, readOptions(options)), ...(split && { split }) });
    return surveyOf(recordings, options);
  };
  const found = { path, name: baseName(path === "-" ? "stdin" : path), files: files.map(({ path }) => path) };
  const known = { ...found, format: guess.format ?? format, looks };
  const isTable = format === "CSV" || format === "Parquet";
  const whole = await survey(options);
  const counter = isTable && options.timeColumn === undefined ? counterIn(whole) : undefined;
  if (counter !== undefined) {
    const own = { ...options, timeColumn: counter };
    return { ...known, options: own, reasons: [...reasons, `${counter} counts the steps`], survey: await survey(own) };
  }
  const mayHaveGroups = isTable && options.group === undefined;
  const group = mayHaveGroups
    ? (whole.time?.back ?? 0) > 0
      ? await groupInOrder(whole, options, survey)
      : groupIn(whole)
    : undefined;
  if (group === undefined) return { ...known, options, reasons, survey: whole };
  const own = { ...options, group };
  return { ...known, options: own, reasons: [...reasons, `${group} tells sequences apart`], survey: await survey(own) };
}

/** What columns of texts look like, by the first file in which they do. */
async function looksIn(sources: readonly ByteSource[], options: DataOptions): Promise<Readonly<Record<string, Look>>> {
  const found: Record<string, Look> = {};
  for (const source of sources) {
    const { looks = {} } = await openRecording(source, readOptions(options));
    for (const [name, look] of Object.entries(looks))
      if (options.symbols?.includes(name) !== true) found[name] ??= look;
  }
  return found;
}

/** How numbers and dates are written, if all that tells it says the same, and nothing was said. */
function formsOf(looks: Readonly<Record<string, Look>>, given: TextForms): TextForms {
  const certain = Object.values(looks).map((look) => look.certain ?? {});
  const only = <T>(values: readonly (T | undefined)[]): T | undefined => {
    const told = new Set(values.filter((value) => value !== undefined));
    return told.size === 1 ? [...told][0] : undefined;
  };
  const numbers = given.numbers === undefined ? only(certain.map((of) => of.numbers)) : undefined;
  const dates = given.dates === undefined ? only(certain.map((of) => of.dates)) : undefined;
  return { ...(numbers && { numbers }), ...(dates && { dates }) };
}

const readOptions = ({ symbols, ...options }: DataOptions): ReadOptions => ({
  ...readingOf(options),
  missing: "kept",
  anyOrder: true,
  ...(symbols && { texts: new Set(symbols) }),
});

/** Names of columns that tell sequences apart, as a word of the name. */
const GROUP =
  /(?:^|[_\s.-])(?:id|ids|group|series|sequence|seq|session|subject|patient|user|customer|store|shop|product|item|device|sensor|machine|unit|trial|block|symbol|ticker)(?:$|[_\s.-])/i;

/** Sequences of fewer steps, on average, are none. */
const LEAST_STEPS = 3;

/** The column that tells sequences apart in a table that was read as one. */
function groupIn({ fields, steps }: Survey): string | undefined {
  const found = [...fields.values()].find(
    (tally) => GROUP.test(tally.name) && tally.tellsApart && steps >= LEAST_STEPS * tally.runs,
  );
  return found?.name;
}

/** Names of columns of times that are numbers. */
const COUNTER = /^(?:t|time|timestamp|ts|epoch|unix|year|index|idx|step|second|seconds)$/i;

/** The column that has the times of a table without dates, in numbers that rise with each row. */
function counterIn({ fields, sequences, time }: Survey): string | undefined {
  if (time !== undefined || sequences > 1) return undefined;
  return [...fields.values()].find(
    ({ name, numbers, width, missing, isRising }) =>
      numbers.length > 0 && width === 1 && missing === 0 && isRising && COUNTER.test(name),
  )?.name;
}

/** Columns that are tried. */
const MOST_TRIED = 12;

/** The column by whose values the times never go back, in a table in which they do. */
async function groupInOrder(
  whole: Survey,
  options: DataOptions,
  survey: (options: DataOptions) => Promise<Survey>,
): Promise<string | undefined> {
  const rank = ({ name, field }: FieldTally): number => (GROUP.test(name) ? 0 : field.kind === "symbol" ? 1 : 2);
  const columns = [...whole.fields.values()]
    .filter((tally) => tally.tellsApart && whole.steps >= LEAST_STEPS * tally.runs)
    .toSorted((a, b) => rank(a) - rank(b))
    .slice(0, MOST_TRIED);
  for (const { name } of columns) {
    const found = await survey({ ...options, group: name });
    if (found.time?.back === 0) return name;
  }
  return undefined;
}

interface Guess {
  readonly options: DataOptions;
  readonly format?: string;
  readonly reasons: readonly string[];
}

/** Bytes from which a text's unit is seen. */
const START = 2 ** 16;

/** What a text is made of. Other formats say it themselves. */
async function guessOf(source: ByteSource, format: string, given: DataOptions): Promise<Guess> {
  if (format !== "text" || given.unit !== undefined) return { options: {}, reasons: [] };
  const bytes = await startOf(source, START);
  const text = new TextDecoder().decode(bytes, { stream: true });
  // The last line may be cut.
  const lines = text.split(/\r?\n/);
  const whole = bytes.length < START || lines.length === 1 ? lines : lines.slice(0, -1);
  const full = whole.filter((line) => line.trim() !== "");
  if (full.length > 1 && full.every((line) => /^\s*\d+(?:\s+\d+)*\s*$/.test(line)))
    return { options: { unit: "words", lines: true }, reasons: ["its lines are of keys, and each is a sequence"] };
  if (/\.log(?:\.gz)?$/i.test(source.path))
    return { options: { unit: "words", lines: true }, reasons: ["it is a log, and each line is a sequence"] };
  if (isSpaced(text)) return { options: { unit: "spaced-characters" }, reasons: ["a space follows each character"] };
  if (/(?:^|\s)<unk>(?:\s|$)/.test(text))
    return {
      options: { unit: "words", lineEnd: "<eos>" },
      reasons: ["it has the word <unk>, so its symbols are words"],
    };
  return { options: {}, reasons: [] };
}
