/** Waves of four kinds in noise, made up from a seed: what the model learns to tell apart. */
import { childKey, keyOf, normalAt, tensor, uniformAt } from "cellc/runtime";
import { kinds } from "./kinds.js";
import { examples, steps, width } from "./sizes.ts";

/** The standard deviation of the noise. The waves go from -1 to 1. */
const noise = 0.25;

/**
 * Batch `index` of the data called `name` that belongs to a seed: the same numbers whenever and wherever it is asked for. `x` is
 * [steps, examples, width], time first, as the model wants it; `y` is [examples], a number of `kinds` each.
 */
export function wavesOf(seed: number, name: string, index: number) {
  const key = childKey(keyOf(seed, name), index);
  const x = new Float32Array(steps * examples * width);
  const y = new Float32Array(examples);
  for (let b = 0; b < examples; b++) {
    const [a, phase, c] = [0, 1, 2].map((which) => uniformAt(key, 3 * b + which));
    const kind = Math.floor(kinds.length * a);
    // Two to four periods fit into a wave.
    const frequency = (2 + 2 * c) / (steps * width);
    y[b] = kind;
    for (let i = 0; i < steps * width; i++) {
      const at = placeOf(b, i);
      x[at] = height(kind, phase + frequency * i) + noise * normalAt(key, at, 1);
    }
  }
  return { x: tensor(x, [steps, examples, width]), y: tensor(y, [examples]) };
}

/** Where in `x` the i-th height of example b is. */
const placeOf = (b: number, i: number): number => (Math.floor(i / width) * examples + b) * width + (i % width);

/** The heights of example b, in their order. */
export const heightsOf = (x: Float32Array, b: number): Float32Array =>
  Float32Array.from({ length: steps * width }, (_, i) => x[placeOf(b, i)]);

/** How many of the held-out waves the page shows. */
export const shown = 8;

/** A batch that nothing is trained on. */
export const heldOut = (seed: number) => wavesOf(seed, "held out", 0);

/** The height of a wave at `periods` periods from its start, from -1 to 1. */
function height(kind: number, periods: number): number {
  const at = periods - Math.floor(periods);
  switch (kinds[kind]) {
    case "sine":
      return Math.sin(2 * Math.PI * at);
    case "triangle":
      return 1 - 4 * Math.abs(at - 0.5);
    case "square":
      return at < 0.5 ? 1 : -1;
    default:
      return 2 * at - 1;
  }
}
