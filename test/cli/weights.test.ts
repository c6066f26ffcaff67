/** Weighted losses, from the command line to the gradient, against sums by hand. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Batch, Session, wasmBackend } from "../../runtime/index.ts";
import { withFolder } from "../data/mnist.ts";
import { uniform } from "../ir/numbers.ts";
import { executableOf } from "../runtime/compiled.ts";
import { cellc } from "./run-here.ts";

/** Sequences of different lengths; those of class a are rare. */
const walks = Array.from({ length: 60 }, (_, i) => ({
  x: Array.from({ length: 2 + (i % 5) }, (_, t) => [Math.sin(i + t), i % 3]),
  y: i % 4 === 0 ? "a" : "b",
  weight: 1 + (i % 7),
}));

const written = async (folder: string, cell?: string) => {
  const data = join(folder, "walks.jsonl");
  await writeFile(data, walks.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const path = join(folder, "m.cell");
  if (cell !== undefined) await writeFile(path, cell);
  return { data, cell: path, out: join(folder, "run") };
};

const HOW = ["--batch", "4", "--steps", "6", "--evaluate-every", "6", "--lr", "0.05", "--split", "0.6,0.4,0"];

describe("a cell, which gets a loss with weights", () => {
  test("is measured by the weighted mean over all examples, however they are grouped, and predicts without weights", () =>
    withFolder(async (folder) => {
      const { data, out } = await written(folder);
      const own = ["--data", data, "--label", "y", "--weight", "weight", "--class-weights", "a=3,b=0.5"];
      const ended = await cellc(["train", "examples/cells/lstm.cell", ...own, "--dims", "H=4", ...HOW, "--out", out]);
      expect([ended.code, ended.stderr]).toEqual([0, expect.stringContaining("weights of classes: a 3, b 0.5")]);
      const { loss, metrics } = JSON.parse((await cellc(["eval", out, "--json"])).stdout);
      const rows = join(folder, "p.jsonl");
      expect((await cellc(["predict", out, "--split", "validation", "--out", rows])).code).toBe(0);
      const predicted = (await readFile(rows, "utf8"))
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(predicted).toHaveLength(24);
      let [sum, weights, right] = [0, 0, 0];
      for (const { sequence, y, y_true, p } of predicted) {
        const { weight, y: truth } = walks[sequence - 1];
        expect(y_true).toBe(truth);
        const w = weight * (truth === "a" ? 3 : 0.5);
        sum -= w * Math.log(p[truth === "a" ? 0 : 1]);
        weights += w;
        if (y === truth) right++;
      }
      expect(loss).toBeCloseTo(sum / weights, 5);
      // Metrics are as they are declared.
      expect(metrics.accuracy).toBeCloseTo(right / 24, 6);
      const fresh = join(folder, "new.jsonl");
      await writeFile(fresh, `${JSON.stringify({ x: walks[0].x })}\n`);
      const alone = await cellc(["predict", out, "--data", fresh, "--out", join(folder, "q.csv")]);
      expect([alone.code, alone.stderr]).toEqual([0, expect.not.stringContaining("error")]);
      const dropped = await cellc(["eval", out, "--data", fresh]);
      expect([dropped.code, dropped.stderr]).toEqual([1, expect.stringContaining("no column y")]);
    }));

  test("of weights of sequences and classes of steps weighs each step", () =>
    withFolder(async (folder) => {
      const data = join(folder, "steps.jsonl");
      const lines = walks.map(({ x, weight }) => ({ x, y: x.map(([first]) => (first > 0 ? "up" : "down")), weight }));
      await writeFile(data, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
      const out = join(folder, "run");
      const own = ["--data", data, "--label", "y", "--weight", "weight", "--per", "step"];
      const train = ["train", "examples/cells/lstm.cell", ...own, "--dims", "H=4", ...HOW, "--out", out];
      expect((await cellc(train)).code).toBe(0);
      const { loss } = JSON.parse((await cellc(["eval", out, "--json"])).stdout);
      const rows = join(folder, "p.jsonl");
      await cellc(["predict", out, "--split", "validation", "--out", rows]);
      let [sum, weights] = [0, 0];
      for (const line of (await readFile(rows, "utf8")).trim().split("\n")) {
        const { sequence, y_true, p } = JSON.parse(line);
        const { weight } = walks[sequence - 1];
        sum -= weight * Math.log(p[y_true === "down" ? 0 : 1]);
        weights += weight;
      }
      expect(loss).toBeCloseTo(sum / weights, 5);
    }));
});

test("a model that reads no weights is refused where the data has some, with what to declare", () =>
  withFolder(async (folder) => {
    const text = `model m(D = 2, K = 2) {
  param W : [D, K] = xavier
  input x : [D] over time
  target y : index(K)
  z = last(x) @ W
  output z
  loss cross_entropy(z, y)
}
`;
    const { data, cell, out } = await written(folder, text);
    const own = ["--data", data, "--label", "y", "--class-weights", "balanced"];
    const ended = await cellc(["train", cell, ...own, ...HOW, "--out", out]);
    expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining("m does not read them")]);
    expect(ended.stderr).toContain("declare target weight : [1], and weigh the loss");
  }));

/** z = Σ over the steps of x · W, one number for each step so far, and a weighted mean over the steps that there are. */
const weighted = `model m(D = 2) {
  param W : [D, 1] = [[0.5], [-1]]
  input x : [D] over time
  target y : [1] over time
  target weight : [1] over time
  z = cumsum(x @ W)
  output z
  loss sum(weight * square(z - y), over (batch, time, feature)) / sum(weight, over (batch, time, feature))
}`;

test("a weighted mean over sequences of different lengths, and of batches added up, has the gradient of the sums by hand", async () => {
  const random = uniform(11);
  const lengths = [3, 1, 4, 2];
  const steps = 4;
  const numbers = (count: number, from = -1) =>
    Float32Array.from({ length: count }, () => from + (1 - from) * random());
  const x = numbers(steps * 4 * 2);
  const y = numbers(steps * 4);
  const weight = numbers(steps * 4, 0);
  const lossOf = (W: readonly number[], examples: readonly number[]): number => {
    let [sum, weights] = [0, 0];
    for (const e of examples) {
      let z = 0;
      for (let t = 0; t < lengths[e]; t++) {
        const at = t * 4 + e;
        z += x[2 * at] * W[0] + x[2 * at + 1] * W[1];
        sum += weight[at] * (z - y[at]) ** 2;
        weights += weight[at];
      }
    }
    return sum / weights;
  };
  const part = (examples: readonly number[]): Batch => {
    const rows = (from: Float32Array, width: number) =>
      Float32Array.from({ length: steps * examples.length * width }, (_, i) => {
        const [t, e, k] = [
          Math.floor(i / (examples.length * width)),
          Math.floor(i / width) % examples.length,
          i % width,
        ];
        return from[(t * 4 + examples[e]) * width + k];
      });
    const inputs = { x: rows(x, 2), y: rows(y, 1), weight: rows(weight, 1) };
    return { inputs, steps, examples: examples.length, lengths: examples.map((e) => lengths[e]) };
  };
  const open = (batch: number) =>
    Session.open(
      executableOf(weighted, { batch, time: steps, ragged: true, optimizer: "sgd" }),
      wasmBackend({ threads: 1 }),
      { seed: 1 },
    );
  const whole = await open(4);
  const W = [0.5, -1];
  const all = [0, 1, 2, 3];
  const slope = W.map((_, k) => {
    const moved = (by: number) =>
      lossOf(
        W.map((value, i) => value + (i === k ? by : 0)),
        all,
      );
    return (moved(1e-4) - moved(-1e-4)) / 2e-4;
  });
  const { loss } = await whole.train(part(all), { lr: 1 });
  expect(loss).toBeCloseTo(lossOf(W, all), 5);
  const after = await whole.read("W");
  for (const k of [0, 1]) expect(W[k] - after[k]).toBeCloseTo(slope[k], 4);
  const pairs = await open(2);
  const added = await pairs.train([part([0, 1]), part([2, 3])], { lr: 1 });
  expect(added.loss).toBeCloseTo(lossOf(W, all), 5);
  const same = await pairs.read("W");
  for (const k of [0, 1]) expect(same[k]).toBeCloseTo(after[k], 5);
  const measured = await pairs.evaluate([part([0, 3]), part([1, 2])]);
  expect(measured.loss).toBeCloseTo(lossOf([...same], all), 5);
});
