/** The marks that say which steps the examples of a batch have, where they do not all have the same. */
import type { Existing } from "./existing.ts";
import { elementsOf, type Range } from "./layout.ts";
import type { Mark } from "./plan.ts";

/** Fewer examples than this have no meaningful statistics: a single one is its own mean. */
const FEWEST = 2;

/** How many of the examples have each step. */
function examplesAt({ steps, examples, has }: Existing): readonly number[] {
  return Array.from({ length: steps }, (_, t) => {
    let count = 0;
    for (let b = 0; b < examples; b++) count += has[t * examples + b];
    return count;
  });
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

/** For each example, the number of steps up to its last one. */
function spans({ steps, examples, has }: Existing): readonly number[] {
  return Array.from({ length: examples }, (_, b) => {
    let span = steps;
    while (span > 0 && has[(span - 1) * examples + b] === 0) span--;
    return span;
  });
}

/** The same steps, from each example's last to its first. */
function reversed(from: Existing): Existing {
  const { examples, has } = from;
  const span = spans(from);
  return {
    ...from,
    has: Uint8Array.from({ length: has.length }, (_, i) => {
      const [t, b] = [Math.floor(i / examples), i % examples];
      return t < span[b] ? has[(span[b] - 1 - t) * examples + b] : 0;
    }),
  };
}

/** The numbers of a mark: for each step of each example, for each step, or for each example. */
export function markOf(mark: Mark, of: Existing, inReverse = false): Float32Array {
  const from = inReverse ? reversed(of) : of;
  const { steps, examples, has } = from;
  const perExample = (value: (b: number) => number): Float32Array =>
    Float32Array.from({ length: examples }, (_, b) => value(b));
  const perStep = (value: (count: number, t: number, until: number) => number): Float32Array => {
    const counts = examplesAt(from);
    const until = counts.map(isEnough(examples)).lastIndexOf(true);
    return Float32Array.from(counts, (count, t) => value(count, t, until));
  };
  /** 1 at one step of each example that has a step. */
  const at = (step: (b: number) => number): Float32Array => {
    const found = new Float32Array(steps * examples);
    spans(from).forEach((span, b) => {
      if (span > 0) found[step(b) * examples + b] = 1;
    });
    return found;
  };
  switch (mark) {
    case "valid":
      return Float32Array.from(has);
    case "first":
      return at((b) => {
        let t = 0;
        while (has[t * examples + b] === 0) t++;
        return t;
      });
    case "last": {
      const span = spans(from);
      return at((b) => span[b] - 1);
    }
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
    case "span": {
      const span = spans(from);
      return perExample((b) => span[b]);
    }
    case "exists":
    case "present": {
      const span = spans(from);
      return perExample((b) => Number(span[b] > 0));
    }
    default:
      return mark satisfies never;
  }
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

/** Fills with zeros what examples do not have. */
function clearMissing(image: Float32Array, { shape, range }: Placed, { has }: Existing): void {
  const [steps, examples, ...rest] = shape;
  const row = elementsOf(rest);
  // Each step is a piece of its own, or all steps are one piece.
  const stride = range.count === 1 ? examples * row : range.stride;
  for (let t = 0; t < steps; t++) {
    for (let b = 0; b < examples; b++) {
      if (has[t * examples + b] !== 0) continue;
      const start = range.offset + t * stride + b * row;
      image.fill(0, start, start + row);
    }
  }
}

/** What a plan for sequences whose steps differ needs of the runtime. */
export interface Ragged {
  readonly markOf: typeof markOf;
  readonly clearMissing: typeof clearMissing;
}

/** Computes marks, and clears what is missing. */
export const ragged: Ragged = { markOf, clearMissing };
