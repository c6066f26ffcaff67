/**
 * Sequential MNIST: row by row, pixel by pixel in scanline order, and pixel by pixel in one fixed random order (Le et al. 2015; Cooijmans
 * et al. 2016, section 5.1), or by the index that the latter's released script draws. The label is asked for after the last step.
 */
import { exit, Failure } from "../../failure.ts";
import { randomIntegers } from "../mersenne-twister.ts";
import type { ImageSet, Mnist } from "../mnist.ts";
import { permutation } from "../shuffle.ts";
import {
  checkIndices,
  type RandomStreams,
  type ReadyTask,
  type Split,
  type TaskBatch,
  type TaskForm,
} from "../task.ts";

export type MnistReading = "rows" | "pixels" | "permuted" | "permuted-released";

const SUMMARIES: Readonly<Record<MnistReading, string>> = {
  rows: "MNIST, a row of 28 pixels a step",
  pixels: "MNIST, one pixel a step in scanline order",
  permuted: "MNIST, one pixel a step in one fixed random order",
  "permuted-released":
    "MNIST, one pixel a step by the index of Cooijmans et al.'s script, which repeats pixels and leaves out 283",
};

/** The paper keeps the last 10,000 of the 60,000 training images for validation. */
const VALIDATION = 10_000;

/** The seed that the released script has unless it is told another. The index is the first that it draws. */
const RELEASED_SEED = 1;

/** The sizes of MNIST's images. */
const PUBLISHED = { rows: 28, columns: 28 };

/** The form of the task. */
export function mnistForm(
  reading: MnistReading,
  { rows, columns }: Pick<ImageSet, "rows" | "columns"> = PUBLISHED,
): TaskForm {
  const steps = reading === "rows" ? rows : rows * columns;
  const features = (rows * columns) / steps;
  return {
    name: `mnist-${reading}`,
    inputs: { x: { kind: "value", shape: [features], time: true }, y: { kind: "index", size: 10, time: false } },
    dims: { D: features, K: 10 },
    steps,
  };
}

/**
 * Pixels are scaled to [0, 1]. The last 10,000 training images are for validation (a sixth of a smaller set). `permuted` is a true
 * permutation, from the stream `mnist/order`. The authors' released script draws its index with replacement, so
 * that published permuted scores may be on `permuted-released`.
 */
export function mnistTask(reading: MnistReading, mnist: Mnist, streams: RandomStreams): ReadyTask {
  const { rows, columns } = mnist.train;
  const size = rows * columns;
  const form = mnistForm(reading, mnist.train);
  const { steps } = form;
  const features = size / steps;
  const order = orderOf(reading, size, streams);
  const held = Math.min(VALIDATION, Math.floor(mnist.train.count / 6));
  const splits = { train: mnist.train.count - held, validation: held, test: mnist.test.count };
  for (const split of ["train", "test"] as const) {
    if (splits[split] === 0) throw new Failure("C0402", exit.input, `MNIST: the ${split} set holds no images`);
  }

  const place = (split: Split): { set: ImageSet; first: number } => ({
    set: split === "test" ? mnist.test : mnist.train,
    first: split === "validation" ? splits.train : 0,
  });

  return {
    ...form,
    summary: SUMMARIES[reading],
    splits,
    picture: {
      rows,
      columns,
      pixels(split, index) {
        const { set, first } = place(split);
        const start = (first + index) * size;
        return Float32Array.from(set.pixels.subarray(start, start + size), (byte) => byte / 255);
      },
    },
    batch(split, indices): TaskBatch {
      checkIndices(`mnist-${reading}`, split, splits[split], indices);
      const { set, first } = place(split);
      const examples = indices.length;
      const x = new Float32Array(size * examples);
      const y = new Float32Array(examples);
      for (let e = 0; e < examples; e++) {
        const start = (first + indices[e]) * size;
        y[e] = set.labels[first + indices[e]];
        for (let i = 0; i < size; i++) {
          const step = Math.floor(i / features);
          const byte = set.pixels[start + (order === undefined ? i : order[i])];
          x[(step * examples + e) * features + (i % features)] = byte / 255;
        }
      }
      return { inputs: { x, y }, steps, examples };
    },
  };
}

/** Which pixel is read at each step; undefined for the scanline order. */
function orderOf(reading: MnistReading, size: number, streams: RandomStreams): Uint32Array | undefined {
  switch (reading) {
    case "permuted":
      return permutation(size, streams("mnist/order"));
    case "permuted-released":
      return randomIntegers(RELEASED_SEED, size, size);
    case "rows":
    case "pixels":
      return undefined;
    default:
      return reading satisfies never;
  }
}
