/**
 * Batches whose examples do not all have the same steps. A program computes the steps that each example has, one after the other from
 * its first, as if they were the whole sequence: inputs come without gaps, and outputs are put back at the steps of the batch. Marks say
 * how many steps each example has.
 */
import type { OwnBatch, TimeAxis } from "./batch.ts";
import { anyOf, type Existing } from "./existing.ts";
import { elementsOf, type Range } from "./layout.ts";
import type { Mark } from "./plan.ts";

/** Fewer examples than this have no meaningful statistics: a single one is its own mean. */
const FEWEST = 2;

/** How many steps each example has. */
function lengthsOf({ examples, has }: Existing): readonly number[] {
  const lengths = new Array<number>(examples).fill(0);
  for (let i = 0; i < has.length; i++) lengths[i % examples] += has[i];
  return lengths;
}

/** How many of the examples have each step, counted from each one's first. */
function examplesAt(from: Existing): readonly number[] {
  const lengths = lengthsOf(from);
  return Array.from({ length: from.steps }, (_, t) => lengths.filter((n) => n > t).length);
}

/**
 * For each step, the fraction of the batch's examples that have it, as far as they count in statistics. A single example counts if a
 * step that more had stands in for the others, or if it is `alone` enough: its statistic is its own.
 */
export function filledAt(from: Existing, alone: boolean): readonly number[] {
  const counts = examplesAt(from);
  const enough = counts.map(isEnough(from.examples));
  const until = enough.lastIndexOf(true);
  return counts.map((n, t) => (enough[t] || alone || (until >= 0 && t > until) ? n / from.examples : 0));
}

/** A batch as what is over no time axis has it: a single step, which the examples have that have any. */
export function atOnce({ axes, examples }: Pick<OwnBatch, "axes" | "examples">): TimeAxis {
  const all = Object.values(axes).flatMap(({ existing }) => existing ?? []);
  // An example has the steps of an axis without gaps, and so is present.
  if (all.length < Object.values(axes).length) return { steps: 1 };
  return { steps: 1, existing: { steps: 1, examples, has: markOf("present", anyOf(all)) } };
}

/** The numbers of a mark: for each step of each example, counted from its first; for each step; or for each example. */
export function markOf(mark: Mark, from: Existing): Float32Array {
  const { steps, examples } = from;
  const lengths = lengthsOf(from);
  const each = (value: (t: number, length: number) => boolean): Float32Array =>
    Float32Array.from({ length: steps * examples }, (_, i) =>
      Number(value(Math.floor(i / examples), lengths[i % examples])),
    );
  const perStep = (value: (count: number, t: number, until: number) => number): Float32Array => {
    const counts = examplesAt(from);
    const until = counts.map(isEnough(examples)).lastIndexOf(true);
    return Float32Array.from(counts, (count, t) => value(count, t, until));
  };
  switch (mark) {
    case "valid":
      return each((t, length) => t < length);
    case "first":
      return each((t, length) => t === 0 && length > 0);
    case "last":
      return each((t, length) => t === length - 1);
    case "examples":
      return perStep((count) => count);
    case "some":
      return perStep((count) => Number(count > 0));
    case "enough":
      return perStep((count) => Number(isEnough(examples)(count)));
    case "until":
      return perStep((_, t, until) => Number(t === until));
    case "after":
      return perStep((_, t, until) => Number(until >= 0 && t > until));
    case "span":
      return Float32Array.from(lengths);
    case "present":
      return Float32Array.from(lengths, (length) => Number(length > 0));
    case "begins":
      return new Float32Array(examples).fill(1);
    default:
      return mark satisfies never;
  }
}

/** One example is enough where the whole batch is one example, as the user asked for. */
const isEnough =
  (batch: number) =>
  (examples: number): boolean =>
    examples >= Math.min(FEWEST, batch);

type Floats = Float32Array | Float64Array;

/** A value for each step of each example, [T, B, …], in an image. */
interface Placed {
  readonly shape: readonly number[];
  readonly range: Pick<Range, "offset" | "stride" | "count">;
}

/** Where the numbers of a step of an example begin, and how many there are. */
function rowsOf({ shape, range }: Placed): { readonly at: (t: number, b: number) => number; readonly row: number } {
  const [, examples, ...rest] = shape;
  const row = elementsOf(rest);
  // Each step is a piece of its own, or all steps are one piece.
  const stride = range.count === 1 ? examples * row : range.stride;
  return { at: (t, b) => range.offset + t * stride + b * row, row };
}

/** Moves the steps that each example has to the front, in their order, and fills the rest with zeros. */
function compact(image: Floats, placed: Placed, { has }: Existing): void {
  const [steps, examples] = placed.shape;
  const { at, row } = rowsOf(placed);
  for (let b = 0; b < examples; b++) {
    let to = 0;
    for (let t = 0; t < steps; t++) {
      if (has[t * examples + b] === 0) continue;
      if (to < t) image.copyWithin(at(to, b), at(t, b), at(t, b) + row);
      to++;
    }
    for (; to < steps; to++) image.fill(0, at(to, b), at(to, b) + row);
  }
}

/** The reverse of `compact`: moves the steps of each example to where they are in the batch, with zeros at those that it lacks. */
function spread(image: Floats, placed: Placed, existing: Existing): void {
  const [steps, examples] = placed.shape;
  const { at, row } = rowsOf(placed);
  lengthsOf({ ...existing, has: Array.from(existing.has).slice(0, steps * examples) }).forEach((length, b) => {
    let from = length;
    for (let t = steps - 1; t >= 0; t--) {
      if (existing.has[t * examples + b] === 0) image.fill(0, at(t, b), at(t, b) + row);
      else if (--from < t) image.copyWithin(at(t, b), at(from, b), at(from, b) + row);
    }
  });
}

/** At which step of the batch an example has its `t`-th. */
function stepOf({ steps, examples, has }: Existing, t: number, b: number): number {
  let own = -1;
  for (let step = 0; step < steps; step++) {
    own += has[step * examples + b];
    if (own === t) return step;
  }
  throw new Error("an example has fewer steps");
}

/** What a plan for sequences whose steps differ needs of the runtime. */
export interface Ragged {
  readonly markOf: typeof markOf;
  readonly compact: typeof compact;
  readonly spread: typeof spread;
  readonly stepOf: typeof stepOf;
}

/** Computes marks, and leaves out what is missing. */
export const ragged: Ragged = { markOf, compact, spread, stepOf };
