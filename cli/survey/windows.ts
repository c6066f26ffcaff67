/** How long windows and horizons may be, so that every part of the data has some. */
import type { DataOptions } from "../data/data-options.ts";
import type { Survey } from "./survey.ts";

type Windows = Pick<DataOptions, "window" | "horizon" | "stride" | "split" | "splitBy">;

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Windows that show what usually returns, and how far is forecast, by the distance of steps: a row holds from its distance on. */
const USUAL: readonly { readonly from: number; readonly window: number; readonly horizon: number }[] = [
  { from: 80 * DAY, window: 12, horizon: 4 },
  { from: 25 * DAY, window: 24, horizon: 12 },
  { from: 6 * DAY, window: 52, horizon: 8 },
  { from: 0.9 * DAY, window: 28, horizon: 7 },
  { from: 0, window: 96, horizon: 24 },
];

/** Shorter data has no windows that say anything. */
const LEAST = 12;

/** Sequences that are no longer than this are examples as a whole. */
const SHORT = 1000;

/** Undefined if the sequences are too short. What `given` says stays as it is. */
export function windowsFor(
  survey: Survey,
  given: DataOptions,
  task: "forecast" | "tagging" | "language",
): Windows | undefined {
  const { sequences, lengths, steps, splits, time } = survey;
  const longest = Math.max(...lengths.keys());
  const one = splits === undefined ? sequences === 1 : longest > SHORT;
  if (task !== "forecast" && !one && longest <= SHORT) return {};
  if (task === "forecast" && given.window !== undefined && given.horizon !== undefined) return {};
  const length = one || splits !== undefined ? Math.min(...lengths.keys()) : middle(lengths, sequences);
  const small = splits === undefined && length < 400;
  const shares = given.split ?? (small && splits === undefined ? ([0.6, 0.2, 0.2] as const) : undefined);
  const byTime = splits === undefined && given.splitBy === undefined && sequences > 1 && task === "forecast";
  const isDivided = splits === undefined && (sequences === 1 || byTime || given.splitBy === "time");
  const least = isDivided ? Math.floor(Math.min(...positive(shares ?? [0.8, 0.1, 0.1])) * length) : length;
  if (steps < LEAST || least < 2) return undefined;
  const split = {
    ...(shares !== undefined && given.split === undefined && isDivided && { split: shares }),
    ...(byTime && { splitBy: "time" }),
  };
  if (task !== "forecast") {
    const window = given.window ?? Math.max(1, Math.min(100, least - 1));
    return { ...split, window, stride: given.stride ?? window };
  }
  const distance = time?.areDates === true ? (time.usual ?? 0) : 0;
  const usual = USUAL.find(({ from }) => distance >= from)!;
  const shrink = Math.min(1, least / (usual.window + usual.horizon));
  const horizon = given.horizon ?? Math.max(1, Math.floor(usual.horizon * shrink));
  const window = given.window ?? Math.max(1, Math.min(usual.window, Math.floor(least) - horizon));
  return { ...split, window, horizon };
}

const positive = (shares: readonly number[]): readonly number[] => shares.filter((share) => share > 0);

/** The length that half of the sequences have. */
function middle(lengths: ReadonlyMap<number, number>, sequences: number): number {
  let seen = 0;
  for (const [length, count] of lengths) {
    seen += count;
    if (2 * seen >= sequences) return length;
  }
  return 0;
}
