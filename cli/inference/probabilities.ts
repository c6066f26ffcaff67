/** What numbers for classes mean. */

/** How far a sum of f32 probabilities may be from 1. */
const ROUNDING = 1e-3;

/** Whether all rows of `size` numbers are probabilities as they are: none below 0, and together 1. Logits are not, but by chance. */
export function areProbabilities(values: Float32Array, size: number): boolean {
  for (let from = 0; from < values.length; from += size) {
    let sum = 0;
    for (let k = 0; k < size; k++) {
      if (!(values[from + k] >= 0)) return false;
      sum += values[from + k];
    }
    if (Math.abs(sum - 1) > ROUNDING) return false;
  }
  return values.length > 0;
}

/** The softmax of logits, in f64; `temperature` divides them. */
export function softmax(logits: Float32Array, temperature = 1): Float64Array {
  const most = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const weights = Float64Array.from(logits, (logit) => Math.exp((logit - most) / temperature));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

/** The place of the largest number, the first if there are several. */
export function largest(values: ArrayLike<number>): number {
  let best = 0;
  for (let k = 1; k < values.length; k++) if (values[k] > values[best]) best = k;
  return best;
}
