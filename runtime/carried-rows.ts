/**
 * Statistics for each step of sequences that come in parts. Kernels count the steps of a part from 0 on, so while a part runs, row t
 * of a statistic holds that of the part's step t. Row min(t, rows − 1) serves step t of the whole sequence.
 */
import { type Kept, keptTensors } from "./layout.ts";
import type { Runner } from "./runner.ts";

/** The row of a part's step `t`, whose first step is step `first` of the whole sequence. */
export const rowOf = (t: number, first: number, rows: number): number => Math.min(first + t, rows - 1);

/** A statistic of the whole sequence, [rows, …], as a part that begins at step `first` reads it. */
export function rowsFrom(statistic: Float32Array, rows: number, first: number): Float32Array {
  const width = statistic.length / rows;
  const own = new Float32Array(statistic.length);
  for (let t = 0; t < rows; t++) {
    const row = rowOf(t, first, rows);
    own.set(statistic.subarray(row * width, (row + 1) * width), t * width);
  }
  return own;
}

/**
 * The statistic of the whole sequence, with what a part has collected in its rows. The last row is the mean of those that the part has
 * for it, where `counts` says which of the part's steps were collected from; `most` is the number of rows of the statistic that has the
 * most. One that has fewer, because its text says so, is collected at its own steps only.
 */
export function withRowsOfPart(
  statistic: Float32Array,
  part: Float32Array,
  { rows, most, first, counts }: PartRows,
): Float32Array {
  const width = statistic.length / rows;
  const made = statistic.slice();
  const sum = new Float64Array(width);
  let summed = 0;
  for (let t = 0; t < Math.min(rows, counts.length); t++) {
    if (!counts[t]) continue;
    const own = part.subarray(t * width, (t + 1) * width);
    if (first + t < rows - 1) made.set(own, (first + t) * width);
    else if (rows === most || first + t === rows - 1) {
      summed++;
      for (let i = 0; i < width; i++) sum[i] += own[i];
    }
  }
  if (summed > 0)
    made.set(
      sum.map((total) => total / summed),
      (rows - 1) * width,
    );
  return made;
}

export interface PartRows {
  readonly rows: number;
  readonly most: number;
  readonly first: number;
  readonly counts: readonly boolean[];
}

/** Runs `act` with the statistics of a runner as a part that begins at step `first` reads them, and puts them back. */
export async function withRowsFrom(runner: Runner, first: number, act: () => Promise<void>): Promise<void> {
  const kept = first > 0 ? keptTensors(runner.plan).filter(isPerStep) : [];
  if (kept.length === 0) return act();
  const before = await runner.machine.read(kept.map(({ range }) => range));
  const write = async (value: (i: number) => Float32Array): Promise<void> => {
    for (const [i, { range }] of kept.entries()) await runner.machine.write(range, value(i));
  };
  await write((i) => rowsFrom(before[i], kept[i].shape[0], first));
  try {
    await act();
  } finally {
    await write((i) => before[i]);
  }
}

const isPerStep = ({ kind, shape }: Kept): boolean => kind === "stat" && shape[0] > 1;
