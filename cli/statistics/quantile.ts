/** The quantile `part` (0 … 1) of numbers, with linear interpolation; NaN for no numbers. */
export function quantile(numbers: ArrayLike<number>, part: number): number {
  const sorted = Float64Array.from(numbers).sort();
  if (sorted.length === 0) return Number.NaN;
  const at = part * (sorted.length - 1);
  const [low, high] = [Math.floor(at), Math.ceil(at)];
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

export const median = (numbers: ArrayLike<number>): number => quantile(numbers, 0.5);
