/** A curve in one line of text. */

const BARS = "▁▂▃▄▅▆▇█";

/** One bar per value, scaled to [low, high]; "" for no values. Values that are not finite show as a gap. */
export function sparkline(values: readonly number[], low: number, high: number): string {
  const span = Math.max(high - low, Number.MIN_VALUE);
  return values
    .map((value) => {
      if (!Number.isFinite(value)) return " ";
      const level = Math.floor(((value - low) / span) * BARS.length);
      return BARS[Math.min(BARS.length - 1, Math.max(0, level))];
    })
    .join("");
}
