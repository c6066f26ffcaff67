/** `--weight` and `--class-weights`: which number belongs to which value of a target. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { classWeightsText, readClassWeights } from "../../../cli/data/class-weights.ts";
import type { DataOptions } from "../../../cli/data/data-options.ts";
import { openOwnData, type Purpose } from "../../../cli/data/own-data.ts";
import type { Preparation } from "../../../cli/data/preparation.ts";
import type { Task } from "../../../cli/data/task.ts";
import { lengthsAlong } from "../../../cli/data/time-axes.ts";
import { withFolder } from "../../data/mnist.ts";

async function* nothing(): AsyncGenerator<Uint8Array> {}

interface Opened {
  readonly task: Task;
  readonly said: string;
}

/** The task of a file of this name and text. */
const opened = (name: string, text: string, options: DataOptions, known?: Preparation, purpose?: Purpose) =>
  withFolder(async (folder): Promise<Opened> => {
    const path = join(folder, name);
    await writeFile(path, text);
    const said: string[] = [];
    const host = { stdin: nothing(), say: (line: string) => void said.push(line) };
    return { task: await openOwnData(host, path, options, known, purpose), said: said.join("\n") };
  });

const inputs = async ({ task }: Opened, ...indices: readonly number[]) =>
  (await task.batch("train", Uint32Array.from(indices))).inputs;

/** A series with v = step, w = 10 + step and the class a at every third step. */
const series = (steps: number): string =>
  `v,w,kind\n${Array.from({ length: steps }, (_, t) => `${t},${10 + t},${t % 3 === 0 ? "a" : "b"}`).join("\n")}\n`;

const split = [0.5, 0.25, 0.25] as const;

describe("a column of weights", () => {
  const common = { weight: "w", split, window: 4, scale: "none" } as const;

  test("is that of the target's steps, unscaled, and no input", async () => {
    const each = await opened("t.csv", series(40), { ...common, target: { y: ["v"] }, inputs: { x: ["v"] } });
    expect(each.task.inputs.weight).toEqual({ kind: "value", shape: [1], time: true });
    // [T, B]
    expect((await inputs(each, 0, 5)).weight).toEqual(Float32Array.of(10, 15, 11, 16, 12, 17, 13, 18));
    const ahead = await opened("t.csv", series(40), { ...common, horizon: 2, target: { y: ["v"] } });
    expect(ahead.task.inputs.weight).toEqual({ kind: "value", shape: [2], time: false });
    expect((await inputs(ahead, 0, 5)).weight).toEqual(Float32Array.of(14, 15, 19, 20));
    const last = await opened("t.csv", series(40), { ...common, per: "sequence", label: { y: "kind" } });
    expect(last.task.inputs.weight).toEqual({ kind: "value", shape: [1], time: false });
    expect(await inputs(last, 0, 5)).toMatchObject({ weight: Float32Array.of(13, 18), y: Float32Array.of(0, 1) });
    expect(last.task.inputs.x).toEqual({ kind: "value", shape: [1], time: true });
  });

  test("of sequences is one for each, whether its target is of each step or not", async () => {
    const lines = [2, 3, 4, 5].map((n) =>
      JSON.stringify({
        x: Array.from({ length: n }, (_, t) => t),
        y: n % 2 ? "odd" : "even",
        c: Array(n).fill("k"),
        w: n / 2,
      }),
    );
    const text = `${lines.join("\n")}\n`;
    const whole = await opened("t.jsonl", text, { weight: "w", label: { y: "y" }, split: [1, 0, 0] });
    expect((await inputs(whole, 0, 1, 2, 3)).weight).toEqual(Float32Array.of(1, 1.5, 2, 2.5));
    const each = await opened("t.jsonl", text, { weight: "w", label: { y: "c" }, per: "step", split: [1, 0, 0] });
    expect(each.task.inputs.weight).toEqual({ kind: "value", shape: [1], time: false });
  });

  test("is not in the examples that are predicted, and new data need not have it", async () => {
    const options = { ...common, target: { y: ["v"] }, inputs: { x: ["v"] } };
    const { task } = await opened("t.csv", series(40), options);
    const purpose = { whole: true, predicting: true };
    const found = await opened(
      "n.csv",
      series(10)
        .replaceAll(/,\d+,[a-z]+/g, ",")
        .replace("v,w,kind", "v,z"),
      { window: 4 },
      task.preparation,
      purpose,
    );
    expect(Object.keys((await found.task.batch("test", Uint32Array.of(0))).inputs)).toEqual(["x"]);
  });

  test("where it is missing is filled as is asked for", async () => {
    const text = series(8).replace("1,11,b", "1,,b");
    const options = { weight: "w", target: { y: ["v"] }, inputs: { x: ["v"] }, split } as const;
    await expect(opened("t.csv", text, options)).rejects.toThrow(/:3: .*w/);
    const filled = await opened("t.csv", text, { ...options, missing: "mean" });
    expect((await inputs(filled, 0)).weight).toEqual(Float32Array.of(10, (10 + 12 + 13) / 3, 12, 13));
    const zero = await opened("t.csv", text, { ...options, missing: "zero" });
    expect((await inputs(zero, 0)).weight[1]).toBe(0);
  });

  test.each<[string, string, DataOptions, string]>([
    [
      "below 0",
      series(9).replace("8,18", "8,-18"),
      { weight: "w", target: { y: ["v"] }, inputs: { x: ["v"] } },
      "w is -18 in sequence 1, step 9, and a weight is not below 0",
    ],
    ["that is a text", series(9), { weight: "kind", target: { y: ["v"] }, inputs: { x: ["v"] } }, "kind of"],
    [
      "that is not there",
      series(9),
      { weight: "u", target: { y: ["v"] }, inputs: { x: ["v"] } },
      "has no column u, which is to be weight",
    ],
    [
      "beside a target of that name",
      series(9),
      { weight: "w", target: { weight: ["v"] }, inputs: { x: ["v"] } },
      "weight is the model's name for --weight",
    ],
  ])("%s is refused", async (_, text, options, words) => {
    await expect(opened("t.csv", text, { split, ...options })).rejects.toThrow(words);
  });
});

describe("weights of classes", () => {
  test("that are balanced make all classes count alike over the training examples", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ length: fc.integer({ min: 1, max: 5 }), kind: fc.constantFrom("a", "b", "c") }), {
          minLength: 3,
          maxLength: 12,
        }),
        fc.boolean(),
        async (sequences, each) => {
          const lines = sequences.flatMap(({ length, kind }, id) =>
            Array.from({ length }, (_, t) => `${id},${t},${kind}`),
          );
          const options: DataOptions = {
            group: "id",
            label: { y: "kind" },
            classWeights: "balanced",
            per: each ? "step" : "sequence",
            inputs: { x: ["v"] },
            split: [1, 0, 0],
          };
          const { task } = await opened("t.csv", `id,v,kind\n${lines.join("\n")}\n`, options);
          const batch = await task.batch(
            "train",
            Uint32Array.from(sequences, (_, i) => i),
          );
          const { inputs } = batch;
          const lengths = lengthsAlong(batch);
          const sums = new Map<number, number>();
          for (const [i, y] of inputs.y.entries()) {
            const isThere =
              !each || lengths === undefined || lengths[i % sequences.length] > Math.floor(i / sequences.length);
            if (isThere) sums.set(y, (sums.get(y) ?? 0) + inputs.weight[i]);
          }
          const [first, ...others] = sums.values();
          for (const sum of others) expect(sum).toBeCloseTo(first, 4);
        },
      ),
      { numRuns: 30 },
    ));

  test("are counted at the last steps of windows, and stay those of training", async () => {
    const options = {
      window: 4,
      stride: 3,
      per: "sequence",
      label: { y: "kind" },
      inputs: { x: ["v"] },
      split: [0.5, 0.25, 0.25],
      weight: "w",
    } as const;
    const { task, said } = await opened("t.csv", series(42), { ...options, classWeights: "balanced" });
    // Windows end at steps 3, 6, …, 18: always a.
    expect(said).toContain("weights of classes: a 1, b 1");
    const other = series(42)
      .replaceAll("a", "q")
      .replaceAll("b", "a")
      .replaceAll("q", "b")
      .replace("v,w,kind", "v,w,kind");
    const again = await opened("t.csv", other, { ...options, classWeights: "balanced" }, task.preparation);
    expect(again.task.preparation).toEqual(task.preparation);
  });

  test("are given by name, times the column's", async () => {
    const options = { window: 3, per: "step", label: { y: "kind" }, inputs: { x: ["v"] }, split, weight: "w" } as const;
    const found = await opened("t.csv", series(16), { ...options, classWeights: { a: 5 } });
    expect((await inputs(found, 0)).weight).toEqual(Float32Array.of(50, 11, 12));
    expect(found.said).toContain("weights of classes: a 5, b 1");
    await expect(opened("t.csv", series(16), { ...options, classWeights: { z: 5 } })).rejects.toThrow(
      "kind has no class z",
    );
    const numbers = { ...options, label: undefined, target: { y: ["v"] }, classWeights: "balanced" } as const;
    await expect(opened("t.csv", series(16), numbers)).rejects.toThrow("y is made of numbers");
  });

  test("are read as they are written", () => {
    expect(readClassWeights("balanced")).toBe("balanced");
    expect(readClassWeights("a=b=2, c=0.5")).toEqual({ "a=b": 2, c: 0.5 });
    for (const wrong of ["", "a", "a=", "=1", "a=-1", "a=x", "a=Infinity"])
      expect(() => readClassWeights(wrong)).toThrow("want balanced");
    expect(() => readClassWeights("a=1,a=2")).toThrow("each class once");
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ minLength: 1 }), fc.float({ min: 0, noNaN: true, noDefaultInfinity: true }), {
          minKeys: 1,
          noNullPrototype: true,
        }),
        (weights) => {
          const words = classWeightsText(weights);
          const isSayable = Object.keys(weights).every((name) => !name.includes(",") && name.trim() === name);
          expect(words !== undefined).toBe(isSayable);
          if (words !== undefined) expect(readClassWeights(words)).toEqual(weights);
        },
      ),
    );
  });
});
