/**
 * Statistics for each step of sequences that come in parts. Kernels count the steps of a part from 0 on, so while a part runs, row t
 * of a statistic holds that of the part's step t. Row min(t, rows − 1) serves step t of the whole sequence.
 */
import type { StatisticsInMemory } from "./collected-population.ts";
import { type Kept, keptTensors } from "./layout.ts";
import type { Tensor } from "./plan.ts";
import type { Runner } from "./runner.ts";
import { type Weights, weightOf } from "./statistics.ts";

/** The row of step `t` of a whole sequence. */
export const rowOf = (t: number, rows: number): number => Math.min(t, rows - 1);

/** Which part of its sequences a batch is. */
export interface Part {
  /** The step that it begins with. */
  readonly first: number;
  /** Rows of the statistic that has the most. */
  readonly rows: number;
}

/** Runs `act` with the statistics of a runner as a part that begins at step `first` reads them, and puts them back. */
export async function withRowsFrom(runner: Runner, first: number, act: () => Promise<void>): Promise<void> {
  const kept = first > 0 ? keptTensors(runner.plan).filter(({ tensor }) => isPerStep(tensor)) : [];
  if (kept.length === 0) return act();
  const before = await runner.machine.read(kept.map(({ range }) => range));
  const write = async (value: (i: number) => Float32Array): Promise<void> => {
    for (const [i, { range }] of kept.entries()) await runner.machine.write(range, value(i));
  };
  await write((i) => rowsFrom(before[i], kept[i], first));
  try {
    await act();
  } finally {
    await write((i) => before[i]);
  }
}

/**
 * Runs an entry that updates the statistics with those of a part, by the weights it is given. `filled`: for each of the part's steps,
 * the fraction of a whole batch that has it. Returns how many batches each step was collected from. If `run` fails, statistics are as
 * before.
 */
export async function collectPart(
  { machine, statistics, seen }: StatisticsInMemory,
  filled: readonly number[],
  momentum: number,
  run: (weights: Weights) => Promise<void>,
  part: Part,
): Promise<readonly number[]> {
  const kept = statistics.filter(({ tensor }) => isPerStep(tensor));
  const read = (): Promise<Float32Array[]> => machine.read(statistics.map(({ range }) => range));
  const write = async (of: readonly Kept[], value: (kept: Kept) => Float32Array): Promise<void> => {
    for (const each of of) await machine.write(each.range, value(each));
  };
  const before = await read();
  const whole = (of: Kept): Float32Array => before[statistics.indexOf(of)];
  await write(kept, (each) => rowsFrom(whole(each), each, part.first));
  try {
    await run(weightsOfPart(seen, filled, momentum, part));
  } catch (error) {
    await write(statistics, whole);
    throw error;
  }
  const after = await read();
  const has = filled.map((now) => now > 0);
  await write(kept, (each) => withRowsOfPart(whole(each), after[statistics.indexOf(each)], each, { ...part, has }));
  return countedWithPart(seen, filled, part);
}

const isPerStep = ({ role }: Tensor): boolean => role.kind === "stat" && role.policy === "per_step";

/** A statistic of the whole sequence, [rows, …], as a part that begins at step `first` reads it. */
function rowsFrom(statistic: Float32Array, { shape: [rows] }: Kept, first: number): Float32Array {
  const width = statistic.length / rows;
  const own = new Float32Array(statistic.length);
  for (let t = 0; t < rows; t++) {
    const row = rowOf(first + t, rows);
    own.set(statistic.subarray(row * width, (row + 1) * width), t * width);
  }
  return own;
}

/**
 * The statistic of the whole sequence, with what a part has collected in its rows, at the steps that it `has`. The last row is the mean
 * of those that the part has for it; that of a statistic with fewer rows than others, as its text says, is collected at its own step
 * only.
 */
function withRowsOfPart(
  statistic: Float32Array,
  part: Float32Array,
  { shape: [rows] }: Kept,
  { first, rows: most, has }: Part & { readonly has: readonly boolean[] },
): Float32Array {
  const width = statistic.length / rows;
  const made = statistic.slice();
  const sum = new Float64Array(width);
  let summed = 0;
  for (let t = 0; t < Math.min(rows, has.length); t++) {
    if (!has[t]) continue;
    const own = part.subarray(t * width, (t + 1) * width);
    if (first + t < rows - 1) made.set(own, (first + t) * width);
    else if (rows === most || first + t === rows - 1) {
      summed++;
      for (let i = 0; i < width; i++) sum[i] += own[i];
    }
  }
  const last = sum.map((total) => total / summed);
  if (summed > 0) made.set(last, (rows - 1) * width);
  return made;
}

/** As `weightsFor`, of a part: in the last row, its steps from that one on weigh as one. */
function weightsOfPart(
  seen: readonly number[],
  filled: readonly number[],
  momentum: number,
  { first, rows }: Part,
): Weights {
  const isLate = (t: number): boolean => first + t >= rows - 1;
  const late = filled.filter((now, t) => isLate(t) && now > 0);
  const ofLate = weightOf(seen[rows - 1] ?? 0, total(late), momentum, late.length);
  return {
    steps: filled.map((now, t) => (isLate(t) ? (now > 0 ? ofLate : 0) : weightOf(seen[first + t] ?? 0, now, momentum))),
    shared: weightOf(total(seen), total(filled), momentum, filled.length),
  };
}

/** As `countedWith`, of a part. */
function countedWithPart(seen: readonly number[], filled: readonly number[], { first, rows }: Part): readonly number[] {
  const length = Math.max(seen.length, Math.min(rows, first + filled.length));
  const counts = Array.from({ length }, (_, t) => seen[t] ?? 0);
  for (const [t, now] of filled.entries()) counts[rowOf(first + t, rows)] += now;
  return counts;
}

const total = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
