import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DataOptions } from "../../../cli/data/data-options.ts";
import { openOwnData } from "../../../cli/data/own-data.ts";
import type { Preparation } from "../../../cli/data/preparation.ts";
import type { Split, Task, TaskBatch } from "../../../cli/data/task.ts";
import { lengthsAlong } from "../../../cli/data/time-axes.ts";
import { batchesOf } from "../../../cli/training/batches.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cellc-own-"));
});
afterAll(() => rm(folder, { recursive: true }));

let files = 0;

/** The task of a table, with what was said of it. */
async function opened(
  text: string,
  options: DataOptions,
  preparation?: Preparation,
): Promise<{ task: Task; said: string }> {
  const path = join(folder, `t${files++}.csv`);
  await writeFile(path, text);
  const lines: string[] = [];
  const task = await openOwnData(
    { stdin: nothing(), say: (line) => void lines.push(line) },
    path,
    options,
    preparation,
  );
  return { task, said: lines.join("\n") };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

const all = (task: Task, split: Split): Promise<TaskBatch> =>
  Promise.resolve(
    task.batch(
      split,
      Uint32Array.from({ length: task.splits[split] }, (_, i) => i),
    ),
  );

/** A series a, b = step, 100 − 2·step. */
const series = (steps: number): string =>
  `date,a,b\n${Array.from({ length: steps }, (_, t) => `2020-01-01 ${String(Math.floor(t / 60)).padStart(2, "0")}:${String(t % 60).padStart(2, "0")},${t},${100 - 2 * t}`).join("\n")}\n`;

describe("a forecast", () => {
  const options: DataOptions = { window: 4, horizon: 2, target: { y: ["a"] }, split: [0.7, 0.1, 0.2], scale: "none" };

  test("has every window of each part, and no window reaches over a border", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 30, max: 90 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 5 }),
        async (steps, window, horizon, stride) => {
          const { task } = await opened(series(steps), { ...options, window, horizon, stride });
          const borders = [0, Math.floor(0.7 * steps + 1e-9), steps - Math.floor(0.2 * steps + 1e-9), steps];
          for (const [at, split] of (["train", "validation", "test"] as const).entries()) {
            const starts: number[] = [];
            for (let from = borders[at]; from + window + horizon <= borders[at + 1]; from += stride) starts.push(from);
            expect(task.splits[split]).toBe(starts.length);
            if (starts.length === 0) continue;
            const { inputs, steps: T, examples } = await all(task, split);
            expect([T, examples]).toEqual([window, starts.length]);
            starts.forEach((from, e) => {
              for (let t = 0; t < window; t++) {
                expect(inputs.x[(t * examples + e) * 2]).toBe(from + t);
                expect(inputs.x[(t * examples + e) * 2 + 1]).toBe(100 - 2 * (from + t));
              }
              for (let h = 0; h < horizon; h++) expect(inputs.y[e * horizon + h]).toBe(from + window + h);
            });
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  test("with a random offset has windows side by side from anywhere below the stride, as many in each epoch", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 10, max: 90 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 9 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        async (steps, window, stride, drawn) => {
          const shape: DataOptions = { ...options, window, stride, horizon: 1 };
          const { task: fixed } = await opened(series(steps), shape);
          const { task, said } = await opened(series(steps), { ...shape, randomOffset: true });
          expect(said).toContain(`an offset of its own, below ${stride} steps`);
          const end = Math.floor(0.7 * steps + 1e-9);
          const offsets = Math.min(stride, end - window);
          // As many as fit at the largest offset.
          expect(task.splits.train).toBe(Math.floor((end - window - offsets) / stride) + 1);
          const offset = Math.floor(drawn * offsets);
          const indices = Uint32Array.from({ length: task.splits.train }, (_, i) => i);
          const { inputs, examples } = await task.inEpoch!(() => drawn).batch("train", indices);
          for (const e of indices)
            for (let t = 0; t < window; t++) expect(inputs.x[(t * examples + e) * 2]).toBe(offset + e * stride + t);
          for (const e of indices) expect(inputs.y[e]).toBe(offset + e * stride + window);
          // What is measured, and what statistics are estimated from, does not move.
          const first = Uint32Array.of(0);
          expect(await task.batch("train", first)).toEqual(await fixed.batch("train", first));
          for (const split of ["validation", "test"] as const) {
            expect(task.splits[split]).toBe(fixed.splits[split]);
            if (fixed.splits[split] === 0) continue;
            expect(await task.inEpoch!(() => drawn).batch(split, first)).toEqual(await fixed.batch(split, first));
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test("with a random offset draws one for each sequence, so that none is without a window", async () => {
    const table = `id,a\n${["p", "q", "r"].flatMap((id, s) => Array.from({ length: [5, 9, 30][s] }, (_, t) => `${id},${100 * s + t}`)).join("\n")}\n`;
    const shape = { group: "id", inputs: { x: ["a"] }, target: { y: ["a"] }, window: 4, stride: 4 } as const;
    const { task } = await opened(table, { ...shape, scale: "none", split: [1, 0, 0], randomOffset: true });
    // Of 5 steps, one window at two offsets; of 9, one at the largest of four; of 30, six.
    expect(task.splits.train).toBe(8);
    const all = Uint32Array.from({ length: 8 }, (_, i) => i);
    const { inputs } = await task.inEpoch!((sequence) => [0.5, 0.25, 0.99][sequence]).batch("train", all);
    expect([...inputs.x.subarray(0, 8)]).toEqual([1, 101, 203, 207, 211, 215, 219, 223]);
  });

  test("says its shapes and sizes, and what was understood", async () => {
    const { task, said } = await opened(series(40), options);
    expect(task.inputs).toEqual({
      x: { kind: "value", shape: [2], time: true },
      y: { kind: "value", shape: [2], time: false },
    });
    expect(task.dims).toEqual({ D: 2, K: 1, N: 2 });
    expect(said).toMatch(
      /^t\d+: 40 steps; from x of a, b: 2 steps of a after windows of 4; examples: 23 train, 0 validation, 3 test\n1 sequence or part is shorter than 6 steps, and left out$/,
    );
    const both = (await opened(series(40), { ...options, target: { y: ["a", "b"] } })).task;
    expect(both.inputs.y).toEqual({ kind: "value", shape: [2, 2], time: false });
    expect([...(await both.batch("train", Uint32Array.of(1))).inputs.y]).toEqual([5, 90, 6, 88]);
  });

  test("is scaled by the training part alone, and its predictions come back in the data's units", async () => {
    const { task } = await opened(series(100), { ...options, scale: "standard" });
    const x = task.preparation?.inputs.x;
    if (x?.kind !== "numbers") throw new Error("x is numbers");
    // The numbers 0 … 69 have the mean 34.5 and the variance (70² − 1) / 12.
    expect(x.center[0]).toBeCloseTo(34.5, 10);
    expect(x.spread[0]).toBeCloseTo(Math.sqrt((70 ** 2 - 1) / 12), 10);
    expect(x.spread[1]).toBeCloseTo(2 * x.spread[0], 10);
    const indices = Uint32Array.of(0, 5);
    const { inputs } = await task.batch("test", indices);
    expect(inputs.x[0]).toBeCloseTo((80 - 34.5) / x.spread[0], 5);
    const back = await task.inUnits!("y", "test", indices, inputs.y);
    for (const [i, value] of [84, 85, 89, 90].entries()) expect(back[i]).toBeCloseTo(value, 4);
    expect(task.keys!.names).toEqual([{ name: "date", counts: false }]);
    expect(await task.keys!.of("test", 0, [4])).toEqual([["2020-01-01 01:24"]]);
  });

  test("as a change is 0 where nothing changes, and comes back in the data's units", async () => {
    const { task } = await opened(series(100), { ...options, scale: "standard", change: true });
    const indices = Uint32Array.of(3, 0);
    const { inputs } = await task.batch("validation", indices);
    // The change over both steps is 2 everywhere: it has no deviation to divide by.
    expect([...inputs.y]).toEqual([1, 2, 1, 2]);
    expect([...(await task.inUnits!("y", "validation", indices, inputs.y))]).toEqual([77, 78, 74, 75]);
    expect([...(await task.baseline!.predict("y", "validation", indices))]).toEqual([0, 0, 0, 0]);
  });

  test("has persistence as its baseline", async () => {
    const { task } = await opened(series(100), options);
    expect(task.baseline?.name).toBe("persistence");
    expect([...(await task.baseline!.predict("y", "test", Uint32Array.of(0, 2)))]).toEqual([83, 83, 85, 85]);
  });

  test("of several series is divided by series, or by time when asked to", async () => {
    const text = `g,a\n${["p", "q", "r", "s", "t"].flatMap((g) => Array.from({ length: 20 }, (_, t) => `${g},${t}`)).join("\n")}\n`;
    const own = { ...options, group: "g", split: [0.6, 0.2, 0.2] as const };
    const bySeries = (await opened(text, own)).task;
    expect(bySeries.splits).toEqual({ train: 45, validation: 15, test: 15 });
    const byTime = (await opened(text, { ...own, window: 2, horizon: 1, splitBy: "time" })).task;
    expect(byTime.splits).toEqual({ train: 50, validation: 10, test: 10 });
    expect((await all(byTime, "train")).inputs.y.every((value) => value < 12)).toBe(true);
  });
});

describe("classes", () => {
  /** Sequences of 1 … 9 steps with a class each. */
  const rows = Array.from({ length: 40 }, (_, g) =>
    Array.from({ length: 1 + (g % 9) }, (_, t) => `s${g},${t + g / 100},${g % 3 === 0 ? "bad" : "good"}`),
  );
  const text = `id,v,kind\n${rows.flat().join("\n")}\n`;
  const options: DataOptions = { group: "id", label: { y: "kind" }, scale: "none" };

  test("of whole sequences of different lengths are one for each sequence", async () => {
    const { task, said } = await opened(text, options);
    expect(task.inputs).toEqual({
      x: { kind: "value", shape: [1], time: true },
      y: { kind: "index", size: 2, time: false },
    });
    expect(task.outputs).toEqual({ y: { kind: "classes", names: ["bad", "good"] } });
    expect(task.steps).toBe(9);
    expect(task.splits).toEqual({ train: 32, validation: 4, test: 4 });
    expect(said).toMatch(/classes of y: bad \d+\.\d %, good \d+\.\d %/);
    const seen = new Set<string>();
    for (const split of ["train", "validation", "test"] as const) {
      const batch = await all(task, split);
      const { inputs, examples } = batch;
      const lengths = lengthsAlong(batch);
      expect(lengths).toEqual(task.lengths!(split));
      for (let e = 0; e < examples; e++) {
        const g = Math.round((inputs.x[e] % 1) * 100);
        expect(lengths![e]).toBe(1 + (g % 9));
        expect(inputs.y[e]).toBe(g % 3 === 0 ? 0 : 1);
        for (let t = 0; t < lengths![e]; t++) expect(inputs.x[t * examples + e]).toBeCloseTo(t + g / 100, 5);
        expect(await task.keys!.of(split, e, [0])).toEqual([[`s${g}`]]);
        seen.add(`s${g}`);
      }
    }
    expect(seen.size).toBe(40);
  });

  test("are measured by length", async () => {
    const { task } = await opened(text, options);
    const found: number[] = [];
    for await (const batch of batchesOf(task, "train", 5)) found.push(...lengthsAlong(batch)!);
    expect(found).toEqual([...task.lengths!("train")].sort((a, b) => a - b));
  });

  test("at each step, or at the last of a window, are as asked", async () => {
    const changing = `v,k\n${Array.from({ length: 30 }, (_, t) => `${t},${t % 4}`).join("\n")}\n`;
    const each = (await opened(changing, { label: { y: "k" }, window: 5, scale: "none" })).task;
    expect(each.inputs.y).toEqual({ kind: "index", size: 4, time: true });
    expect([...(await each.batch("train", Uint32Array.of(2))).inputs.y]).toEqual([2, 3, 0, 1, 2]);
    const last = (await opened(changing, { label: { y: "k" }, window: 5, per: "sequence", scale: "none" })).task;
    expect(last.inputs.y).toEqual({ kind: "index", size: 4, time: false });
    expect([...(await last.batch("train", Uint32Array.of(2, 3))).inputs.y]).toEqual([2, 3]);
  });

  test("have the most frequent one of the training part as their baseline", async () => {
    const { task } = await opened(text, options);
    expect(task.baseline?.name).toBe("most frequent");
    expect([...(await task.baseline!.predict("y", "test", Uint32Array.of(0, 1)))]).toEqual([1, 1]);
  });
});

describe("symbols", () => {
  const text = `k\n${Array.from({ length: 100 }, (_, t) => ["b", "a", "c"][t % 3]).join("\n")}\n`;

  test("are predicted from those before them", async () => {
    const { task } = await opened(text, { window: 6 });
    expect(task.inputs).toEqual({
      w: { kind: "index", size: 3, time: true },
      y: { kind: "index", size: 3, time: true },
    });
    expect(task.dims).toEqual({ V: 3, K: 3 });
    expect(task.outputs?.y).toEqual({ kind: "symbols", names: ["a", "b", "c"] });
    const { inputs } = await task.batch("train", Uint32Array.of(1));
    expect([[...inputs.w], [...inputs.y]]).toEqual([
      [0, 2, 1, 0, 2, 1],
      [2, 1, 0, 2, 1, 0],
    ]);
  });

  test("that the training part lacks are refused, or have one place", async () => {
    const late = `k\n${"a\nb\n".repeat(50)}z\n`;
    const { task } = await opened(late, { window: 3 });
    await expect(all(task, "test")).rejects.toMatchObject({
      code: "C0406",
      message: expect.stringContaining('is "z"'),
    });
    const knowing = (await opened(late, { window: 3, unknown: true })).task;
    expect(knowing.outputs?.y).toEqual({ kind: "symbols", names: ["a", "b", "<unk>"] });
    expect((await all(knowing, "test")).inputs.y.at(-1)).toBe(2);
  });

  test("may look like numbers", async () => {
    const { task } = await opened("e\n5\n22\n5\n11\n5\n22\n5\n11\n5\n22\n", { symbols: ["e"], window: 2 });
    expect(task.outputs?.y).toMatchObject({ names: ["5", "11", "22"] });
  });
});

describe("missing values", () => {
  const text = `a,b\n${Array.from({ length: 40 }, (_, t) => `${t % 10 === 5 ? "" : t},7`).join("\n")}\n`;
  const options: DataOptions = { window: 4, horizon: 1, target: { y: ["b"] }, scale: "none" };

  test("are refused with their line", async () => {
    await expect(opened(text, options)).rejects.toMatchObject({
      code: "C0402",
      message: expect.stringMatching(/:7: column 1, a, is missing$/),
    });
  });

  test.each(["mean", "zero", "previous"] as const)(
    "are filled with the %s when asked to, and counted",
    async (missing) => {
      const { task, said } = await opened(text, { ...options, missing });
      const known = Array.from({ length: 32 }, (_, t) => t).filter((t) => t % 10 !== 5);
      const wanted = { mean: known.reduce((sum, t) => sum + t, 0) / known.length, zero: 0, previous: 4 }[missing];
      expect((await task.batch("train", Uint32Array.of(5))).inputs.x[0]).toBeCloseTo(wanted, 5);
      expect(said).toContain("4 of a");
    },
  );

  test("a column that never changes is left alone, and that is said", async () => {
    const { task, said } = await opened(text, { ...options, scale: "standard", missing: "mean" });
    expect(said).toContain("the same at every step of the training part, and not scaled: b");
    expect((await task.batch("train", Uint32Array.of(0))).inputs.y[0]).toBe(7);
  });
});

describe("a preparation", () => {
  const options: DataOptions = { window: 4, horizon: 2, target: { y: ["a"] } };

  test("that is given is applied to other data, and none is computed", async () => {
    const { preparation } = (await opened(series(100), options)).task;
    const other = `a,b\n${Array.from({ length: 60 }, (_, t) => `${1000 + t},0`).join("\n")}\n`;
    const { task } = await opened(other, options, preparation);
    expect(task.preparation).toEqual(preparation);
    const x = preparation!.inputs.x;
    if (x.kind !== "numbers") throw new Error("x is numbers");
    expect((await task.batch("train", Uint32Array.of(0))).inputs.x[0]).toBeCloseTo(
      (1000 - x.center[0]) / x.spread[0],
      3,
    );
  });

  test("of other columns is refused", async () => {
    const { preparation } = (await opened(series(100), options)).task;
    await expect(opened(series(100), { ...options, inputs: { x: ["b"] } }, preparation)).rejects.toMatchObject({
      code: "C0403",
      message: "the checkpoint was trained with x made of numbers a, b, and here it is made of numbers b",
    });
  });
});

describe("a folder", () => {
  test("of files named after the parts has these parts", async () => {
    const path = join(folder, "parts");
    await mkdir(path);
    const rows = (from: number) => `a,y\n${Array.from({ length: 8 }, (_, t) => `${from + t},${from}`).join("\n")}\n`;
    for (const [name, from] of [
      ["train-00", 0],
      ["train-01", 100],
      ["dev", 200],
      ["test", 300],
    ] as const)
      await writeFile(join(path, `${name}.csv`), rows(from));
    const task = await openOwnData({ stdin: nothing(), say: () => {} }, path, { window: 8, scale: "none" });
    expect(task.splits).toEqual({ train: 2, validation: 1, test: 1 });
    expect((await all(task, "train")).inputs.x.slice(0, 2)).toEqual(Float32Array.of(0, 100));
    expect((await all(task, "validation")).inputs.x[0]).toBe(200);
    expect((await all(task, "test")).inputs.x[0]).toBe(300);
  });
});

test.each<[string, DataOptions, string]>([
  ["a horizon without a window", { horizon: 3, target: { y: ["a"] } }, "--horizon is counted from the end of a window"],
  ["nothing to predict", { window: 3 }, "nothing says what to predict"],
  ["a column that is not there", { window: 3, target: { y: ["c"] } }, "has no column c, which is to be y"],
  ["a date as a target", { window: 3, target: { y: ["date"] } }, "date of"],
  ["windows longer than the training part", { window: 200, target: { y: ["a"] } }, "no training part of 200 steps"],
  ["a change without a horizon", { window: 3, change: true, target: { y: ["a"] } }, "--change is from the end"],
  [
    "a column of parts that is numbers",
    { window: 3, horizon: 1, splitBy: "b", target: { y: ["a"] } },
    "puts steps of one sequence into different parts",
  ],
])("%s is refused", async (_, options, words) => {
  await expect(opened(series(50), options)).rejects.toMatchObject({ message: expect.stringContaining(words) });
});
