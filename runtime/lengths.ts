/** The masks and counts that describe batches whose sequences differ in length. */
import { elementsOf, type Range } from "./layout.ts";
import type { Mark } from "./plan.ts";

/** Fewer examples than this have no meaningful statistics: a single one is its own mean. */
const FEWEST = 2;

/** How many of the examples have each step. */
function examplesAt(lengths: ArrayLike<number>, steps: number): readonly number[] {
  const examples = new Array<number>(steps).fill(0);
  for (let i = 0; i < lengths.length; i++) for (let t = 0; t < lengths[i]; t++) examples[t]++;
  return examples;
}

/** For each step, the fraction of the batch's examples that have it. */
export function filledAt(lengths: ArrayLike<number>, steps: number): readonly number[] {
  return examplesAt(lengths, steps).map((n) => n / lengths.length);
}

/** The numbers of a mark for sequences of `lengths` steps, each from 1 to `steps`. */
export function markOf(mark: Mark, lengths: ArrayLike<number>, steps: number): Float32Array {
  const batch = lengths.length;
  if (mark === "valid" || mark === "last") {
    return Float32Array.from({ length: steps * batch }, (_, i) => {
      const [t, length] = [Math.floor(i / batch), lengths[i % batch]];
      return Number(mark === "valid" ? t < length : t === length - 1);
    });
  }
  const examples = examplesAt(lengths, steps);
  const enough = examples.map(isEnough(batch));
  const until = enough.lastIndexOf(true);
  const at = (t: number): number =>
    mark === "examples" ? examples[t] : Number(mark === "enough" ? enough[t] : t === until);
  return Float32Array.from(examples, (_, t) => at(t));
}

/** One example is enough where the whole batch is one example, as the user asked for. */
const isEnough =
  (batch: number) =>
  (examples: number): boolean =>
    examples >= Math.min(FEWEST, batch);

/** An input with time, in an image of the region `input`. */
interface Placed {
  /** [T, B, …]. */
  readonly shape: readonly number[];
  readonly range: Range;
}

/** Fills with zeros what lies after the end of each example. */
function clearPadding(image: Float32Array, { shape, range }: Placed, lengths: ArrayLike<number>): void {
  const [steps, examples, ...rest] = shape;
  const row = elementsOf(rest);
  // Each step is a piece of its own, or all steps are one piece.
  const stride = range.count === 1 ? examples * row : range.stride;
  for (let b = 0; b < examples; b++) {
    for (let t = lengths[b]; t < steps; t++) {
      const start = range.offset + t * stride + b * row;
      image.fill(0, start, start + row);
    }
  }
}

/** What a plan for sequences that differ in length needs of the runtime. */
export interface Ragged {
  readonly markOf: typeof markOf;
  readonly clearPadding: typeof clearPadding;
}

/** Computes marks, and clears padding. */
export const ragged: Ragged = { markOf, clearPadding };
