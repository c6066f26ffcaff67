/** Which steps belong to training, validation and test, and which examples they make. */
import { exit, Failure } from "../failure.ts";
import type { DataOptions, Shares } from "./data-options.ts";
import { lastAtMost } from "./last-at-most.ts";
import { permutation } from "./shuffle.ts";
import { splitNamed } from "./split-words.ts";
import type { Store } from "./store.ts";
import type { RandomStreams, Split, Uniform } from "./task.ts";

/** Steps `from` … `to` − 1 of a sequence, all in one split. No example reaches over its ends. */
export interface Segment {
  readonly sequence: number;
  readonly from: number;
  readonly to: number;
}

export type Segments = Readonly<Record<Split, readonly Segment[]>>;

export const DEFAULT_SHARES: Shares = [0.8, 0.1, 0.1];

/** The share of a training file that is held out where no file is for validation. */
const HELD_OUT: Shares = [0.9, 0.1, 0];

const SPLITS: readonly Split[] = ["train", "validation", "test"];

/** Throws C0406 for a column that names no split, and C0301 for options that contradict each other. */
export async function segmentsOf(
  store: Store,
  { split, splitBy }: Pick<DataOptions, "split" | "splitBy">,
  streams: RandomStreams,
): Promise<Segments> {
  const all = store.lengths.map((_, sequence) => sequence);
  const filed = all.some((sequence) => store.splitOf(sequence) !== undefined);
  if (filed) {
    if (split !== undefined || splitBy !== undefined)
      throw new Failure(
        "C0301",
        exit.usage,
        "the files are named after the parts, so nothing is to be split",
        "leave --split out",
      );
    const of = (wanted: Split) => all.filter((sequence) => store.splitOf(sequence) === wanted);
    const [train, validation, test] = SPLITS.map(of);
    const whole = { train, validation, test };
    if (validation.length > 0) return mapped(whole, (sequence) => wholeOf(store, sequence));
    const held = divided(store, train, HELD_OUT, undefined, streams);
    return { ...held, test: test.map((sequence) => wholeOf(store, sequence)) };
  }
  if (splitBy !== undefined && splitBy !== "time" && splitBy !== "sequence") return byColumn(store, splitBy);
  return divided(store, all, split ?? DEFAULT_SHARES, splitBy, streams);
}

const wholeOf = (store: Store, sequence: number): Segment => ({ sequence, from: 0, to: store.lengths[sequence] });

const mapped = <T, U>(
  of: Readonly<Record<Split, readonly T[]>>,
  make: (item: T) => U,
): Readonly<Record<Split, readonly U[]>> => ({
  train: of.train.map(make),
  validation: of.validation.map(make),
  test: of.test.map(make),
});

/** Divides each sequence, or the sequences themselves, in an order that is always the same. */
function divided(
  store: Store,
  sequences: readonly number[],
  shares: Shares,
  by: "time" | "sequence" | undefined,
  streams: RandomStreams,
): Segments {
  if ((by ?? (sequences.length === 1 ? "time" : "sequence")) === "time") {
    const parts = (sequence: number): readonly Segment[] => {
      const steps = store.lengths[sequence];
      const [train, test] = borders(steps, shares);
      return [
        { sequence, from: 0, to: train },
        { sequence, from: train, to: test },
        { sequence, from: test, to: steps },
      ];
    };
    const all = sequences.map(parts);
    const at = (part: number): readonly Segment[] => all.map((of) => of[part]).filter(({ from, to }) => to > from);
    return { train: at(0), validation: at(1), test: at(2) };
  }
  const wholes = together(store, sequences);
  const order = Array.from(permutation(wholes.length, streams("split")), (at) => wholes[at]);
  const [train, test] = borders(wholes.length, shares);
  // In the order of the file again, so that what is read one after the other lies side by side.
  const sorted = (of: readonly (readonly number[])[]): readonly number[] => of.flat().toSorted((a, b) => a - b);
  const split = {
    train: sorted(order.slice(0, train)),
    validation: sorted(order.slice(train, test)),
    test: sorted(order.slice(test)),
  };
  return mapped(split, (sequence) => wholeOf(store, sequence));
}

/** The sequences that are not to be divided from one another. */
function together(store: Store, sequences: readonly number[]): readonly (readonly number[])[] {
  const wholes: number[][] = [];
  for (const sequence of sequences)
    if (store.belongsWithBefore(sequence) && wholes.length > 0) wholes[wholes.length - 1].push(sequence);
    else wholes.push([sequence]);
  return wholes;
}

/** Where validation and test begin among `count`: training and test have their shares rounded down, as is usual. */
export function borders(count: number, [train, , test]: Shares): readonly [number, number] {
  // Without the addition, 0.7 · 10 would be 6.999….
  const part = (share: number): number => Math.floor(share * count + 1e-6);
  return [part(train), count - part(test)];
}

async function byColumn(store: Store, name: string): Promise<Segments> {
  const field = store.fields.get(name);
  if (field?.field.kind !== "symbol")
    throw new Failure(
      "C0406",
      exit.input,
      field === undefined ? `there is no column ${name} to split by` : `column ${name} has no names of parts in it`,
      "--split-by takes time, sequence, or a column of the words train, validation and test",
    );
  if (field.field.over === "steps" && !field.constant)
    throw new Failure(
      "C0406",
      exit.input,
      `column ${name} puts steps of one sequence into different parts`,
      "split sequences as a whole: --group and the column that tells them apart",
    );
  const found: Record<Split, Segment[]> = { train: [], validation: [], test: [] };
  for (let sequence = 0; sequence < store.lengths.length; sequence++) {
    const row = field.field.over === "steps" ? await store.rows(sequence, 0, 1) : await store.row(sequence);
    const word = field.symbols[row[field.column]] ?? "";
    const split = splitNamed(word);
    if (split === undefined)
      throw new Failure(
        "C0406",
        exit.input,
        `column ${name} says "${word}", which is no part`,
        "the parts are train, validation and test",
      );
    found[split].push(wholeOf(store, sequence));
  }
  return found;
}

/** Examples: `steps` steps from each of many places, or whole segments. */
export interface Examples {
  readonly count: number;
  /** The segment of an example, and its first step in the sequence: without `offset`, or with the one that this draws of the segment. */
  place(index: number, offset?: Uniform): { readonly segment: Segment; readonly from: number };
  /** Segments that are too short for a single example. */
  readonly short: number;
}

/** Which windows of segments are examples. */
export interface Windows {
  /** Steps of a window; without, each segment is one, if it has at least `least` steps. */
  readonly needed: number | undefined;
  readonly stride: number;
  readonly least: number;
  /** The last window of a segment ends with it, and may be nearer to the one before. */
  readonly toEnd?: boolean;
  /**
   * The windows of a segment may begin at an offset below the stride, of which a segment has only those that leave room for a window.
   * As many windows are counted as fit at every offset.
   */
  readonly movable?: boolean;
}

/** All windows of segments, a stride apart. */
export function examplesOf(
  segments: readonly Segment[],
  { needed, stride, least, toEnd = false, movable = false }: Windows,
): Examples {
  const round = toEnd ? Math.ceil : Math.floor;
  /** How many offsets the windows of a segment may have. */
  const offsets = ({ from, to }: Segment): number =>
    movable && needed !== undefined ? Math.min(stride, to - from - needed + 1) : 1;
  const counts = segments.map((segment) => {
    const steps = segment.to - segment.from;
    if (needed === undefined) return Number(steps >= least);
    return steps < needed ? 0 : round((steps - needed - (offsets(segment) - 1)) / stride) + 1;
  });
  const used = segments.filter((_, at) => counts[at] > 0);
  /** The number of the first example of each segment. */
  const firsts: number[] = [];
  let count = 0;
  for (const examples of counts) {
    if (examples === 0) continue;
    firsts.push(count);
    count += examples;
  }
  return {
    count,
    short: segments.length - used.length,
    place(index, offset) {
      const at = lastAtMost(firsts, index);
      const segment = used[at];
      const moved = offset === undefined ? 0 : Math.floor(offset(at) * offsets(segment));
      const from = segment.from + moved + (index - firsts[at]) * stride;
      return { segment, from: needed === undefined ? from : Math.min(from, segment.to - needed) };
    },
  };
}
