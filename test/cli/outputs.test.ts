/** Which of a model's outputs is a prediction. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { withFolder } from "../data/mnist.ts";
import { cellc } from "./run-here.ts";

const several = `model several(D = 2, H = 4) {
  param A  : [H, 1] = orthogonal
  param B  : [H, 3] = orthogonal
  input x  : [D] over time
  target y : [1] over time
  target k : index(3) over time
  hs = scan step(D, H) over x
  a = hs @ A
  twice = 2 * a
  late = a + y
  scores = hs @ B
  output a
  output twice
  output late
  output scores
  loss mse(a, y) + cross_entropy(scores, k)
}
cell step(D = 2, H = 4) {
  param W  : [D, H] = orthogonal
  input x  : [D]
  state h  : [H] = 0
  h' = tanh(x @ W + h)
  output h'
}
`;

const table = `p,q,v,mode\n${Array.from({ length: 90 }, (_, t) => `${t % 5},${t % 3},${100 + (t % 7)},m${t % 3}`).join("\n")}\n`;

describe("a model of several targets and outputs", () => {
  test("has its predictions by name, refuses what could be another, and what reads the answer", () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, "a.cell"), several);
      await writeFile(join(folder, "a.csv"), table);
      const task = join(folder, "a.json");
      const own = {
        inputs: { x: ["p", "q"] },
        target: { y: ["v"] },
        label: { k: "mode" },
        window: 10,
        stride: 5,
        split: [0.5, 0.25, 0.25],
      };
      await writeFile(task, JSON.stringify({ version: 1, data: "a.csv", ...own }));
      const run = join(folder, "run");
      const trained = await cellc([
        ...["train", join(folder, "a.cell"), "--task", task, "--steps", "3", "--batch", "4", "--out", run],
      ]);
      expect([trained.code, trained.stderr]).toEqual([0, expect.anything()]);
      const out = join(folder, "p.csv");
      const predict = (...more: readonly string[]) =>
        cellc(["predict", run, "--data", join(folder, "a.csv"), "--out", out, "--json", ...more]);
      expect([(await predict()).code, (await predict()).stderr]).toEqual([
        2,
        expect.stringContaining("outputs a and twice of several both have the form of y"),
      ]);
      const one = JSON.parse((await predict("--output", "y=a")).stdout);
      // Each step once, with windows at every step.
      expect(one).toMatchObject({ ok: true, rows: 90, columns: ["step", "v", "v_true"], outputs: { a: "y" } });
      const lines = (await readFile(out, "utf8"))
        .trimEnd()
        .split("\n")
        .slice(1)
        .map((line) => line.split(","));
      expect(lines.map(([step, , truth]) => [Number(step), Number(truth)])).toEqual(
        Array.from({ length: 90 }, (_, t) => [t + 1, 100 + (t % 7)]),
      );
      // In the data's units.
      for (const [, value] of lines) expect(Math.abs(Number(value) - 103)).toBeLessThan(8);
      const classes = JSON.parse((await predict("--output", "scores")).stdout);
      expect(classes).toMatchObject({ columns: ["step", "mode", "mode_true", "p"], outputs: { scores: "k" } });
      const late = await predict("--output", "late");
      expect([late.code, late.stderr]).toEqual([
        1,
        expect.stringContaining("output late of several is computed from y, which is to be predicted"),
      ]);
      const wrong = await predict("--output", "k=a");
      expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining("output a has not the form of k")]);
      const said = await cellc(["eval", run]);
      expect([said.code, said.stderr]).toEqual([0, expect.stringContaining("no more is measured than the loss")]);
      const measured = JSON.parse((await cellc(["eval", run, "--output", "scores", "--json"])).stdout);
      expect(measured.reports.k).toMatchObject({ kind: "classes", classes: ["m0", "m1", "m2"] });
    }));
});
