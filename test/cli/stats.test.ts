import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Drift } from "../../cli/statistics/drift.ts";
import type { Measured } from "../../cli/statistics/drift-report.ts";
import { loadCheckpoint } from "../../cli/training/checkpoint.ts";
import { withFolder } from "../data/mnist.ts";
import type { Ended } from "./run-cellc.ts";
import { cellc } from "./run-here.ts";

const STEPS = 12;
const MODEL = ["examples/smnist.cell", "--task", "digits-rows", "--dims", "H=5", "--cell", "rnn=bnlstm"];

let root = "";
/** Trained once, with moving averages; tests that write have a copy. */
let run = "";
let trained: Ended;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cellc-stats-"));
  run = join(root, "run");
  const how = ["--batch", "40", "--steps", `${STEPS}`, "--lr", "0.02", "--stats", "ema"];
  trained = await cellc(["train", ...MODEL, ...how, "--out", run]);
});

afterAll(() => rm(root, { recursive: true, force: true }));

const stats = async (...args: readonly string[]) => {
  const ended = await cellc(["stats", ...args, "--json"]);
  expect([ended.code, ended.stderr]).toEqual([0, expect.anything()]);
  return { document: JSON.parse(ended.stdout), words: ended.stderr };
};

const loss = async (checkpoint: string, ...more: readonly string[]): Promise<number> => {
  const ended = await cellc(["eval", ...MODEL, "--batch", "40", "--checkpoint", checkpoint, "--json", ...more]);
  return JSON.parse(ended.stdout).loss;
};

describe("cellc stats", () => {
  test("shows of a run's folder each statistic, from how many batches it is, and what is wrong with it", async () => {
    const { document, words } = await stats(run);
    expect(document).toMatchObject({ model: "smnist", step: STEPS, provenance: { kind: "moving", steps: STEPS } });
    const named = (name: string) => document.statistics.find((s: { name: string }) => s.name === name);
    expect(document.statistics.map((s: { name: string; is: string }) => [s.name, s.is])).toEqual(
      ["xh", "hh", "cc"].flatMap((site) => [
        [`rnn/${site}/m`, "mean"],
        [`rnn/${site}/v`, "variance"],
      ]),
    );
    const { data } = (await loadCheckpoint(join(run, "model.safetensors"))).tensors.get("rnn/cc/v")!;
    const sorted = (row: number) => [...data.subarray(row * 5, row * 5 + 5)].sort((a, b) => a - b);
    expect(named("rnn/cc/v")).toMatchObject({ rows: 9, units: 5, batches: new Array(9).fill(STEPS), epsilon: 1e-5 });
    expect(named("rnn/cc/v").steps).toEqual(
      Array.from({ length: 9 }, (_, row) => {
        const [least, , median, , most] = sorted(row);
        return { least, median, most };
      }),
    );
    // The state begins with one value for all examples.
    expect(document.findings).toContainEqual({ kind: "collapsed", statistic: "rnn/hh/v", steps: [1], units: 20 });
    expect(words).toContain("rnn/hh/v is zero at step 1, in all 20 units");
    expect(words).toContain("h : [H] = noise(0.1)");
  });

  test("estimates anew what an exact evaluation finds, and keeps all else of the checkpoint", () =>
    withFolder(async (folder) => {
      const copy = join(folder, "run");
      await cp(run, copy, { recursive: true });
      const model = join(copy, "model.safetensors");
      const before = await loadCheckpoint(model);
      const exact = await loss(model, "--stats", "exact", "--estimate", "400");
      const { document } = await stats(model, "--estimate", "--batches", "10");
      expect(document.provenance).toEqual({ kind: "estimated", batches: 10 });
      expect(await loss(model)).toBe(exact);
      const after = await loadCheckpoint(model);
      const names = (state: typeof before, other: typeof before) =>
        [...state.tensors].flatMap(([name, { data }]) =>
          data.join() === other.tensors.get(name)?.data.join() ? [] : [name],
        );
      expect(names(after, before).every((name) => /^rnn\/(hh|xh|cc)\/[mv]$/.test(name))).toBe(true);
      expect(names(after, before).length).toBeGreaterThan(3);
      expect((await readdir(copy)).sort()).toEqual((await readdir(run)).sort());
      // Training goes on from estimated statistics as it does from moving ones.
      const on = ["--batch", "40", "--steps", `${STEPS + 1}`, "--stats", "ema", "--out", copy, "--resume"];
      expect((await cellc(["train", ...MODEL, ...on])).code).toBe(0);
      expect((await stats(model)).document.provenance).toEqual({ kind: "moving", steps: 1 });
    }));

  test("writes elsewhere where asked to, and by the law of total variance no variance is less", () =>
    withFolder(async (folder) => {
      const old = await readFile(join(run, "model.safetensors"));
      const variances = async (how: string) => {
        const out = join(folder, `${how}.safetensors`);
        await stats(run, "--estimate", "--batches", "4", "--variance", how, "--output", out);
        return (await loadCheckpoint(out)).tensors.get("rnn/xh/v")!.data;
      };
      const [within, total] = [await variances("within"), await variances("total")];
      const more = [...total].map((variance, at) => variance / within[at] - 1);
      expect(Math.min(...more)).toBeGreaterThan(-1e-5);
      expect(Math.max(...more)).toBeGreaterThan(1e-3);
      expect((await readFile(join(run, "model.safetensors"))).equals(old)).toBe(true);
    }));

  test("says how far moving averages have drifted, and what that costs, and touches nothing", () =>
    withFolder(async (folder) => {
      const old = await readFile(join(run, "model.safetensors"));
      type Document = {
        readonly drifts: readonly Drift[];
        readonly lagging: readonly string[];
        readonly measured: Measured;
      };
      const { document, words } = await stats(run, "--drift", "--batches", "20");
      const { drifts, lagging, measured } = document as Document;
      expect(drifts.map(({ site }) => site).sort()).toEqual(["rnn.cc", "rnn.hh", "rnn.xh"]);
      expect(drifts.map(({ lag }) => lag)).toEqual(drifts.map(({ lag }) => lag).toSorted((a, b) => b - a));
      expect(lagging).toContain(drifts[0].site);
      expect(words).toContain("lag: estimate them anew, with --estimate");
      expect(new Set([measured.stored.loss, measured.estimated.loss, measured.batch.loss]).size).toBe(3);
      expect(Math.abs(measured.estimated.loss - measured.batch.loss)).toBeLessThan(0.1);
      expect((await readFile(join(run, "model.safetensors"))).equals(old)).toBe(true);

      const fresh = join(folder, "fresh.safetensors");
      await stats(run, "--estimate", "--batches", "20", "--output", fresh);
      const again = await stats(fresh, ...MODEL, "--batch", "40", "--drift", "--batches", "20");
      expect((again.document as Document).drifts.map(({ lag }) => lag)).toEqual([0, 0, 0]);
      expect(again.document.measured.stored).toEqual(measured.estimated);
      expect(again.words).toContain("within 0.1 σ of what an exact pass finds");
    }));

  test("draws a panel for each statistic, with a line for each unit and one for their median", () =>
    withFolder(async (folder) => {
      const picture = join(folder, "stats.svg");
      await stats(run, "--plot", picture);
      const { document } = parseHTML(await readFile(picture, "utf8"));
      const lines = (panel: Element): number => panel.querySelectorAll("g[aria-label='line'] path").length;
      expect(Array.from(document.querySelectorAll("svg svg"), lines)).toEqual([21, 21, 21, 21, 6, 6]);
    }));

  test("is pointed to where statistics are moving averages only: at the end of a training, and by eval", async () => {
    expect(trained.stderr).toContain(`moving averages, of ${STEPS} training steps without an estimate`);
    const checkpoint = ["--batch", "40", "--checkpoint", join(run, "model.safetensors")];
    expect((await cellc(["eval", ...MODEL, ...checkpoint])).stderr).toContain("cellc stats");
    expect((await cellc(["eval", ...MODEL, ...checkpoint, "--stats", "exact"])).stderr).not.toContain("cellc stats");
  });
});

describe("cellc eval --stats batch", () => {
  const measure = async (...more: readonly string[]) => {
    const ended = await cellc(["eval", run, "--stats", "batch", "--json", ...more]);
    return { code: ended.code, document: JSON.parse(ended.stdout), words: ended.stderr };
  };

  test("measures with the statistics of each batch, in loss, metrics and predictions, and changes nothing", async () => {
    const old = await readFile(join(run, "model.safetensors"));
    const { code, document, words } = await measure();
    expect([code, words]).toEqual([0, expect.not.stringContaining("left out")]);
    expect(document).toMatchObject({ statistics: "batch", examples: 2000, step: STEPS });
    const drift = await stats(run, "--drift", "--batches", "50");
    expect(document.loss).toBe(drift.document.measured.batch.loss);
    // Predictions are of the same statistics.
    expect(document.reports.y.accuracy).toBeCloseTo(document.metrics.accuracy, 6);
    const stored = JSON.parse((await cellc(["eval", run, "--json"])).stdout);
    expect(Math.abs(stored.loss - document.loss)).toBeGreaterThan(1e-3);
    expect(stored.reports.y.accuracy).toBeCloseTo(stored.metrics.accuracy, 6);
    expect((await readFile(join(run, "model.safetensors"))).equals(old)).toBe(true);
  });

  test("leaves out examples that fill no batch, and says so", async () => {
    const { code, document, words } = await measure("--batch", "64");
    expect([code, document.examples]).toEqual([0, 1984]);
    expect(words).toContain("left out: the last 16 examples of validation, which fill no batch of 64");
    const confusion: readonly (readonly number[])[] = document.reports.y.confusion;
    expect(confusion.flat().reduce((sum, count) => sum + count, 0)).toBe(1984);
  });

  test("refuses a batch that the part has no examples for, and one of a single example", async () => {
    const large = await cellc(["eval", run, "--stats", "batch", "--batch", "2001"]);
    expect([large.code, large.stderr]).toEqual([1, expect.stringContaining("--batch 2000 at most")]);
    const single = await cellc(["eval", run, "--stats", "batch", "--batch", "1"]);
    expect([single.code, single.stderr]).toEqual([1, expect.stringContaining("every example is the same")]);
  });
});

describe("cellc stats refuses", () => {
  const refused = async (args: readonly string[], code: number, ...words: readonly string[]) => {
    const ended = await cellc(["stats", ...args]);
    expect([ended.code, ended.stdout]).toEqual([code, ""]);
    for (const word of words) expect(ended.stderr).toContain(word);
  };

  test("what is no checkpoint, or one that nothing says the model of", () =>
    withFolder(async (folder) => {
      const file = join(folder, "a.safetensors");
      await writeFile(file, "no tensors");
      await refused([folder], 2, "C0408", "holds no run");
      await refused([file], 2, "C0301", "which model it is of");
      await refused([file, ...MODEL], 1, "C0404");
      await refused([join(folder, "none"), ...MODEL], 1, "C0401");
      await refused([join(folder, "none")], 1, "C0401", "there is no ");
    }));

  test("a run of another model than the command line says", () =>
    refused([run, "--dims", "H=6"], 1, "C0403", "rnn/Wx"));

  test("to estimate what has no statistics, or from a split without examples", () =>
    withFolder(async (folder) => {
      const out = join(folder, "run");
      await cellc(["train", ...MODEL, "--cell", "rnn=lstm", "--batch", "40", "--steps", "1", "--out", out]);
      await refused([out, "--estimate"], 1, "no population statistics to estimate");
      expect((await stats(out)).words).toContain("has no population statistics");
      await refused([run, "--estimate", "--split", "validation", "--batch", "9999"], 1, "fewer than a batch of 9999");
      await refused([run, "--drift", "--estimate"], 2, "cannot be used with");
      await refused([run, "--drift", "--plot", join(folder, "a.svg")], 2, "cannot be used with");
      await refused([run, "--output", out], 2, "C0301", "--output says how to estimate", "--estimate or --drift");
    }));
});
