import { describe, expect, test } from "vitest";
import { openTask, taskNames } from "../../../cli/data/catalogue.ts";
import { randomIntegers } from "../../../cli/data/mersenne-twister.ts";
import { loadMnist } from "../../../cli/data/mnist.ts";
import type { ReadyTask, Split } from "../../../cli/data/task.ts";
import { addingTask } from "../../../cli/data/tasks/adding.ts";
import { digitsTask } from "../../../cli/data/tasks/digits.ts";
import { mnistTask } from "../../../cli/data/tasks/mnist.ts";
import { testStreams } from "../../data/draws.ts";
import { SYNTHETIC, syntheticPixel, withFolder, writeSyntheticMnist } from "../../data/mnist.ts";

const synthetic = await withFolder(async (folder) => {
  await writeSyntheticMnist(folder);
  return loadMnist({ directory: folder, offline: true, environment: {}, say: () => {} });
});

const tasks: readonly ReadyTask[] = [
  ...(["rows", "pixels", "permuted", "permuted-released"] as const).map((reading) =>
    mnistTask(reading, synthetic, testStreams),
  ),
  digitsTask("pixels", testStreams),
  digitsTask("rows", testStreams),
  addingTask(20, testStreams),
];

describe.each(tasks.map((task) => [task.name, task] as const))("%s", (_, task) => {
  test("gives [T, B, …] for what has time and [B, …] for what has not", () => {
    const { inputs, steps, examples } = task.batch("train", Uint32Array.of(4, 0, 4));
    expect([steps, examples]).toEqual([task.steps, 3]);
    expect(Object.keys(inputs)).toEqual(Object.keys(task.inputs));
    for (const [name, input] of Object.entries(task.inputs)) {
      const features = input.kind === "index" ? 1 : input.shape.reduce((product, extent) => product * extent, 1);
      expect(inputs[name].length).toBe((input.time ? steps : 1) * 3 * features);
      if (input.kind === "index") {
        for (const value of inputs[name])
          expect(Number.isInteger(value) && value >= 0 && value < input.size).toBe(true);
      }
    }
  });

  test("gives an example the same numbers in any batch and at any place", () => {
    const alone = task.batch("test", Uint32Array.of(7));
    const among = task.batch("test", Uint32Array.of(3, 7, 5));
    for (const [name, input] of Object.entries(task.inputs)) {
      const rows = input.time ? task.steps : 1;
      const features = alone.inputs[name].length / rows;
      const row = (array: Float32Array, t: number, at: number, examples: number) =>
        Array.from(array.subarray((t * examples + at) * features, (t * examples + at + 1) * features));
      for (let t = 0; t < rows; t++) {
        expect(row(among.inputs[name], t, 1, 3)).toEqual(row(alone.inputs[name], t, 0, 1));
      }
    }
  });

  test("has different examples in its splits", () => {
    const first = (split: Split) => Array.from(task.batch(split, Uint32Array.of(0)).inputs.x).join();
    expect(new Set([first("train"), first("validation")]).size).toBe(2);
  });

  test("refuses an example outside its split", () => {
    for (const split of ["train", "validation", "test"] as const) {
      expect(() => task.batch(split, Uint32Array.of(task.splits[split]))).toThrow(RangeError);
    }
  });
});

describe("sequential MNIST", () => {
  const [rows, pixels, permuted, released] = tasks;

  test("scales pixels to [0, 1] and reads rows and pixels in scanline order", () => {
    const wanted = Array.from({ length: 784 }, (_, i) => Math.fround(syntheticPixel(2, i) / 255));
    expect(Array.from(rows.batch("test", Uint32Array.of(2)).inputs.x)).toEqual(wanted);
    expect(Array.from(pixels.batch("test", Uint32Array.of(2)).inputs.x)).toEqual(wanted);
    expect([rows.dims.D, rows.steps, pixels.dims.D, pixels.steps]).toEqual([28, 28, 1, 784]);
  });

  const read = (task: ReadyTask, split: Split, n: number) => Array.from(task.batch(split, Uint32Array.of(n)).inputs.x);
  // Pixels of example 0 repeat with period 251, so example 0 plus example 1's tell apart where each came from.
  const keys = (task: ReadyTask, split: Split) => {
    const [a, b] = [read(task, split, 0), read(task, split, 1)];
    return a.map((value, i) => `${value},${b[i]}`);
  };

  test("permuted shows every pixel once, in one order for all examples and splits", () => {
    expect(keys(permuted, "train").sort()).toEqual(keys(pixels, "train").sort());
    expect(keys(permuted, "train")).not.toEqual(keys(pixels, "train"));
    expect(keys(permuted, "test")).toEqual(keys(permuted, "train"));
  });

  test("permuted as released reads the index that NumPy draws from the script's seed, which repeats pixels", () => {
    const shown = keys(released, "train");
    const pixel = keys(pixels, "train");
    const index = randomIntegers(1, 784, 784);
    expect(shown).toEqual(Array.from(index, (at) => pixel[at]));
    expect(new Set(index).size).toBe(784 - 283);
    expect(keys(released, "test")).toEqual(shown);
    expect([released.name, released.dims.D, released.steps]).toEqual(["mnist-permuted-released", 1, 784]);
  });

  test("keeps the last images for validation", () => {
    expect(rows.splits).toEqual({ train: 50, validation: 10, test: SYNTHETIC.test });
    expect(rows.batch("validation", Uint32Array.of(0)).inputs.y[0]).toBe(50 % 10);
    expect(rows.batch("validation", Uint32Array.of(3)).inputs.x[0]).toBe(Math.fround(syntheticPixel(53, 0) / 255));
  });
});

describe("digits", () => {
  const task = digitsTask("pixels", testStreams);

  test("by rows is the same pictures as by pixels", () => {
    const byRows = digitsTask("rows", testStreams);
    const indices = Uint32Array.of(11);
    expect(byRows.batch("train", indices).inputs.x).toEqual(task.batch("train", indices).inputs.x);
    expect(byRows.steps * byRows.dims.D).toBe(task.steps * task.dims.D);
  });

  test("of one label are alike: the nearest mean picture, after undoing the shift, names most of them", () => {
    const { rows, columns } = task.picture!;
    const { inputs, examples } = task.batch(
      "train",
      Uint32Array.from({ length: 2000 }, (_, n) => n),
    );
    const counts = new Map<number, number>();
    const column = (n: number) => Array.from({ length: task.steps }, (_, t) => inputs.x[t * examples + n]);
    /** Moves the brightest window's corner to the top left: rows and columns summed, the first above half the largest. */
    const aligned = (n: number) => {
      const pixels: readonly number[] = column(n).map((value) => (value > 0.35 ? 1 : 0));
      const top = Math.max(0, pixels.indexOf(1));
      const row = Math.floor(top / columns);
      const lefts = pixels.flatMap((value, i) => (value === 1 ? [i % columns] : []));
      const left = Math.min(...lefts, columns - 1);
      return pixels.map((_, i) => {
        const r = Math.floor(i / columns) + row;
        const c = (i % columns) + left;
        return r < rows && c < columns ? pixels[r * columns + c] : 0;
      });
    };
    const means = Array.from({ length: 10 }, () => new Float64Array(task.steps));
    for (let n = 0; n < 1500; n++) {
      const label = inputs.y[n];
      counts.set(label, (counts.get(label) ?? 0) + 1);
      aligned(n).forEach((value, i) => {
        means[label][i] += value;
      });
    }
    expect(counts.size).toBe(10);
    means.forEach((mean, label) => {
      mean.forEach((sum, i) => {
        mean[i] = sum / counts.get(label)!;
      });
    });
    let right = 0;
    for (let n = 1500; n < 2000; n++) {
      const picture = aligned(n);
      const distances = means.map((mean) => picture.reduce((sum, value, i) => sum + (value - mean[i]) ** 2, 0));
      right += distances.indexOf(Math.min(...distances)) === inputs.y[n] ? 1 : 0;
    }
    expect(right / 500).toBeGreaterThan(0.8);
  });

  test("vary at every pixel, so that no step's variance is zero", () => {
    const { inputs, examples } = task.batch(
      "train",
      Uint32Array.from({ length: 64 }, (_, n) => n),
    );
    for (let t = 0; t < task.steps; t++) {
      const values = inputs.x.subarray(t * examples, (t + 1) * examples);
      const mean = values.reduce((sum, value) => sum + value, 0) / examples;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / examples;
      expect(variance).toBeGreaterThan(1e-3);
    }
  });
});

describe("adding", () => {
  test("marks one value in each half, and the target is their sum", () => {
    for (const steps of [2, 3, 50]) {
      const examples = 200;
      const { inputs } = addingTask(steps, testStreams).batch(
        "train",
        Uint32Array.from({ length: examples }, (_, n) => n),
      );
      for (let e = 0; e < examples; e++) {
        const marked = Array.from({ length: steps }, (_, t) => t).filter(
          (t) => inputs.x[(t * examples + e) * 2 + 1] === 1,
        );
        expect(marked).toHaveLength(2);
        expect(marked[0]).toBeLessThan(Math.floor(steps / 2));
        expect(marked[1]).toBeGreaterThanOrEqual(Math.floor(steps / 2));
        const sum = marked.reduce((total, t) => total + inputs.x[(t * examples + e) * 2], 0);
        expect(inputs.y[e]).toBeCloseTo(sum, 6);
      }
    }
  });

  test("answered with 1 has a mean squared error of a sixth", () => {
    const { inputs } = addingTask(10, testStreams).batch(
      "train",
      Uint32Array.from({ length: 20_000 }, (_, n) => n),
    );
    const error = inputs.y.reduce((sum, y) => sum + (y - 1) ** 2, 0) / inputs.y.length;
    expect(error).toBeCloseTo(1 / 6, 2);
  });
});

describe("the catalogue", () => {
  const options = { files: { offline: true, environment: {}, say: () => {} }, streams: testStreams };

  test("opens what needs no files, under its own name", async () => {
    for (const name of taskNames.filter((name) => !/^(?:mnist|babi|cnn)/.test(name))) {
      expect((await openTask(name, options)).name).toBe(name);
    }
    expect((await openTask("adding", { ...options, steps: 30 })).steps).toBe(30);
  });

  test("refuses an unknown name, a length for a task of fixed length, and a length too short", async () => {
    await expect(openTask("toString", options)).rejects.toMatchObject({ code: "C0301", exitCode: 2 });
    await expect(openTask("digits", { ...options, steps: 9 })).rejects.toMatchObject({ code: "C0301" });
    await expect(openTask("adding", { ...options, steps: 1 })).rejects.toMatchObject({ code: "C0301" });
  });
});
