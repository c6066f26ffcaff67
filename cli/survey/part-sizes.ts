/** About how many examples options make of a data set that has been surveyed: enough to see what is too few. */
import type { DataOptions, Shares } from "../data/data-options.ts";
import { borders, DEFAULT_SHARES } from "../data/segments.ts";
import type { Survey } from "./survey.ts";

/** Training and validation examples. Where chance divides sequences, those of average length are counted. */
export function partSizes(
  { lengths, splits, sequences }: Survey,
  { window, horizon = 0, carry, stride = (carry && window) || 1, split, splitBy }: DataOptions,
  isNext: boolean,
): { readonly train: number; readonly validation: number } {
  const behind = isNext ? 1 : horizon;
  const examples = (steps: number): number => {
    if (window === undefined) return Number(steps > behind);
    return Math.max(0, Math.floor((steps - window - behind) / stride) + 1);
  };
  const all = (part: (length: number) => number): number =>
    [...lengths].reduce((sum, [length, count]) => sum + count * examples(part(length)), 0);
  if (splits === undefined && (splitBy === "time" || (splitBy === undefined && sequences === 1))) {
    const shares: Shares = split ?? DEFAULT_SHARES;
    const [train, test] = [0, 1].map((at) => (length: number) => borders(length, shares)[at]);
    return { train: all(train), validation: all((length) => test(length) - train(length)) };
  }
  const each = all((length) => length) / sequences;
  const [train, validation] = sequenceParts();
  return { train: Math.floor(each * train), validation: Math.floor(each * validation) };

  function sequenceParts(): readonly [train: number, validation: number] {
    if (splits === undefined) {
      const [first, last] = borders(sequences, split ?? DEFAULT_SHARES);
      return [first, last - first];
    }
    // Without a part for validation, some of the training part is held out.
    return splits.validation > 0 ? [splits.train, splits.validation] : [0.9 * splits.train, 0.1 * splits.train];
  }
}
