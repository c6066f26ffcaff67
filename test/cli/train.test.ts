import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readCurve } from "../../cli/report/curve-log.ts";
import type { RunRecord } from "../../cli/training/run-folder.ts";
import { withFolder } from "../data/mnist.ts";
import { cellc as cellcProcess } from "./run-cellc.ts";
import { cellc } from "./run-here.ts";

const FILES = ["best.safetensors", "curve.jsonl", "curve.svg", "model.safetensors", "run.json"];

const SMALL = ["--task", "digits-rows", "--dims", "H=8", "--batch", "64", "--estimate", "640"];

const train = (out: string, ...more: readonly string[]) => [
  "train",
  "examples/smnist.cell",
  ...SMALL,
  "--out",
  out,
  ...more,
];

async function recordOf(folder: string): Promise<RunRecord> {
  return JSON.parse(await readFile(join(folder, "run.json"), "utf8")) as RunRecord;
}

const trainLosses = async (folder: string) =>
  (await readCurve(join(folder, "curve.jsonl"))).flatMap((point) => (point.kind === "train" ? [point.loss] : []));

describe("cellc train", () => {
  test("says after the first step where an ε is as large as the variance it guards", () =>
    withFolder(async (folder) => {
      const placed = ["--steps", "1", "--place", "hh=batch(beta=none,eps=0.1)"];
      const { code, stderr } = await cellc(train(join(folder, "run"), ...placed));
      expect(code).toBe(0);
      expect(stderr.match(/W0607.*/g)).toEqual([expect.stringContaining("at `rnn.hh` ε is 0.1")]);
    }));

  test("says beside the first evaluation what the mean gets, where numbers are predicted, and eval does, too", () =>
    withFolder(async (folder) => {
      const out = join(folder, "run");
      const task = ["--task", "adding", "--time", "6", "--dims", "H=4"];
      const how = ["--steps", "2", "--evaluate-every", "1", "--batch", "500"];
      const { stderr } = await cellc(["train", "examples/cells/lstm.cell", ...task, ...how, "--out", out]);
      // Two values of [0, 1) have a variance of 1/6 together.
      const said = stderr.match(/without learning: .*/g);
      expect(said).toEqual([
        expect.stringMatching(/^without learning: loss 0\.1[67]\d\d \(the mean of the training part\)$/),
      ]);
      const measured = JSON.parse((await cellc(["eval", out, "--json"])).stdout);
      const { baseline, columns, better } = measured.reports.y;
      expect([baseline, better]).toEqual(["mean", expect.any(Boolean)]);
      expect(columns[0].baseline.rmse ** 2).toBeCloseTo(Number(/0\.\d+/.exec(said![0])![0]), 4);
    }));

  test("takes away what a run left that was killed before it had a record", () =>
    withFolder(async (folder) => {
      const out = join(folder, "run");
      await mkdir(out);
      await writeFile(join(out, ".run.json.12345-1.part"), '{"format"');
      expect((await cellc(train(out, "--steps", "1"))).code).toBe(0);
      expect((await readdir(out)).sort()).toEqual(FILES);
    }));

  test("learns, keeps curve, picture, model and record, and measures what eval measures", () =>
    withFolder(async (folder) => {
      const out = join(folder, "run");
      const ended = await cellcProcess(train(out, "--steps", "60", "--evaluate-every", "30", "--lr", "1e-2", "--json"));
      expect(ended.code).toBe(0);
      expect((await readdir(out)).sort()).toEqual(FILES);
      const record = await recordOf(out);
      expect(record).toMatchObject({
        status: "finished",
        model: "smnist",
        task: "digits-rows",
        batch: 64,
        seed: 1,
        step: 60,
      });
      expect(JSON.parse(ended.stdout)).toEqual({ ok: true, ...record });

      const points = await readCurve(join(out, "curve.jsonl"));
      expect(points.filter(({ kind }) => kind === "evaluation").map(({ step }) => step)).toEqual([30, 60]);
      const losses = await trainLosses(out);
      expect(losses).toHaveLength(60);
      expect(losses[59]).toBeLessThan(losses[0] - 0.2);

      const checkpoint = join(out, "model.safetensors");
      const measured = await cellc(["eval", "examples/smnist.cell", ...SMALL, "--checkpoint", checkpoint, "--json"]);
      expect(measured.code).toBe(0);
      const { loss, metrics, step, examples } = JSON.parse(measured.stdout);
      expect({ loss, ...metrics }).toEqual(record.result);
      expect([step, examples]).toEqual([60, 2000]);
    }));

  test("interrupted saves, ends with 130, and resumed gives what an unbroken run gives", () =>
    withFolder(async (folder) => {
      const [broken, whole] = [join(folder, "broken"), join(folder, "whole")];
      const options = ["--steps", "200", "--evaluate-every", "50", "--lr", "1e-2"];
      const ended = await cellcProcess(train(broken, ...options), { interruptAt: /step 50:/ });
      expect([ended.code, ended.stdout]).toEqual([130, expect.stringContaining("go on with --resume")]);
      expect((await readdir(broken)).sort()).toEqual(FILES);
      const stopped = await recordOf(broken);
      expect(stopped.status).toBe("interrupted");
      expect(stopped.step).toBeGreaterThanOrEqual(50);
      expect(stopped.step).toBeLessThan(200);

      expect((await cellc(train(broken, ...options))).code).toBe(2);
      expect((await cellc(train(broken, ...options, "--resume", "--seed", "2"))).code).toBe(2);
      expect((await cellc(train(broken, ...options, "--resume"))).code).toBe(0);
      expect((await cellc(train(whole, ...options))).code).toBe(0);
      expect(await trainLosses(broken)).toEqual(await trainLosses(whole));
      expect((await recordOf(broken)).result).toEqual((await recordOf(whole)).result);
    }));

  test("with averaged weights, batches added up, a warm-up and a plateau, resumed gives what an unbroken run gives", () =>
    withFolder(async (folder) => {
      const [broken, whole] = [join(folder, "broken"), join(folder, "whole")];
      const options = ["--evaluate-every", "4", "--lr", "1e-2", "--ema", "0.9", "--accumulate", "2", "--warmup", "3"];
      const falling = ["--decay", "plateau", "--decay-patience", "1", "--decay-factor", "0.5", "--min-delta", "1"];
      const all = [...options, ...falling, "--patience", "100"];
      expect((await cellc(train(broken, ...all, "--steps", "8"))).code).toBe(0);
      expect((await cellc(train(broken, ...all, "--steps", "16", "--resume"))).code).toBe(0);
      expect((await cellc(train(whole, ...all, "--steps", "16"))).code).toBe(0);
      for (const file of ["model.safetensors", "averaged.safetensors", "best.safetensors"])
        expect((await readFile(join(broken, file))).equals(await readFile(join(whole, file)))).toBe(true);
      const points = await readCurve(join(whole, "curve.jsonl"));
      const rates = points.flatMap((point) => (point.kind === "train" ? [point.lr] : []));
      // No evaluation is better by 1 than the first.
      expect(rates.map((rate) => Number(rate?.toFixed(6)))).toEqual([
        ...[0.003333, 0.006667, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01],
        ...[0.005, 0.005, 0.005, 0.005, 0.0025, 0.0025, 0.0025, 0.0025],
      ]);
      // What is used of a run is what was measured.
      const { result } = await recordOf(whole);
      const averaged = ["--checkpoint", join(whole, "averaged.safetensors"), "--json"];
      const { loss, metrics } = JSON.parse(
        (await cellc(["eval", "examples/smnist.cell", ...SMALL, ...averaged])).stdout,
      );
      expect({ loss, ...metrics }).toEqual(result);
      expect((await cellc(["stats", averaged[1]])).stdout).toContain("16 steps");
      // And of the run itself, what was best: no evaluation is better by 1 than the first.
      const best = await cellc(["stats", whole]);
      expect([best.stdout, best.stderr]).toEqual([
        expect.stringContaining("after 4 steps"),
        expect.stringMatching(/the best model, of step 4; the last one is .*model\.safetensors/),
      ]);
    }));

  test("ends early by patience, keeps the best, and measures that on the test examples", () =>
    withFolder(async (folder) => {
      const out = join(folder, "run");
      const early = ["--patience", "2", "--min-delta", "9", "--best-by", "accuracy", "--evaluate-every", "2", "--test"];
      const events = join(folder, "events");
      const ended = await cellc(train(out, "--steps", "50", ...early, "--tensorboard", events, "--json"));
      expect(ended.code).toBe(0);
      const record = await recordOf(out);
      expect(record).toMatchObject({ status: "finished", stopped: "patience", step: 6, best: { step: 2 } });
      expect(Object.keys(record.test ?? {})).toEqual(["loss", "accuracy"]);
      const best = ["--checkpoint", join(out, "best.safetensors"), "--json"];
      const of = async (split: string) => {
        const { stdout } = await cellc(["eval", "examples/smnist.cell", ...SMALL, ...best, "--split", split]);
        const { loss, metrics } = JSON.parse(stdout);
        return { loss, ...metrics };
      };
      expect(await of("test")).toEqual(record.test);
      expect({ step: 2, ...(await of("validation")) }).toEqual(record.best);
      expect(await readdir(events)).toHaveLength(1);
    }));

  test("ends by time, with an evaluation", () =>
    withFolder(async (folder) => {
      const out = join(folder, "run");
      expect((await cellc(train(out, "--steps", "100000", "--max-time", "0.3s"))).code).toBe(0);
      const { stopped, result, step } = await recordOf(out);
      expect([stopped, Object.keys(result ?? {}), step < 100000]).toEqual(["time", ["loss", "accuracy"], true]);
    }));

  test.each([
    [["--decay", "cosine", "--decay-every", "3"], "--decay-every is no option of --decay cosine"],
    [["--stats", "ema", "--ema", "0.9"], "--stats ema has the statistics of the weights"],
    [["--min-delta", "0.1"], "--min-delta says what counts as better for --patience"],
    [["--best-by", "f1"], "want f1:min or f1:max"],
    [["--ema", "1"], "want a number from 0 to below 1"],
    [["--max-time", "10"], "want a time, such as 90s"],
    [["--decay", "linear", "--decay-floor", "2"], "want a number from 0 to 1"],
  ])("refuses %o and makes no folder", (options, message) =>
    withFolder(async (folder) => {
      const ended = await cellc(train(join(folder, "run"), "--steps", "5", ...options));
      expect([ended.code, ended.stderr]).toEqual([2, expect.stringContaining(message)]);
      expect(await readdir(folder)).toEqual([]);
    }),
  );

  test("writes the curve as it goes, each line whole", () =>
    withFolder(async (folder) => {
      const out = join(folder, "run");
      const grown = async () => {
        const seen = new Set<number>();
        while (seen.size < 4) {
          await new Promise((done) => setTimeout(done, 100));
          seen.add((await readCurve(join(out, "curve.jsonl"))).length);
        }
      };
      const long = train(out, "--steps", "100000", "--evaluate-every", "100000");
      expect((await cellcProcess(long, { interruptWhen: grown })).code).toBe(130);
    }));

  test("that diverges ends with 4, says so in the record, and keeps the last good checkpoint", () =>
    withFolder(async (folder) => {
      const out = join(folder, "run");
      expect((await cellc(train(out, "--optimizer", "sgd", "--steps", "2", "--lr", "1e-2"))).code).toBe(0);
      const model = await readFile(join(out, "model.safetensors"));
      const ended = await cellc(train(out, "--optimizer", "sgd", "--steps", "9", "--lr", "1e38", "--resume"));
      expect([ended.code, ended.stderr]).toEqual([4, expect.stringContaining("error[C0502]")]);
      expect((await recordOf(out)).status).toBe("diverged");
      expect((await readdir(out)).sort()).toEqual(FILES);
      expect((await readFile(join(out, "model.safetensors"))).equals(model)).toBe(true);
    }));

  test("of a model that the task does not fit ends with 1 and makes no folder", () =>
    withFolder(async (folder) => {
      const ended = await cellc(train(join(folder, "run"), "--steps", "1", "--dims", "D=3"));
      expect([ended.code, ended.stderr]).toEqual([
        1,
        expect.stringContaining("the model wants [3] over time, the task gives [6]"),
      ]);
      expect(await readdir(folder)).toEqual([]);
    }));

  test("on wgsl learns what it learns on wasm: the losses of 20 steps agree within 1e-4", () =>
    withFolder(async (folder) => {
      const small = ["--dims", "H=8", "--batch", "8", "--estimate", "16", "--steps", "20", "--lr", "1e-2"];
      const run = async (target: string) => {
        const out = join(folder, target);
        const file = "examples/smnist.cell";
        const ended = await cellc(["train", file, "--task", "digits-rows", ...small, "--target", target, "--out", out]);
        expect(ended.code).toBe(0);
        return trainLosses(out);
      };
      const [wasm, wgsl] = [await run("wasm"), await run("wgsl")];
      expect([wasm.length, wgsl.length]).toEqual([20, 20]);
      expect(new Set(wasm).size).toBeGreaterThan(10);
      for (const [step, loss] of wasm.entries()) expect(Math.abs(loss - wgsl[step])).toBeLessThan(1e-4);
    }));
});
