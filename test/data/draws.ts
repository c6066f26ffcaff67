/** Draws for tests of tasks: a counter-based generator of its own, so that these tests hold whatever generator joins. */
import type { RandomStreams } from "../../cli/data/task.ts";

/** SplitMix64's finaliser in 32 bits (Steele, Lea & Flood 2014), on a hash of the stream's name plus the index. */
export const testStreams: RandomStreams = (name) => {
  const key = [...name].reduce(
    (hash, letter) => Math.imul(hash ^ letter.codePointAt(0)!, 0x01000193) >>> 0,
    0x811c9dc5,
  );
  return (index) => {
    let z = (key + Math.imul(index + 1, 0x9e3779b9)) >>> 0;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad) >>> 0;
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97) >>> 0;
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
};
