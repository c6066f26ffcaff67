/** Dates in data files. */

/** What comes first in a date with slashes or dashes whose year is last: the day or the month. */
export type DateOrder = "dmy" | "mdy";

export const dateOrders: readonly DateOrder[] = ["dmy", "mdy"];

const CLOCK = String.raw`(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?: ?([AaPp][Mm]))?(?: ?(Z|UTC|[+-]\d{2}:?\d{2}))?)?$`;

const YEAR_FIRST = new RegExp(String.raw`^(\d{4})([./-])(\d{1,2})\2(\d{1,2})${CLOCK}`);

const YEAR_LAST = new RegExp(String.raw`^(\d{1,2})([./-])(\d{1,2})\2(\d{4})${CLOCK}`);

/** How a date is written: its parts as they stand there. */
export interface WrittenDate {
  readonly order: "ymd" | DateOrder;
  readonly separator: string;
  readonly year: string;
  readonly month: string;
  readonly day: string;
  readonly hour?: string;
  readonly minute?: string;
  readonly second?: string;
  readonly fraction?: string;
  /** AM or PM. */
  readonly half?: string;
  readonly zone?: string;
}

/**
 * The parts of a date, which the calendar need not have; undefined for another text. With dots, the day comes first; with slashes or
 * dashes and the year last, `order` says what does, and without it the text is no date.
 */
export function writtenDate(text: string, order?: DateOrder): WrittenDate | undefined {
  const first = YEAR_FIRST.exec(text);
  const found = first ?? YEAR_LAST.exec(text);
  if (found === null) return undefined;
  const [, a, separator, b, c, hour, minute, second, fraction, half, zone] = found;
  const clock = { hour, minute, second, fraction, half, zone };
  if (first !== null) return { order: "ymd", separator, year: a, month: b, day: c, ...clock };
  const own = separator === "." ? "dmy" : order;
  if (own === undefined) return undefined;
  const [day, month] = own === "dmy" ? [a, b] : [b, a];
  return { order: own, separator, year: c, month, day, ...clock };
}

/**
 * The time of a date in milliseconds since 1970; undefined for another text and for a date that the calendar lacks. Without a zone,
 * UTC stands for all dates of a column alike, so that their order and distances are right.
 */
export function readDate(text: string, order?: DateOrder): number | undefined {
  const written = writtenDate(text, order);
  if (written === undefined) return undefined;
  const [month, day] = [Number(written.month), Number(written.day)];
  const hour = hourOf(written);
  const [minute, second] = [Number(written.minute ?? 0), Number(written.second ?? 0)];
  if (hour === undefined || hour > 23 || minute > 59 || second > 59) return undefined;
  // Date.UTC takes a year below 100 for one of the twentieth century.
  const back = new Date(0);
  back.setUTCFullYear(Number(written.year), month - 1, day);
  if (back.getUTCMonth() !== month - 1 || back.getUTCDate() !== day) return undefined;
  const time = back.setUTCHours(hour, minute, second);
  return time + Number(`0.${written.fraction ?? 0}`) * 1000 - zoneOf(written.zone);
}

/** The hour of a day of 24; undefined for one that a clock of twelve lacks. */
function hourOf({ hour = "0", half }: WrittenDate): number | undefined {
  const shown = Number(hour);
  if (half === undefined) return shown;
  if (shown < 1 || shown > 12) return undefined;
  return (shown % 12) + (half.toLowerCase() === "pm" ? 12 : 0);
}

/** `+02:00` → its milliseconds. */
function zoneOf(zone: string | undefined): number {
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})$/.exec(zone ?? "") ?? [];
  if (sign === undefined) return 0;
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}
