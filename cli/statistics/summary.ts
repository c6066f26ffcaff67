/** Summarises population statistics: how the units of each are spread at each step. */
import type { Output } from "../output.ts";
import { sparkline } from "../report/sparkline.ts";
import { type Finding, stepsText } from "./findings.ts";
import { median } from "./quantile.ts";
import { rowOf, type Statistic } from "./statistic.ts";

/** The spread of the units at one step. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export interface Summary extends Omit<Statistic, "values"> {
  /** [rows]; null for a step where nothing was collected. */
  readonly steps: readonly (Spread | null)[];
}

export function summarise({ values, ...statistic }: Statistic): Summary {
  const { rows, batches, units } = statistic;
  const spread = (row: number): Spread => {
    const numbers = rowOf({ values, units }, row);
    return { median: median(numbers), least: Math.min(...numbers), most: Math.max(...numbers) };
  };
  return { ...statistic, steps: Array.from({ length: rows }, (_, row) => (batches[row] > 0 ? spread(row) : null)) };
}

/** Number of bars in a curve over the steps. */
const BARS = 24;

/** Prints a row per statistic: its first, second and last step, and its median over the steps as a curve. */
export function sayStatistics(summaries: readonly Summary[], output: Output): void {
  output.table(
    ["statistic", "", "kept", "units", "batches", "t = 1", "t = 2", "last", "median over steps"],
    summaries.map((summary) => {
      const { name, is, policy, rows, units, batches, steps } = summary;
      const kept = policy === "shared" ? "shared" : `${rows} step${rows === 1 ? "" : "s"}`;
      const shown =
        policy === "shared" ? ["", "", spreadText(steps[0])] : [0, 1, rows - 1].map((t) => spreadText(steps[t]));
      return [name, is, kept, units, rangeText(batches), ...shown, policy === "shared" ? "" : curve(summary)];
    }),
  );
}

/** `0.0021 [1e-9, 0.3]`: the median, and the range of all units. */
function spreadText(spread: Spread | null | undefined): string {
  if (spread === undefined) return "";
  return spread === null ? "–" : `${short(spread.median)} [${short(spread.least)}, ${short(spread.most)}]`;
}

/** A number with two significant digits, as short as possible. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e4) ? value.toExponential(1) : String(Number(value.toPrecision(2)));
}

function rangeText(batches: readonly number[]): string {
  const [least, most] = [Math.min(...batches), Math.max(...batches)].map((n) => String(Number(n.toFixed(1))));
  return least === most ? least : `${least}–${most}`;
}

/** Variances and deviations differ by orders of magnitude, so they are drawn by their logarithms. */
function curve({ is, steps }: Summary): string {
  const scaled = steps.map((spread) => {
    const value = spread?.median ?? Number.NaN;
    return is === "variance" || is === "deviation" ? Math.log(Math.max(value, Number.MIN_VALUE)) : value;
  });
  const count = Math.min(BARS, scaled.length);
  const bars = Array.from({ length: count }, (_, bar) => scaled[Math.floor((bar * scaled.length) / count)]);
  const known = bars.filter((value) => Number.isFinite(value) && value > Math.log(Number.MIN_VALUE));
  return sparkline(bars, Math.min(...known), Math.max(...known));
}

/** Prints a line for each finding: where it is, what it means, and what to do. */
export function sayFindings(findings: readonly Finding[], statistics: readonly Statistic[], output: Output): void {
  if (findings.length === 0) return;
  const { bold, yellow } = output.colors;
  output.say();
  for (const finding of findings) {
    const statistic = statistics.find(({ name }) => name === finding.statistic)!;
    output.say(`${bold(yellow(finding.statistic))} ${findingText(finding, statistic)}`);
  }
}

/** The text of a finding, which follows the statistic's name. */
export function findingText({ kind, steps, units }: Finding, statistic: Statistic): string {
  const { is, batches, epsilon } = statistic;
  const where = `at ${stepsText(steps)}`;
  const how = units === statistic.units ? `all ${units} units` : `up to ${units} of ${statistic.units} units`;
  const [zero, no] = is === "deviation" ? ["has no variance", "has a variance no"] : ["is zero", "is no"];
  switch (kind) {
    case "not collected": {
      const known = batches.filter((n) => n > 0).length;
      return known === 0
        ? "was never collected: estimate it (--estimate) before you infer"
        : `was not collected ${where}: inference takes the statistics of step ${known} there`;
    }
    case "not finite":
      return `is not finite ${where}, in ${how}: what is normalized there is no number; estimate it anew (--estimate), or train with --clip`;
    case "collapsed": {
      const gain = epsilon === undefined ? undefined : `γ/√ε, ${short(epsilon ** -0.5)} γ`;
      const alike = `${zero} ${where}, in ${how}: all examples are alike there, and the norm gives its shift`;
      if (!statistic.recurrent)
        return gain === undefined
          ? alike
          : `${alike}; what sets another example apart at inference is multiplied by ${gain}`;
      const growth = gain === undefined ? "" : `, while gradients grow by ${gain}, at each such step`;
      return `${alike}${growth}; noise in the initial state tells them apart: state h : [H] = noise(0.1)`;
    }
    case "epsilon":
      return `${no} larger than ε = ${short(epsilon ?? 0)} ${where}, in ${how}: ε is a part of the model there; a smaller eps takes it out`;
    default:
      return kind satisfies never;
  }
}
