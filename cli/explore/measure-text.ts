/** Measures in words: accuracies in percent, everything else as a number. */
import type { PairedDifference } from "../statistics/paired.ts";
import type { MeanAndDeviation } from "./ranking.ts";

/** Shown for what was not measured. */
export const NOTHING = "–";

interface Scale {
  readonly factor: number;
  readonly digits: number;
  /** Below this, digits behind the point would hide a number: 0.0000123 is not 0.0000. */
  readonly least: number;
  readonly unit: string;
}

const scaleOf = (measure: string): Scale =>
  measure === "accuracy"
    ? { factor: 100, digits: 1, least: 0, unit: " %" }
    : { factor: 1, digits: 4, least: 1e-3, unit: "" };

function fixed(value: number, { factor, digits, least }: Scale): string {
  const scaled = factor * value;
  const small = scaled !== 0 && Math.abs(scaled) < least;
  const large = Math.abs(scaled) >= 1e6;
  return small || large ? scaled.toExponential(2) : scaled.toFixed(digits);
}

/** `93.1 %`, `0.2134`. */
export const valueText = (measure: string, value: number): string =>
  `${fixed(value, scaleOf(measure))}${scaleOf(measure).unit}`;

/** `93.1 ± 0.4 %`, `0.2134`, or a dash. */
export function measureText(measure: string, spread: MeanAndDeviation | undefined): string {
  if (spread === undefined) return NOTHING;
  const { mean, deviation } = spread;
  const scale = scaleOf(measure);
  const around = deviation === undefined ? "" : ` ± ${fixed(deviation, scale)}`;
  return `${fixed(mean, scale)}${around}${scale.unit}`;
}

/** `+3.1 [2.0, 4.2] %`; without an interval for one seed. A dash if there is nothing to compare. */
export function differenceText(measure: string, difference: PairedDifference | undefined): string {
  if (difference === undefined) return NOTHING;
  const { mean, interval } = difference;
  const scale = scaleOf(measure);
  const signed = (value: number): string => (value < 0 ? "−" : "+") + fixed(Math.abs(value), scale);
  const bounds = interval === undefined ? "" : ` [${interval.map(signed).join(", ")}]`;
  return `${signed(mean)}${bounds}${scale.unit}`;
}
