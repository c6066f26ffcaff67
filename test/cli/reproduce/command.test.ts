/** `cellc reproduce`, on a made-up MNIST. */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { withFolder, writeSyntheticMnist } from "../../data/mnist.ts";
import { cellc } from "../run-here.ts";

const json = async (path: string) => JSON.parse(await readFile(path, "utf8"));

describe("cellc reproduce", () => {
  test("lists the studies, with what they leave to read", async () => {
    const { code, stdout } = await cellc(["reproduce"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/pmnist\s+Permuted MNIST\s+5\.1/);
    expect(stdout).toContain("released: 784 draws with replacement");
    expect((await cellc(["reproduce", "mnist"])).stderr).toContain("there are smnist, pmnist");
    expect((await cellc(["reproduce", "gradients", "--seeds", "2"])).stderr).toContain("--seeds is for studies");
    expect((await cellc(["reproduce", "gradients", "--of", "a"])).stderr).toContain("leave --of out");
    expect((await cellc(["reproduce", "pmnist", "--of", "a"])).stderr).toContain("--of is for analyses");
  });

  test.each(["lengths", "transient"])("%s refuses a folder without a finished run, and leaves nothing behind", (name) =>
    withFolder(async (folder) => {
      const [of, out] = [join(folder, "ptb"), join(folder, "out")];
      const { code, stderr } = await cellc(["reproduce", name, "--scale", "smoke", "--of", of, "--out", out]);
      expect([code, stderr]).toEqual([1, expect.stringContaining(`${of} holds no finished run of ptb`)]);
      expect(await readdir(folder)).toEqual([]);
    }),
  );

  test("refuses to measure models of another scale as those of its own", () =>
    withFolder(async (folder) => {
      const of = join(folder, "ptb");
      await mkdir(of);
      const record = { format: 1, study: "ptb", scale: "smoke", readings: {} };
      await writeFile(join(of, "results.json"), JSON.stringify(record));
      const { code, stderr } = await cellc(["reproduce", "lengths", "--of", of, "--out", join(folder, "out")]);
      expect([code, stderr]).toEqual([2, expect.stringContaining("holds a study with scale smoke, not pilot")]);
    }));

  test("trains run after run, reports, goes on exactly, and refuses other settings", () =>
    withFolder(async (folder) => {
      const data = join(folder, "mnist");
      await writeSyntheticMnist(data);
      const study = (out: string, ...more: readonly string[]) =>
        cellc(["reproduce", "pmnist", "--scale", "smoke", "--threads", "1", "--data", data, "--out", out, ...more]);
      const [whole, cut] = [join(folder, "whole"), join(folder, "cut")];

      const first = await study(whole, "--steps", "6");
      expect([first.code, first.stderr]).toEqual([0, expect.not.stringContaining("error")]);
      expect(first.stdout).toMatch(
        /cellc train \S*examples\/paper\/smnist\.cell .*--rms-decay 0\.5 --place hh=none,xh=none,cc=shift .*--seed 1/,
      );
      expect((await readdir(whole)).sort()).toEqual([
        "bn-lstm-1",
        "lstm-1",
        "picture.svg",
        "report.html",
        "results.json",
      ]);
      const results = await json(join(whole, "results.json"));
      expect(results).toMatchObject({
        format: 1,
        study: "pmnist",
        scale: "smoke",
        readings: { rmsprop: "code" },
        findings: [],
      });
      expect(results.runs.map(({ variant, steps }: { variant: string; steps: number }) => [variant, steps])).toEqual([
        ["lstm", 6],
        ["bn-lstm", 6],
      ]);
      expect(results.runs[1].test.accuracy).toEqual(expect.any(Number));

      expect((await study(cut, "--steps", "4", "--variants", "bn-lstm")).code).toBe(0);
      expect((await study(cut, "--steps", "6")).stderr).toContain("holds a study already");
      const other = await study(cut, "--steps", "6", "--resume", "--reading", "forget=text");
      expect([other.code, other.stderr]).toEqual([2, expect.stringContaining("holds a study with readings")]);
      expect((await study(cut, "--steps", "6", "--resume")).code).toBe(0);
      const gone = (await json(join(cut, "results.json"))).runs;
      // Evaluations are where they were due: at the end of each stretch, too.
      const losses = (runs: readonly { training: readonly { loss: number }[] }[]) =>
        runs.map(({ training }) => training);
      expect(losses(gone)).toEqual(losses(results.runs));
      expect(gone[1].evaluations.at(-1)).toEqual(results.runs[1].evaluations.at(-1));

      await rm(join(cut, "lstm-1"), { recursive: true });
      expect((await study(cut, "--steps", "6", "--resume")).stdout).not.toMatch(/, lstm, seed 1/);
      expect((await json(join(cut, "results.json"))).runs[0]).toEqual(gone[0]);
      const again = await study(cut, "--report");
      expect([again.code, again.stdout]).toEqual([0, expect.stringMatching(/bn-lstm\s+95\.4 %/)]);
      expect(await readFile(join(cut, "report.html"), "utf8")).toContain("Permuted MNIST, reproduced: smoke");
    }));

  test("ends when its time is over, without a test result, and goes on from there", () =>
    withFolder(async (folder) => {
      const [data, out] = [join(folder, "mnist"), join(folder, "out")];
      await writeSyntheticMnist(data);
      const words = ["--scale", "smoke", "--threads", "1", "--data", data, "--out", out];
      const study = (...more: readonly string[]) => cellc(["reproduce", "pmnist", ...words, ...more]);
      const cut = await study("--variants", "lstm", "--steps", "100000", "--max-time", "1s");
      expect([cut.code, cut.stdout]).toEqual([0, expect.stringContaining("the time is over after")]);
      const [run] = (await json(join(out, "results.json"))).runs;
      expect([run.status, run.steps > 0, run.test]).toEqual(["interrupted", true, undefined]);
      const { code } = await study("--variants", "lstm", "--steps", String(run.steps + 1), "--resume");
      expect(code).toBe(0);
      const [after] = (await json(join(out, "results.json"))).runs;
      expect([after.steps, after.test.accuracy]).toEqual([run.steps + 1, expect.any(Number)]);
    }));

  test("interrupted while test examples are measured, measures them when it goes on", () =>
    withFolder(async (folder) => {
      const [data, out] = [join(folder, "mnist"), join(folder, "out")];
      await writeSyntheticMnist(data);
      const words = ["--scale", "smoke", "--threads", "1", "--data", data, "--out", out];
      const study = ["reproduce", "pmnist", ...words, "--variants", "lstm", "--steps", "4"];
      const cut = await cellc(study, { interruptPart: 2 });
      expect([cut.code, cut.stdout]).toEqual([130, expect.stringContaining("--resume measures them")]);
      const [run] = (await json(join(out, "results.json"))).runs;
      expect([run.steps, run.best.accuracy, run.test]).toEqual([4, expect.any(Number), undefined]);
      const { code, stdout } = await cellc([...study, "--resume"]);
      expect([code, stdout]).toEqual([0, expect.stringContaining("going on after step 4")]);
      const [after] = (await json(join(out, "results.json"))).runs;
      expect([after.steps, after.evaluations, after.test.accuracy]).toEqual([4, run.evaluations, expect.any(Number)]);
    }));

  test("analyses gradients, and keeps what it measured", () =>
    withFolder(async (folder) => {
      const [data, out] = [join(folder, "mnist"), join(folder, "gradients")];
      await writeSyntheticMnist(data);
      const { code, stdout } = await cellc([
        "reproduce",
        "gradients",
        "--scale",
        "smoke",
        "--data",
        data,
        "--out",
        out,
      ]);
      expect([code, stdout]).toEqual([0, expect.stringMatching(/γ\s+t = T\s+half-way/)]);
      const { study, findings, measured } = await json(join(out, "results.json"));
      expect([study, findings]).toEqual(["gradients", []]);
      expect(measured.flows.map(({ gamma }: { gamma: number }) => gamma)).toEqual([0.1, 1]);
      expect((await readdir(out)).sort()).toContain("gradflow.svg");
    }));

  test("says that there is nothing to report on", () =>
    withFolder(async (folder) => {
      const { code, stderr } = await cellc(["reproduce", "ptb", "--report", "--out", join(folder, "none")]);
      expect([code, stderr]).toEqual([2, expect.stringContaining("holds no study to resume")]);
    }));
});
