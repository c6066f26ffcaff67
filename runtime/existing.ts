/** Which steps the examples of a batch have. */

/** Which of `steps` steps each of `examples` examples has: [T, B], 1 where it has the step. */
export interface Existing {
  readonly steps: number;
  readonly examples: number;
  readonly has: ArrayLike<number>;
}

/** The steps of sequences that begin together and have `lengths` steps each, from 0 to `steps`. */
export function existing(lengths: ArrayLike<number>, steps: number): Existing {
  const examples = lengths.length;
  const has = new Uint8Array(steps * examples);
  for (let i = 0; i < has.length; i++) has[i] = Number(Math.floor(i / examples) < lengths[i % examples]);
  return { steps, examples, has };
}

/** Steps of a shorter axis, with missing ones up to `steps`. */
export function upTo(steps: number, of: Existing): Existing {
  const has = new Uint8Array(steps * of.examples);
  has.set(Array.from(of.has));
  return { ...of, steps, has };
}

/** The steps that examples have along any of several axes, which are equally long. */
export function anyOf(axes: readonly Existing[]): Existing {
  const [first] = axes;
  if (axes.length === 1) return first;
  return { ...first, has: Uint8Array.from(first.has, (_, i) => Number(axes.some(({ has }) => has[i] !== 0))) };
}

/** How many steps all examples have together. */
export const countOf = ({ has }: Existing): number => Array.from(has).reduce((sum, one) => sum + one, 0);
