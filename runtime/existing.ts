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

/** How many steps all examples have together. */
export const countOf = ({ has }: Existing): number => Array.from(has).reduce((sum, one) => sum + one, 0);
