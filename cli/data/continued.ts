/** Dates and numbers of a time column beyond its last row. */
import { readDate } from "./formats/date.ts";

/** The zone of a date; what is before it is what a clock shows. */
const ZONE = /(Z| ?UTC|[+-]\d{2}:?\d{2})$/;

/**
 * The texts of a time column `counts` rows after its last one, if what is known of it, in order, has equal distances: of time, or of months.
 * Undefined for a column that is not regular, or too short to tell.
 */
export function continued(known: readonly string[], counts: readonly number[]): readonly string[] | undefined {
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
  const clocks = known.map((text) => readDate(text.replace(ZONE, "")));
  const times = known.map(readDate);
  if (!areKnown(times) || !areKnown(clocks)) return undefined;
  const write = (clock: number): string => `${dateLike(clock, known)}${zone}`;
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

const areKnown = (values: readonly (number | undefined)[]): values is readonly number[] =>
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

/** A date without zone, in the form of the known ones: their separators, and whether they fill up with zeros. */
function dateLike(time: number, known: readonly string[]): string {
  const date = new Date(time);
  const like = known[known.length - 1];
  const [, separator] = /^\d{4}([-/])/.exec(like)!;
  const pads = (pattern: RegExp): boolean => !known.some((text) => pattern.test(text));
  const padded = (value: number, pad: boolean): string => String(value).padStart(pad ? 2 : 1, "0");
  const day = [
    String(date.getUTCFullYear()).padStart(4, "0"),
    padded(date.getUTCMonth() + 1, pads(/^\d{4}[-/]\d[-/]/)),
    padded(date.getUTCDate(), pads(/^\d{4}[-/]\d+[-/]\d(?!\d)/)),
  ].join(separator);
  const [, between, seconds, fraction] = /([T ])\d{1,2}:\d{2}(:\d{2}(?:([.,]\d+))?)?/.exec(like) ?? [];
  if (between === undefined) return day;
  const hours = padded(date.getUTCHours(), pads(/[T ]\d:/));
  const clock = `${hours}:${padded(date.getUTCMinutes(), true)}`;
  if (seconds === undefined) return `${day}${between}${clock}`;
  const whole = `${day}${between}${clock}:${padded(date.getUTCSeconds(), true)}`;
  if (fraction === undefined) return whole;
  const thousandths = String(Math.round(date.getUTCMilliseconds())).padStart(3, "0");
  return `${whole}${fraction[0]}${thousandths.padEnd(fraction.length - 1, "0").slice(0, fraction.length - 1)}`;
}
