import { describe, expect, test } from "vitest";
import type { Task, TaskInput } from "../../../cli/data/task.ts";
import { meanBaseline } from "../../../cli/training/target-values.ts";
import { trivialBaseline, trivialText } from "../../../cli/training/trivial.ts";

/** A task whose target has these values, the same in training and validation, over time if they are lists. */
function taskOf(y: TaskInput, train: readonly number[], validation: readonly number[]): Task {
  const values = { train, validation, test: [] };
  return {
    ...{ name: "t", summary: "", inputs: { x: { kind: "value", shape: [1], time: true }, y }, dims: {}, steps: 1 },
    splits: { train: train.length, validation: validation.length, test: 0 },
    batch: (split, indices) => ({
      inputs: { y: Float32Array.from(indices, (at) => values[split][at]) },
      steps: 1,
      examples: indices.length,
    }),
  };
}

const model = (body: string) => ({
  ...{ file: "m.cell", entry: "m" },
  text: `model m(D = 1, K = 3) {\n  param W : [D, K] = 0\n  input x : [D] over time\n  target y : index(K)\n  z = last(x) @ W\n  ${body}\n}\n`,
});

describe("of classes", () => {
  const task = taskOf({ kind: "index", size: 3, time: false }, [0, 1, 1, 1], [1, 1, 0, 2]);

  test("the most frequent one of the training part is right so often, and its shares cost so much", async () => {
    const text = "loss cross_entropy(z, y)\n  metric accuracy = correct(z, y)";
    const { measures, predicted } = (await trivialBaseline(model(text), task, "validation"))!;
    expect(measures.accuracy).toBe(0.5);
    // One more of each of three classes: 2, 4 and 1 of 7.
    expect(measures.loss).toBeCloseTo(-(2 * Math.log(4 / 7) + Math.log(2 / 7) + Math.log(1 / 7)) / 4, 12);
    expect(predicted).toEqual({ loss: "the shares of the classes", accuracy: "the most frequent class" });
  });

  test.each(["loss cross_entropy(z, y) + 0.1 * sum(square(W))", "loss mse(z, z)", "loss cross_entropy(z * 2, y)  fn"])(
    "nothing is said of a loss that is something else: %s",
    async (text) => {
      const shadowed = text.endsWith("fn");
      const { file, entry, text: source } = model(text.replace(/ {2}fn$/, ""));
      const own = shadowed ? `fn cross_entropy(a, b) { sum(a, over feature) }\n${source}` : source;
      expect(await trivialBaseline({ file, entry, text: own }, task, "validation")).toBeUndefined();
    },
  );

  test("a model that is derived has the measures of its base", async () => {
    const { file, text } = model("loss cross_entropy(z, y)");
    const derived = { file, entry: "n", text: `${text}model n = m with { place W : weight }\n` };
    expect(await trivialBaseline(derived, task, "validation")).toMatchObject({
      measures: { loss: expect.any(Number) },
    });
  });
});

describe("of numbers", () => {
  const task = taskOf({ kind: "value", shape: [1], time: false }, [1, 2, 6], [2, 4]);

  test("the mean has a mean square error, and the median a mean absolute one", async () => {
    const text = "loss mse(z, y)\n  metric off = mae(y, z)";
    const { measures, predicted } = (await trivialBaseline(model(text), task, "validation"))!;
    expect(measures).toEqual({ loss: 1, off: 1 });
    expect(predicted.off).toBe("the median of the training part");
  });

  test("a task's own baseline comes first, and examples are asked for by their numbers", async () => {
    const baseline = {
      name: "persistence",
      predict: (_target: string, _split: string, indices: Uint32Array) => Float32Array.from(indices, (at) => 2 * at),
    };
    const found = await trivialBaseline(model("loss mse(z, y)"), { ...task, baseline }, "validation");
    expect(found).toEqual({ measures: { loss: 4 }, predicted: { loss: "persistence" } });
  });

  test("of sequences of different lengths, too, which are read by length", async () => {
    const baseline = {
      name: "persistence",
      predict: (_target: string, _split: string, indices: Uint32Array) => Float32Array.from(indices, (at) => 10 * at),
    };
    const values = [0, 10, 20, 30];
    const ragged = {
      ...taskOf({ kind: "value", shape: [1], time: false }, values, values),
      baseline,
      lengths: () => Uint32Array.of(4, 1, 3, 2),
    };
    const found = await trivialBaseline(model("loss mse(z, y)"), ragged, "validation");
    expect(found).toEqual({ measures: { loss: 0 }, predicted: { loss: "persistence" } });
  });

  test("a signal ends it", async () => {
    const signal = AbortSignal.abort(new Error("stopped"));
    await expect(trivialBaseline(model("loss mse(z, y)"), task, "validation", signal)).rejects.toThrow("stopped");
  });

  test("is said in words", () => {
    const measures = { loss: 1 / 6, off: 0.25, other: 2 };
    const predicted = { loss: "the mean", off: "the median", other: "the mean" };
    expect(trivialText({ measures, predicted })).toBe("loss 0.1667, other 2.0000 (the mean), off 0.2500 (the median)");
  });

  test("steps that an example does not have do not count", async () => {
    const y: TaskInput = { kind: "value", shape: [1], time: true };
    const ragged: Task = {
      ...taskOf(y, [0], [0]),
      splits: { train: 2, validation: 2, test: 0 },
      steps: 2,
      lengths: () => Uint32Array.of(1, 2),
      batch: (_, indices) => ({
        // [T, B, 1]: the first example has one step.
        inputs: { y: Float32Array.of(2, 4, 1000, 6) },
        ...{ steps: 2, examples: indices.length, lengths: Uint32Array.of(1, 2) },
      }),
    };
    const found = await trivialBaseline(model("loss mse(z, y)"), ragged, "validation");
    expect(found!.measures.loss).toBeCloseTo(8 / 3, 6);
  });
});

describe("the mean as a baseline", () => {
  const y: TaskInput = { kind: "value", shape: [2], time: true };
  const task: Task = {
    ...taskOf(y, [0], [0]),
    splits: { train: 2, validation: 2, test: 0 },
    steps: 3,
    lengths: () => Uint32Array.of(3, 1),
    // [3, B, 2]: what stands behind the second example's only step is no value, and one is missing.
    batch: (_, indices) => ({
      inputs: {
        y: Float32Array.from({ length: 12 }, (_, i) => {
          const [t, example, k] = [Math.floor(i / 4), indices[Math.floor(i / 2) % 2], i % 2];
          return t === 1 && k === 1 ? Number.NaN : example === 1 && t > 0 ? 1e6 : 10 * k + t;
        }),
      },
      ...{ steps: 3, examples: 2, lengths: Uint32Array.from(indices, (at) => [3, 1][at]) },
    }),
  };

  test("is that of each column over the steps that examples have, without missing values", async () => {
    const { predict } = meanBaseline(task);
    expect(await predict("y", "validation", Uint32Array.of(1))).toEqual(Float32Array.of(0.75, 32 / 3));
    expect(await predict("y", "validation", Uint32Array.of(1, 0))).toHaveLength(3 * 2 * 2);
  });
});
