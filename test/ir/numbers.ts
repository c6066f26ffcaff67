/** Deterministic numbers for tests: the same on every machine for the same seed. */

/** Uniform in [0, 1): mulberry32. */
export function uniform(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** `n` numbers in [low, high). */
export function sample(n: number, [low, high]: readonly [number, number], random: () => number): Float64Array {
  return Float64Array.from({ length: n }, () => low + (high - low) * random());
}
