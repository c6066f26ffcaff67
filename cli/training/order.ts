/**
 * Which examples of a task make a batch, and in which order: shuffled for training, in their own order for everything else. Where states
 * go on from batch to batch, sequences come together, and a batch has one part of each.
 */
import { lastAtMost } from "../data/last-at-most.ts";
import { permutation } from "../data/shuffle.ts";
import type { RandomStreams, Split, Task } from "../data/task.ts";

/** The examples of a batch. */
export interface Drawn {
  readonly indices: Uint32Array;
  /** Where states go on: whether all sequences of the batch begin with it. */
  readonly begins?: boolean;
  /** Where states go on: the places of sequences that are over, in which an example stands that is not to be read. */
  readonly over?: readonly number[];
}

/** Batches by number, from 0 on. */
export interface Drawing {
  readonly count: number;
  at(number: number): Drawn;
}

type Ordered = Pick<Task, "splits" | "lengths" | "sequences" | "carry">;

/** What comes together in batches: examples, or sequences of them that go on. */
interface Units {
  readonly count: number;
  /** The steps of each, if they differ. */
  readonly sizes: Uint32Array | undefined;
  /** The batches of units that come together, `batch` of them at a time. */
  draw(order: Uint32Array, batch: number): Drawing;
}

function unitsOf(task: Ordered, split: Split): Units {
  const lengths = task.lengths?.(split);
  if (task.carry === undefined)
    return {
      count: task.splits[split],
      sizes: lengths,
      draw: (order, batch) => ({
        count: Math.ceil(order.length / batch),
        at: (number) => ({ indices: order.subarray(number * batch, (number + 1) * batch) }),
      }),
    };
  const counts = partsOf(task, split);
  const firsts = firstParts(task, split);
  const sizes = lengths
    ? counts.map((count, s) => lengths.subarray(firsts[s], firsts[s] + count).reduce((sum, own) => sum + own, 0))
    : counts;
  return {
    count: counts.length,
    sizes: sizes.some((size) => size !== sizes[0]) ? sizes : undefined,
    draw: (order, batch) => partsInOrder(order, batch, counts, firsts),
  };
}

/** The parts of each sequence of a split. Only for a task that goes on. */
function partsOf({ sequences }: Ordered, split: Split): Uint32Array {
  if (sequences === undefined) throw new Error("a task goes on that names no sequences");
  return sequences(split);
}

/** The number of the first part of each sequence of a split. Only for a task that goes on. */
export function firstParts(task: Ordered, split: Split): Uint32Array {
  let next = 0;
  return partsOf(task, split).map((parts) => {
    const first = next;
    next += parts;
    return first;
  });
}

/** One part of each sequence of a group after the other, group by group. */
function partsInOrder(order: Uint32Array, batch: number, counts: Uint32Array, firsts: Uint32Array): Drawing {
  const groups = Array.from({ length: Math.ceil(order.length / batch) }, (_, g) =>
    order.subarray(g * batch, (g + 1) * batch),
  );
  /** The number of the first batch of each group. */
  const starts: number[] = [];
  let count = 0;
  for (const group of groups) {
    starts.push(count);
    count += group.reduce((most, s) => Math.max(most, counts[s]), 0);
  }
  return {
    count,
    at(number) {
      const g = lastAtMost(starts, number);
      const part = number - starts[g];
      const over = Array.from(groups[g].keys()).filter((place) => part >= counts[groups[g][place]]);
      return {
        indices: groups[g].map((s) => firsts[s] + Math.min(part, counts[s] - 1)),
        begins: part === 0,
        ...(over.length > 0 && { over }),
      };
    },
  };
}

/** What can be put side by side in a batch: examples, or sequences that go on. */
export const unitCount = (task: Ordered, split: Split): number => unitsOf(task, split).count;

/** Whether the examples of a batch may differ in length: it has parts of sequences of which some are over, or its task says so. */
export function isRagged(task: Ordered): boolean {
  if (task.lengths !== undefined) return true;
  if (task.carry === undefined) return false;
  return (["train", "validation", "test"] as const).some((split) => unitsOf(task, split).sizes !== undefined);
}

/**
 * Whole batches in an epoch; the examples left over differ from epoch to epoch, since the order does. Where sequences of different lengths
 * go on, epochs differ by some batches, and this is the length of one whose batches have sequences of like length.
 */
export function stepsPerEpoch(task: Ordered, batch: number): number {
  const { count, sizes, draw } = unitsOf(task, "train");
  const whole = Math.floor(count / batch) * batch;
  if (task.carry === undefined) return whole / batch;
  const order = bySize(natural(count), sizes);
  return draw(order.subarray(count - whole), batch).count;
}

/**
 * Batches whose examples are sorted by length together. Where length tells what kind of sequence it is, as in logs, a batch of one length
 * is a batch of one kind, and its gradient a poor estimate: on HDFS's sessions 600 steps reach a loss of 0.240 with pools of 1 batch,
 * 0.243 of 2, 0.255 of 4 and 0.282 of all. So the smallest pool is taken that wastes no more than `MOST_PADDED`.
 */
const POOLS = [1, 2, 4, 8, 16, 32];
const LARGEST_POOL = POOLS[POOLS.length - 1];

/** Steps that a batch is computed for, divided by those that its sequences have. */
const MOST_PADDED = 1.5;

/** Batches by which the waste of a pool is told. */
const TRIED = 64;

/**
 * The examples of an epoch in their order, batch after batch, or the sequences. Where lengths differ much, those of like length are in one
 * batch; which ones an epoch has is the same as without.
 */
export function epochOrder(task: Ordered, batch: number, streams: RandomStreams, epoch: number): Uint32Array {
  const { count, sizes } = unitsOf(task, "train");
  const groups = Math.floor(count / batch);
  // The same sequences side by side in every epoch have nothing to shuffle.
  if (task.carry !== undefined && groups * batch === count && groups === 1) return natural(count);
  const order = permutation(count, streams(`order/${epoch}`)).subarray(0, groups * batch);
  if (sizes === undefined) return order;
  // Sequences that go on wait for the longest beside them, so they are always put together by length.
  const sorted =
    task.carry === undefined ? sortedInPools(order, sizes, batch) : sortedIn(LARGEST_POOL, order, sizes, batch);
  const shuffled = permutation(groups, streams(`batches/${epoch}`));
  const found = new Uint32Array(order.length);
  for (const [at, from] of shuffled.entries()) found.set(sorted.subarray(from * batch, (from + 1) * batch), at * batch);
  return found;
}

/** The examples of whole batches by length, in the smallest pools that waste little. */
function sortedInPools(order: Uint32Array, sizes: Uint32Array, batch: number): Uint32Array {
  const tried = order.subarray(0, TRIED * batch);
  const pool = POOLS.find((pool) => padded(sortedIn(pool, tried, sizes, batch), sizes, batch) <= MOST_PADDED);
  return sortedIn(pool ?? LARGEST_POOL, order, sizes, batch);
}

/** Examples of the same length stay in the order that chance gave them. */
function sortedIn(pool: number, order: Uint32Array, sizes: Uint32Array, batch: number): Uint32Array {
  if (pool === 1) return order;
  const sorted = order.slice();
  for (let from = 0; from < sorted.length; from += pool * batch)
    sorted.subarray(from, from + pool * batch).sort((a, b) => sizes[a] - sizes[b]);
  return sorted;
}

function padded(order: Uint32Array, sizes: Uint32Array, batch: number): number {
  let [computed, had] = [0, 0];
  for (let from = 0; from < order.length; from += batch) {
    const of = Array.from(order.subarray(from, from + batch), (unit) => sizes[unit]);
    computed += of.length * Math.max(...of);
    had += of.reduce((sum, size) => sum + size, 0);
  }
  return computed / had;
}

/**
 * The batches of training without end, from number `first` on, with their epochs, counted from 0. Each epoch draws its order from its own
 * stream, so that a resumed run continues where it stopped.
 */
export function* drawnForTraining(
  task: Ordered,
  batch: number,
  streams: RandomStreams,
  first: number,
): Generator<{ readonly epoch: number; readonly drawn: Drawn }, never> {
  const { sizes, draw } = unitsOf(task, "train");
  const epochAt = (epoch: number): Drawing => draw(epochOrder(task, batch, streams, epoch), batch);
  // Only where sequences of different lengths go on do epochs differ in length, and must be counted one by one.
  const same = task.carry === undefined || sizes === undefined ? stepsPerEpoch(task, batch) : undefined;
  let epoch = same === undefined ? 0 : Math.floor(first / same);
  let begin = same === undefined ? 0 : epoch * same;
  let drawing = epochAt(epoch);
  for (let step = first; ; step++) {
    while (step - begin >= drawing.count) {
      begin += drawing.count;
      drawing = epochAt(++epoch);
    }
    yield { epoch, drawn: drawing.at(step - begin) };
  }
}

/** The first `examples` of a split, or all of it, in order, or by length where lengths differ; the last batch may be smaller. */
export function drawnInOrder(task: Ordered, split: Split, batch: number, examples = Number.POSITIVE_INFINITY): Drawing {
  const { count, sizes, draw } = unitsOf(task, split);
  const order = natural(Number.isFinite(examples) ? Math.min(count, examples) : count);
  return draw(bySize(order, sizes), batch);
}

/**
 * The whole batches in the first `examples` of a split, but at least one. A smaller last batch is left out, because its statistics
 * would need an executable of its size. Where lengths differ, those of like length are in one batch as far as in training: were all sorted,
 * batches would be of one length, and their statistics less varied than those that a model was trained with. Of sequences that go on, as
 * many batches from their beginnings.
 */
export function drawnWhole(task: Ordered, split: Split, batch: number, examples: number): Drawing {
  if (task.carry === undefined) {
    const count = Math.max(1, Math.floor(Math.min(task.splits[split], examples) / batch));
    const { sizes, draw } = unitsOf(task, split);
    const order = natural(Math.min(task.splits[split], count * batch));
    return draw(sizes === undefined ? order : sortedInPools(order, sizes, batch), batch);
  }
  const counts = partsOf(task, split);
  let [sequences, parts] = [0, 0];
  while (sequences < counts.length && parts < examples) parts += counts[sequences++];
  const whole = Math.floor(Math.min(Math.max(sequences, batch), counts.length) / batch) * batch;
  const drawing = drawnInOrder(task, split, batch, whole);
  return { ...drawing, count: Math.min(drawing.count, Math.max(1, Math.floor(examples / batch))) };
}

/** How many examples the batches of a drawing have together. */
export const examplesIn = ({ count, at }: Drawing): number =>
  Array.from({ length: count }, (_, number) => at(number)).reduce(
    (sum, { indices, over = [] }) => sum + indices.length - over.length,
    0,
  );

const natural = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, at) => at);

/** Sorts an order by length, in place. */
function bySize(order: Uint32Array, sizes: Uint32Array | undefined): Uint32Array {
  return sizes === undefined ? order : order.sort((a, b) => sizes[a] - sizes[b] || a - b);
}
