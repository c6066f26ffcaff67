/** Numbers as people read them. */

const grouped = new Intl.NumberFormat("en");

/** `17,420`. */
export const whole = (value: number): string => grouped.format(value);

/** `17,420 steps`, `1 step`. */
export const amount = (value: number, what: string): string => `${whole(value)} ${what}${value === 1 ? "" : "s"}`;

/** With four significant digits, and powers of ten far from one. */
export function number(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  const size = Math.abs(value);
  if (size >= 1e6 || (size < 1e-3 && size > 0)) return value.toExponential(2).replace("e+", "e");
  return String(Number(value.toPrecision(4)));
}

export const percent = (share: number): string =>
  share > 0 && share < 5e-4 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`;

const UNITS = [
  ["week", 7 * 86_400_000],
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
] as const;

/** `1 hour`, `15 minutes`; of a column that has no dates, in its own unit. */
export function duration(distance: number, areDates: boolean): string {
  if (!areDates) return number(distance);
  for (const [name, size] of UNITS)
    if (distance >= size && (distance % size === 0 || distance >= 3 * size))
      return amount(Number((distance / size).toFixed(1)), name);
  return `${number(distance / 1000)} seconds`;
}

/** The most names in a line. */
const MOST_NAMED = 12;

export const listed = (words: readonly string[]): string =>
  words.length <= MOST_NAMED
    ? words.join(", ")
    : `${words.slice(0, MOST_NAMED).join(", ")} and ${words.length - MOST_NAMED} more`;

/** A symbol so that it can be seen. */
export const symbolText = (symbol: string): string =>
  symbol === " " ? "␣" : symbol === "\n" ? "⏎" : symbol.length > 24 ? `${symbol.slice(0, 23)}…` : symbol;
