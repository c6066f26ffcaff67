/** What columns of texts look like if it is something else: numbers in another form, dates in another order. */
import { type DateOrder, dateOrders, readDate } from "./date.ts";
import { type NumberForm, type NumberFormName, numberFormNames, numberForms, USUAL_NUMBERS } from "./number-forms.ts";
import type { ColumnKind } from "./table.ts";

/** How numbers and dates are written in a file. */
export interface TextForms {
  /** Default: `USUAL_NUMBERS`. */
  readonly numbers?: NumberFormName;
  /** Of dates with slashes or dashes and the year last. Default: these are texts. */
  readonly dates?: DateOrder;
}

/** What a column looks like: one of texts that is something else, or one of numbers that may have been misread. */
export interface Look {
  readonly kind: "number" | "date";
  /** `"1,100.5" looks like a number with commas between thousands`. */
  readonly why: string;
  /** What reads it: `--numbers 1,234.5`; or what to write instead. */
  readonly help: string;
  /** What reads it, where no value of the file can mean anything else. */
  readonly certain?: TextForms;
}

/** A column as the first rows of a file have it. */
export interface SampledColumn {
  readonly name: string;
  readonly kind: ColumnKind;
  /** Those that are not missing, in order. */
  readonly texts: readonly string[];
}

/** Columns look like something if this share of their values does. */
const NEARLY_ALL = 0.9;

/** A form or an order, and which texts it reads. */
interface Reader<T> {
  readonly of: T;
  readonly flag: string;
  readonly words: string;
  read(text: string): number | undefined;
}

const numberReaders: readonly Reader<NumberFormName>[] = numberFormNames.map((of) => {
  const form: NumberForm = numberForms[of];
  return {
    ...{ of, flag: `--numbers ${of}`, words: form.words },
    read: (text) => (form.is(text) ? Number(form.plain(text)) : undefined),
  };
});

const dateReaders: readonly Reader<DateOrder>[] = dateOrders.map((of) => ({
  ...{ of, flag: `--dates ${of}`, words: of === "dmy" ? "with the day first" : "with the month first" },
  read: (text) => readDate(text, of),
}));

/** By the names of columns. `delimiter`: what stands between the values of a line. */
export function looksOf(
  columns: readonly SampledColumn[],
  given: TextForms,
  delimiter: string,
): Readonly<Record<string, Look>> {
  const { numbers = USUAL_NUMBERS, dates } = given;
  const texts = columns.filter(({ kind, texts }) => kind === "text" && texts.length > 0);
  const looks: Record<string, Look> = {};
  const asDates = candidatesOf(texts, dateReaders, dates);
  const order = onlyOne([...asDates.keys()], dateReaders, dates);
  for (const [column, readers] of asDates)
    looks[column.name] = lookOf("date", column, readers, order, order && { dates: order.of });
  // Where most values are whole numbers, a column is one of numbers, and the others show how it is written.
  const numbersOrTexts = columns.filter(({ kind }) => kind !== "date");
  const asNumbers = candidatesOf(numbersOrTexts, numberReaders, numbers);
  const all = numbersOrTexts.filter((column) => column.kind === "number" || asNumbers.has(column));
  const form = asNumbers.size === 0 ? undefined : onlyOne(all, numberReaders, numbers);
  // In a line with commas between values, a comma in quotes may stand between two words of a list.
  const isDecimal =
    delimiter !== "," || [...asNumbers.keys()].some(({ texts }) => texts.some((text) => /\..*,/.test(text)));
  const isCertain = form !== undefined && (form.of !== "1.234,5" || isDecimal);
  for (const [column, readers] of asNumbers)
    looks[column.name] = lookOf("number", column, readers, form, isCertain ? { numbers: form.of } : undefined);
  const isTold = isCertain || given.numbers !== undefined;
  const isEuropean = delimiter === ";" && columns.some(({ kind, texts }) => kind === "date" && DOTS.test(texts[0]));
  for (const column of columns.filter(({ kind, name }) => kind === "number" && looks[name] === undefined)) {
    const doubt = dateLook(column) ?? (isTold ? undefined : thousandsLook(column, isEuropean));
    if (doubt !== undefined) looks[column.name] = doubt;
  }
  for (const column of texts) {
    const other = looks[column.name] === undefined ? otherLook(column) : undefined;
    if (other !== undefined) looks[column.name] = other;
  }
  return looks;
}

/** The columns of which other readers read more than that of `now`, with those that read nearly all: one of those that mean the same. */
function candidatesOf<T>(
  columns: readonly SampledColumn[],
  readers: readonly Reader<T>[],
  now: T | undefined,
): ReadonlyMap<SampledColumn, readonly Reader<T>[]> {
  const found = new Map<SampledColumn, readonly Reader<T>[]>();
  const present = readers.find(({ of }) => of === now);
  for (const column of columns) {
    const unread = new Set(column.texts.filter((text) => present?.read(text) === undefined));
    const able = readers.filter(({ of, read }) => {
      const texts = column.texts.filter((text) => read(text) !== undefined);
      return of !== now && texts.length >= NEARLY_ALL * column.texts.length && texts.some((text) => unread.has(text));
    });
    const differing = able.filter(
      (reader, at) => !able.slice(0, at).some((other) => meansTheSame(column.texts, reader, other)),
    );
    if (differing.length > 0) found.set(column, differing);
  }
  return found;
}

const meansTheSame = <T>(texts: readonly string[], a: Reader<T>, b: Reader<T>): boolean =>
  texts.every((text) => a.read(text) === b.read(text));

/** The only reader, apart from that of `now`, that reads every value of some columns. */
function onlyOne<T>(
  columns: readonly SampledColumn[],
  readers: readonly Reader<T>[],
  now: T | undefined,
): Reader<T> | undefined {
  const able = readers.filter(
    ({ of, read }) => of !== now && columns.every(({ texts }) => texts.every((text) => read(text) !== undefined)),
  );
  return columns.length > 0 && able.length === 1 ? able[0] : undefined;
}

/** `only`: what the whole file says that it is. */
function lookOf<T>(
  kind: Look["kind"],
  { texts }: SampledColumn,
  readers: readonly Reader<T>[],
  only: Reader<T> | undefined,
  certain: TextForms | undefined,
): Look {
  const [reader, other] = only === undefined ? readers : [only];
  if (other === undefined) {
    const seen = texts.find((text) => reader.read(text) !== undefined && tells(text, kind)) ?? texts[0];
    return {
      ...{ kind, why: `"${seen}" looks like a ${kind} ${reader.words}`, help: reader.flag },
      ...(certain && { certain }),
    };
  }
  const seen = texts.find((text) => reader.read(text) !== other.read(text)) ?? texts[0];
  const meaning =
    kind === "number" ? `, ${reader.read(seen)} or ${other.read(seen)}` : ` ${reader.words}, or ${other.words}`;
  return { kind, why: `"${seen}" looks like a ${kind}${meaning}`, help: `${reader.flag}, or ${other.flag}` };
}

/** Whether a text shows more than others how it is to be read. */
const tells = (text: string, kind: Look["kind"]): boolean =>
  kind === "number" ? /[.,]/.test(text) : text.split(/[/-]/).some((part, at) => at < 2 && Number(part) > 12);

/** Looks by the names of columns, a line for all of a kind: `Open, Close: "1,100.5" looks like a number …: --numbers 1,234.5`. */
export function lookLines(looks: readonly (readonly [column: string, look: Look])[]): readonly string[] {
  const kinds = new Map<string, (readonly [string, Look])[]>();
  for (const entry of looks) {
    const kind = `${entry[1].kind} ${entry[1].help}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), entry]);
  }
  return [...kinds.values()].map((same) => {
    const [[, { why, help }]] = same;
    const names = same.slice(0, MOST_NAMED).map(([name]) => name);
    const more = same.length > MOST_NAMED ? ` and ${same.length - MOST_NAMED} more` : "";
    return `${names.join(", ")}${more}: ${why}: ${help}`;
  });
}

/** The most columns in a line. */
const MOST_NAMED = 12;

/** A number with a blank between thousands, or with something before or behind it that is no part of it. */
const BLANKS = /^[+-]?\d{1,3}(?:[\s'’]\d{3})+(?:[.,]\d*)?$/;
const NUMBER = String.raw`[+-]?\d[\d.,\s]*`;
const MONEY = "[$€£¥]|EUR|USD|GBP|CHF|JPY";
const UNIT = new RegExp(String.raw`^(?:(${MONEY}) ?${NUMBER}|${NUMBER}(${MONEY}|[%‰°]|°[CF]| \D{1,6}))$`);

const OTHER_DATES = "write dates as 2020-12-31 or 31.12.2020";

const COMPACT_DATE = /^(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])$/;

const CLOCK = /^\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?$/;

const MONTHS =
  "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?";
const [DAY, MONTH, YEAR] = ["(?:0?[1-9]|[12]\\d|3[01])", "(?:0?[1-9]|1[0-2])", "(?:19|20)\\d\\d"];

/** Dates that are not read in any way: with a year of two digits, with the name of a month, or without a day. */
const OTHER_DATE = new RegExp(
  `^(?:${[
    String.raw`${DAY}([./-])${MONTH}\1\d\d`,
    String.raw`${MONTH}([./-])${DAY}\2\d\d`,
    `${YEAR}[-/.]${MONTH}`,
    `${MONTH}[-/]${YEAR}`,
    `${YEAR}[- ]?Q[1-4]`,
    String.raw`(?:${MONTHS})[-. ]+(?:${YEAR}|\d\d)`,
    String.raw`${DAY}[-. ]+(?:${MONTHS})[-., ]+(?:${YEAR}|\d\d)`,
    String.raw`(?:${MONTHS})\.? ${DAY}, ?${YEAR}`,
  ].join("|")})(?:[T ,]+\\d{1,2}:\\d{2}.*)?$`,
  "i",
);

function dateLook({ texts }: SampledColumn): Look | undefined {
  if (texts.length === 0 || !texts.every((text) => COMPACT_DATE.test(text))) return undefined;
  return { kind: "date", why: `"${texts[0]}" looks like a date, and is read as a number`, help: OTHER_DATES };
}

const DOTS = /^\d{1,2}\.\d/;

/**
 * For numbers that may have points between thousands: those with a point have three digits behind it, and the others are below 1000.
 * Where all have one, the digits may as well show how precise they are, unless the file is `isEuropean` in other ways.
 */
function thousandsLook({ texts }: SampledColumn, isEuropean: boolean): Look | undefined {
  const pointed = texts.filter((text) => text.includes("."));
  const isSmall = (text: string): boolean => text.includes(".") || /^[+-]?\d{1,3}$/.test(text);
  const are = pointed.every((text) => /^[+-]?[1-9]\d{0,2}\.\d{3}$/.test(text)) && texts.every(isSmall);
  if (pointed.length === 0 || !are || (pointed.length === texts.length && !isEuropean)) return undefined;
  const [text] = pointed;
  return {
    kind: "number",
    why: `"${text}" is read as ${Number(text)}, and may be ${Number(text.replace(".", ""))}`,
    help: "--numbers 1.234,5 then, else --numbers 1234.5",
  };
}

function otherLook({ texts }: SampledColumn): Look | undefined {
  const nearlyAll = (is: (text: string) => boolean): boolean => texts.filter(is).length >= NEARLY_ALL * texts.length;
  const unit = texts.map((text) => UNIT.exec(text)).find((found) => found !== null);
  const [around] = unit?.slice(1).filter((part) => part !== undefined) ?? [];
  if (around !== undefined && nearlyAll((text) => UNIT.test(text) && text.includes(around)))
    return {
      kind: "number",
      why: `"${texts.find((text) => UNIT.test(text))}" looks like a number and "${around.trim()}"`,
      help: "write the numbers alone, and the unit into the name of the column",
    };
  if (
    nearlyAll((text) => BLANKS.test(text) || /^[+-]?\d{1,3}(?:[.,]\d*)?$/.test(text)) &&
    texts.some((text) => BLANKS.test(text))
  )
    return {
      kind: "number",
      why: `"${texts.find((text) => BLANKS.test(text))}" looks like a number with blanks between thousands`,
      help: "write numbers without them",
    };
  if (nearlyAll((text) => OTHER_DATE.test(text)))
    return { kind: "date", why: `"${texts[0]}" looks like a date`, help: OTHER_DATES };
  if (nearlyAll((text) => CLOCK.test(text)))
    return {
      ...{ kind: "date", why: `"${texts[0]}" looks like the time of a day` },
      help: "write it behind the date, as in 2020-12-31 23:45",
    };
  return undefined;
}
