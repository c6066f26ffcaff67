/**
 * Generated seven-segment digits on a small grid: shifted, of varying brightness, with lost pixels and noise on every pixel. A
 * small stand-in for sequential MNIST that needs no files: the label is predicted after the last pixel, so the model must
 * remember the first rows through the whole sequence.
 *
 * Background pixels are noisy, too. Sequential MNIST's black upper rows are the same for all examples, so its per-step variances
 * start at exactly zero; here they never do.
 */
import { checkIndices, type RandomStreams, type ReadyTask, type Split, type TaskBatch, type Uniform } from "../task.ts";

const ROWS = 9;
const COLUMNS = 6;
const GLYPH_ROWS = 7;
const GLYPH_COLUMNS = 4;
const PIXELS = ROWS * COLUMNS;

/** Standard deviation of the noise, and the probability that a lit pixel is lost. */
const NOISE = 0.1;
const LOSS = 0.02;
/** Brightness of an example's lit pixels. */
const DARKEST = 0.6;
const BRIGHTEST = 1;

const SPLITS: Readonly<Record<Split, number>> = { train: 50_000, validation: 2_000, test: 2_000 };

/**
 *      aaaa
 *     f    b
 *     f    b
 *      gggg
 *     e    c
 *     e    c
 *      dddd
 */
const SEGMENTS = ["abcdef", "bc", "abdeg", "abcdg", "bcfg", "acdfg", "acdefg", "abc", "abcdefg", "abcdfg"] as const;

/** Random numbers per example: label, row, column, brightness; for each pixel one for its loss and two for its noise. */
const DRAWS = 4 + 3 * PIXELS;

const GLYPHS = SEGMENTS.map(glyph);

/** `pixels`: 54 steps of one pixel. `rows`: 9 steps of 6 pixels. */
export type DigitsReading = "pixels" | "rows";

/** Example n of a split reads draws n·DRAWS … of the stream `digits/<split>`. */
export function digitsTask(reading: DigitsReading, streams: RandomStreams): ReadyTask {
  const steps = reading === "rows" ? ROWS : PIXELS;
  const features = PIXELS / steps;
  const name = reading === "rows" ? "digits-rows" : "digits";
  return {
    name,
    summary: `generated seven-segment digits, ${ROWS}×${COLUMNS}, ${reading === "rows" ? "a row" : "one pixel"} a step`,
    inputs: { x: { kind: "value", shape: [features], time: true }, y: { kind: "index", size: 10, time: false } },
    dims: { D: features, K: 10 },
    steps,
    splits: SPLITS,
    picture: {
      rows: ROWS,
      columns: COLUMNS,
      pixels: (split, index) => draw(streams(`digits/${split}`), index).pixels,
    },
    batch(split, indices): TaskBatch {
      checkIndices(name, split, SPLITS[split], indices);
      const uniform = streams(`digits/${split}`);
      const examples = indices.length;
      const x = new Float32Array(PIXELS * examples);
      const y = new Float32Array(examples);
      for (let e = 0; e < examples; e++) {
        const { label, pixels } = draw(uniform, indices[e]);
        y[e] = label;
        for (let i = 0; i < PIXELS; i++) {
          x[(Math.floor(i / features) * examples + e) * features + (i % features)] = pixels[i];
        }
      }
      return { inputs: { x, y }, steps, examples };
    },
  };
}

function draw(uniform: Uniform, index: number): { label: number; pixels: Float32Array } {
  const first = index * DRAWS;
  const label = Math.floor(uniform(first) * SEGMENTS.length);
  const top = Math.floor(uniform(first + 1) * (ROWS - GLYPH_ROWS + 1));
  const left = Math.floor(uniform(first + 2) * (COLUMNS - GLYPH_COLUMNS + 1));
  const brightness = DARKEST + (BRIGHTEST - DARKEST) * uniform(first + 3);
  const pixels = new Float32Array(PIXELS);
  for (let i = 0; i < PIXELS; i++) {
    const row = Math.floor(i / COLUMNS) - top;
    const column = (i % COLUMNS) - left;
    const inside = row >= 0 && row < GLYPH_ROWS && column >= 0 && column < GLYPH_COLUMNS;
    const at = first + 4 + 3 * i;
    const lit = inside && GLYPHS[label][row * GLYPH_COLUMNS + column] && uniform(at) >= LOSS;
    pixels[i] = (lit ? brightness : 0) + NOISE * normal(uniform(at + 1), uniform(at + 2));
  }
  return { label, pixels };
}

/** Box & Muller 1958. `1 − u` keeps the logarithm's argument out of zero. */
function normal(u: number, v: number): number {
  return Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v);
}

/** [GLYPH_ROWS, GLYPH_COLUMNS], true where lit; corners belong to every segment that ends there. */
function glyph(segments: string): readonly boolean[] {
  const middle = Math.floor(GLYPH_ROWS / 2);
  const last = GLYPH_ROWS - 1;
  return Array.from({ length: GLYPH_ROWS * GLYPH_COLUMNS }, (_, i) => {
    const row = Math.floor(i / GLYPH_COLUMNS);
    const column = i % GLYPH_COLUMNS;
    const left = column === 0;
    const right = column === GLYPH_COLUMNS - 1;
    const on: Readonly<Record<string, boolean>> = {
      a: row === 0,
      b: right && row <= middle,
      c: right && row >= middle,
      d: row === last,
      e: left && row >= middle,
      f: left && row <= middle,
      g: row === middle,
    };
    return [...segments].some((segment) => on[segment]);
  });
}
