/** Random orders from a counter-based stream. */
import type { Uniform } from "./task.ts";

/**
 * A true permutation of 0 … count − 1 (Fisher–Yates), from draws `first` … `first + count − 2` of the stream.
 * Not `count` independent draws: those repeat some numbers and lose 37 % of them.
 */
export function permutation(count: number, uniform: Uniform, first = 0): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.min(i, Math.floor(uniform(first + count - 1 - i) * (i + 1)));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
