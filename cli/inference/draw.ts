/** Draws the next symbol. */
import { largest, softmax } from "./probabilities.ts";

export interface DrawOptions {
  /** Divides the logits: 0 always takes the likeliest symbol, 1 draws as the model says. */
  readonly temperature: number;
  /** Draws only among so many of the likeliest. Default: all. */
  readonly topK?: number;
}

/**
 * The place of a symbol, drawn by its probability. `logits` [V] may be probabilities' logarithms; `uniform` is in [0, 1), and the same
 * number draws the same symbol. Of equally likely ones, the first are kept.
 */
export function draw(
  logits: Float32Array,
  { temperature, topK = logits.length }: DrawOptions,
  uniform: number,
): number {
  if (temperature === 0 || topK === 1) return largest(logits);
  const order = Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a] || a - b);
  const kept = order.slice(0, topK);
  const weights = softmax(
    Float32Array.from(kept, (place) => logits[place]),
    temperature,
  );
  let left = uniform;
  for (const [i, place] of kept.entries()) {
    left -= weights[i];
    if (left < 0) return place;
  }
  // The weights add up to 1 but for rounding.
  return kept[kept.length - 1];
}
