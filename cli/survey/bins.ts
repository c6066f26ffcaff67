/** Bins of histograms. */

export interface Bins {
  /** Where the bins begin, and at last where the last one ends. */
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

/** Sequences by their lengths: a bin for each length if there are few, else at most `most` of whole widths. */
export function lengthBins(lengths: ReadonlyMap<number, number>, most: number): Bins {
  const [least, longest] = [Math.min(...lengths.keys()), Math.max(...lengths.keys())];
  const width = Math.ceil((longest - least + 1) / most);
  const counts = new Array<number>(Math.ceil((longest - least + 1) / width)).fill(0);
  for (const [length, count] of lengths) counts[Math.floor((length - least) / width)] += count;
  return { edges: Array.from({ length: counts.length + 1 }, (_, i) => least - 0.5 + i * width), counts };
}

/** Values in `most` bins of the same width, or one for each of a few whole numbers. */
export function valueBins(values: readonly number[], most: number): Bins {
  let [least, largest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) [least, largest] = [Math.min(least, value), Math.max(largest, value)];
  const isWhole = values.every(Number.isInteger) && largest - least < most;
  const [from, to] = isWhole || least === largest ? [least - 0.5, largest + 0.5] : [least, largest];
  const bins = isWhole ? largest - least + 1 : least === largest ? 1 : most;
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) counts[Math.min(bins - 1, Math.floor(((value - from) / (to - from)) * bins))]++;
  return {
    edges: Array.from({ length: bins + 1 }, (_, i) => (i === bins ? to : from + ((to - from) * i) / bins)),
    counts,
  };
}
