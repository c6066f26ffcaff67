/** Dates and numbers of a time column beyond its last row. */
import { type DateOrder, readDate, type WrittenDate, writtenDate } from "./formats/date.ts";

/** The zone behind a clock; what is before it is what the clock shows. */
const ZONE = /(?<=:\d{2}(?:[.,]\d+)?(?: ?[AaPp][Mm])?)(?: ?(?:Z|UTC|[+-]\d{2}:?\d{2}))$/;

/**
 * The texts of a time column `counts` rows after its last one, if what is known of it, in order, has equal distances: of time, or of months.
 * They are written as those are. `order`: of dates with slashes or dashes and the year last. Undefined for a column that is not regular,
 * or too short to tell.
 */
export function continued(
  known: readonly string[],
  counts: readonly number[],
  order?: DateOrder,
): readonly string[] | undefined {
  if (known.length < 3) return undefined;
  const last = known[known.length - 1];
  if (known.every((text) => text.trim() !== "" && Number.isFinite(Number(text)))) {
    const numbers = known.map(Number);
    const step = (numbers[numbers.length - 1] - numbers[0]) / (numbers.length - 1);
    // What is written in decimals has no exact distance.
    const near = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-6 * Math.abs(step);
    if (step === 0 || !numbers.every((value, i) => i === 0 || near(value - numbers[i - 1], step))) return undefined;
    return counts.map((count) => String(Number((Number(last) + count * step).toPrecision(15))));
  }
  const zone = ZONE.exec(last)?.[0] ?? "";
  const clocks = known.map((text) => readDate(text.replace(ZONE, ""), order));
  const times = known.map((text) => readDate(text, order));
  const forms = known.map((text) => writtenDate(text, order));
  if (!areKnown(times) || !areKnown(clocks) || !areKnown(forms)) return undefined;
  const write = (clock: number): string => `${dateLike(clock, last, forms)}${zone}`;
  if (!known.every((text) => (ZONE.exec(text)?.[0] ?? "") === zone)) return undefined;
  // A year and a month first: three years without a leap day between them have equal distances, too.
  const months = differences(clocks.map(monthOf));
  const isMonthly =
    months[0] > 0 && months.every((gap) => gap === months[0]) && new Set(clocks.map(withinMonth)).size === 1;
  if (isMonthly) {
    const from = new Date(clocks[clocks.length - 1]);
    return counts.map((count) => {
      const to = new Date(from);
      to.setUTCMonth(from.getUTCMonth() + count * months[0]);
      return write(to.getTime());
    });
  }
  const gaps = differences(times);
  if (gaps[0] <= 0 || gaps.some((gap) => gap !== gaps[0])) return undefined;
  return counts.map((count) => write(clocks[clocks.length - 1] + count * gaps[0]));
}

const areKnown = <T>(values: readonly (T | undefined)[]): values is readonly T[] =>
  values.every((value) => value !== undefined);

const differences = (values: readonly number[]): readonly number[] =>
  values.slice(1).map((value, i) => value - values[i]);

function monthOf(time: number): number {
  const date = new Date(time);
  return 12 * date.getUTCFullYear() + date.getUTCMonth();
}

/** The day and the time of day: the same for monthly dates. From the 29th on, where not every month has such a day, never the same. */
function withinMonth(time: number): number {
  const date = new Date(time);
  return date.getUTCDate() > 28 ? -time : time - Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
}

/** A date without zone, written as the last of the known ones, `text`, is, and filled up with zeros as all of them are. */
function dateLike(time: number, text: string, known: readonly WrittenDate[]): string {
  const date = new Date(time);
  const like = known[known.length - 1];
  const padded = (value: number, part: "day" | "month" | "hour"): string =>
    String(value).padStart(known.some((one) => one[part]?.length === 1) ? 1 : 2, "0");
  const parts = {
    y: String(date.getUTCFullYear()).padStart(4, "0"),
    m: padded(date.getUTCMonth() + 1, "month"),
    d: padded(date.getUTCDate(), "day"),
  };
  const day = Array.from(like.order, (part) => parts[part as keyof typeof parts]).join(like.separator);
  const { half, second, fraction } = like;
  if (like.hour === undefined) return day;
  const between = /\dT/.test(text) ? "T" : " ";
  const hours = half === undefined ? date.getUTCHours() : ((date.getUTCHours() + 11) % 12) + 1;
  const two = (value: number): string => String(value).padStart(2, "0");
  const clock = [
    padded(hours, "hour"),
    two(date.getUTCMinutes()),
    ...(second === undefined ? [] : [two(date.getUTCSeconds())]),
  ];
  const thousandths = String(Math.round(date.getUTCMilliseconds())).padStart(3, "0");
  const rest =
    fraction === undefined
      ? ""
      : `${text.includes(`,${fraction}`) ? "," : "."}${thousandths.padEnd(fraction.length, "0").slice(0, fraction.length)}`;
  return `${day}${between}${clock.join(":")}${rest}${half === undefined ? "" : halfLike(date.getUTCHours(), half, text)}`;
}

/** ` PM`, with or without the blank, in the letters of `half`. */
function halfLike(hour: number, half: string, text: string): string {
  const words = hour < 12 ? "AM" : "PM";
  return `${text.includes(` ${half}`) ? " " : ""}${half === half.toLowerCase() ? words.toLowerCase() : words}`;
}
