/** Dates in data files. */

const DATE =
  /^(\d{4})([-/])(\d{1,2})\2(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?: ?(Z|UTC|[+-]\d{2}:?\d{2}))?)?$/;

/**
 * The time of a date in milliseconds since 1970; undefined for another text and for a date that the calendar lacks. Without a zone,
 * UTC stands for all dates of a column alike, so that their order and distances are right.
 */
export function readDate(text: string): number | undefined {
  const found = DATE.exec(text);
  if (found === null) return undefined;
  const [year, , month, day, hour = 0, minute = 0, second = 0] = found
    .slice(1, 8)
    .map((part, at) => (at === 1 || part === undefined ? undefined : Number(part))) as [
    number,
    undefined,
    number,
    number,
    number?,
    number?,
    number?,
  ];
  const time = Date.UTC(year, month - 1, day, hour, minute, second);
  const back = new Date(time);
  const inCalendar = back.getUTCMonth() === month - 1 && back.getUTCDate() === day;
  if (!inCalendar || hour > 23 || minute > 59 || second > 59) return undefined;
  return time + Number(`0.${found[8] ?? 0}`) * 1000 - zoneOf(found[9]);
}

/** `+02:00` → its milliseconds. */
function zoneOf(zone: string | undefined): number {
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})$/.exec(zone ?? "") ?? [];
  if (sign === undefined) return 0;
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}
