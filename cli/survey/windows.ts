/** How long windows and horizons may be, so that every part of the data has some. */
import type { DataOptions, Shares } from "../data/data-options.ts";
import { DEFAULT_SHARES } from "../data/segments.ts";
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

/** Windows that make a few batches. */
const ENOUGH = 128;

/** With fewer sequences, chance would leave none for a part. */
const FEW = 10;

/** Series that are shorter leave larger parts to validate and to test on. */
const LONG = 400;

const LARGER_PARTS: Shares = [0.6, 0.2, 0.2];

/** Undefined if the sequences are too short. What `given` says stays as it is. */
export function windowsFor(
  { sequences, lengths, steps, splits, time }: Survey,
  given: DataOptions,
  task: "forecast" | "tagging" | "language",
): Windows | undefined {
  const byTime =
    splits === undefined &&
    (given.splitBy === undefined
      ? sequences === 1 || task === "forecast" || sequences < FEW
      : given.splitBy === "time");
  if (task !== "forecast" && !byTime && Math.max(...lengths.keys()) <= SHORT) return {};
  // Parts that come from files may differ much in length: the shortest must have a window.
  const length = splits === undefined ? middle(lengths, sequences) : Math.min(...lengths.keys());
  const shares = given.split ?? (byTime && length < LONG ? LARGER_PARTS : undefined);
  const least = byTime ? Math.floor(Math.min(...positive(shares ?? DEFAULT_SHARES)) * length) : length;
  if (steps < LEAST || least < 2) return undefined;
  const split = {
    ...(shares !== undefined && given.split === undefined && { split: shares }),
    ...(byTime && sequences > 1 && given.splitBy === undefined && { splitBy: "time" }),
  };
  if (task !== "forecast") {
    const window = given.window ?? Math.max(1, Math.min(100, least - 1));
    if (given.carry) return { ...split, window };
    // Windows side by side, as long as there are enough of them.
    const training = (shares ?? DEFAULT_SHARES)[0] * length - window;
    const enough = Math.floor((training * (byTime ? sequences : 1)) / ENOUGH);
    return { ...split, window, stride: given.stride ?? Math.max(1, Math.min(window, enough)) };
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
