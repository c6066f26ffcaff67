/**
 * Random numbers as pure functions of (key, index): Threefry-2x32 with 20 rounds, a counter-based generator.
 * It has no state, so the numbers depend neither on the target nor on the order in which they are drawn.
 *
 * Source: Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3".
 */

import type { Noise } from "./plan.ts";

/** Two 32-bit words that identify a stream of random numbers. */
export type Key = readonly [number, number];

const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const;

/** 0x1BD11BDA: the constant that keeps the key schedule's extra word from being zero (Skein 1.3). */
const parity = 0x1bd11bda;

/** Threefry-2x32-20: enciphers the counter under the key; two unsigned 32-bit words. */
export function threefry(key: Key, counter: readonly [number, number]): [number, number] {
  const schedule = [key[0] | 0, key[1] | 0, parity ^ key[0] ^ key[1]];
  let x = (counter[0] + schedule[0]) | 0;
  let y = (counter[1] + schedule[1]) | 0;
  for (let round = 0; round < 20; round++) {
    const by = rotations[round & 7];
    x = (x + y) | 0;
    y = ((y << by) | (y >>> (32 - by))) ^ x;
    if ((round & 3) === 3) {
      const injection = (round >> 2) + 1;
      x = (x + schedule[injection % 3]) | 0;
      y = (y + schedule[(injection + 1) % 3] + injection) | 0;
    }
  }
  return [x >>> 0, y >>> 0];
}

/** A stable 32-bit hash of a string: FNV-1a over its UTF-8 bytes. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** The stream that belongs to a name under a seed (a whole number below 2^53). */
export function keyOf(seed: number, name: string): Key {
  return threefry([seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0], [hashOf(name), 0]);
}

/** The `index`-th stream derived from a stream, as different from its siblings as streams of different names. */
export function childKey(key: Key, index: number): Key {
  return threefry(key, [index, 0xffffffff]);
}

/**
 * Uniform in [0, 1), a multiple of 2^-24, so that it is exact in f32. `index` < 2^32; `run` < 2^32 − 1 distinguishes successive draws
 * from one stream, such as the noise of each training step.
 */
export function uniformAt(key: Key, index: number, run = 0): number {
  return (threefry(key, [index, run])[0] >>> 8) * 2 ** -24;
}

/** Standard normal, computed in f64 by the transform of Box & Muller 1958 and rounded to f32. */
export function normalAt(key: Key, index: number, run = 0): number {
  const [a, b] = threefry(key, [index, run]);
  // The first word is shifted into (0, 1], away from the logarithm's pole.
  const radius = Math.sqrt(-2 * Math.log((a + 1) * 2 ** -32));
  return Math.fround(radius * Math.cos(2 * Math.PI * b * 2 ** -32));
}

/** The `index`-th number of a noise. Before scaling it is exact in f32. */
export function noiseAt(noise: Noise, key: Key, index: number, run = 0): number {
  switch (noise.distribution) {
    case "normal":
      return noise.scale * normalAt(key, index, run);
    case "uniform":
      return noise.scale * uniformAt(key, index, run);
    case "bernoulli":
      return uniformAt(key, index, run) < noise.keep ? 1 : 0;
  }
}

/** The mean of a noise. */
export function meanOf(noise: Noise): number {
  switch (noise.distribution) {
    case "normal":
      return 0;
    case "uniform":
      return noise.scale / 2;
    case "bernoulli":
      return noise.keep;
  }
}

/** The numbers 0 … n − 1 in random order (Fisher & Yates 1938), the same order for the same key. */
export function permutation(n: number, key: Key): Uint32Array {
  const order = Uint32Array.from({ length: n }, (_, index) => index);
  for (let last = n - 1; last > 0; last--) {
    // 32 bits scaled to last + 1 places: the bias is below (last + 1) / 2^32.
    const pick = Math.floor((threefry(key, [last, 0])[0] * (last + 1)) / 2 ** 32);
    [order[last], order[pick]] = [order[pick], order[last]];
  }
  return order;
}
