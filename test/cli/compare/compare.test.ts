import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type CurvePoint, curveLines, readCurve } from "../../../cli/report/curve-log.ts";
import { withFolder } from "../../data/mnist.ts";
import { closeBrowser, visit } from "../browser.ts";
import { pageFaults } from "../page-faults.ts";
import { cellc } from "../run-here.ts";

afterAll(closeBrowser);

/** Writes a run whose metric is `values`, one for each evaluation. */
async function run(
  path: string,
  values: readonly number[],
  more: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const { options, metric = "accuracy", ...rest } = more;
  const points = values.flatMap((value, at): CurvePoint[] => {
    const step = 10 * (at + 1);
    const common = { step, epoch: 1, seconds: step };
    return [
      { kind: "train", ...common, loss: 2 - value, gradientNorm: 1 + value },
      { kind: "evaluation", ...common, loss: 1 - value, metrics: { [String(metric)]: value } },
    ];
  });
  const record = {
    ...{ format: 1, status: "finished", model: "lstm", task: "digits", batch: 8, seed: 1, machine: {} },
    ...{
      started: "2026",
      step: 10 * values.length,
      options: { lr: 0.1, file: "lstm.cell", ...(options as object) },
      ...rest,
    },
  };
  await mkdir(path, { recursive: true });
  await writeFile(join(path, "run.json"), JSON.stringify(record));
  await writeFile(join(path, "curve.jsonl"), curveLines(points));
  return path;
}

/** A loss over examples and one over steps, which `evaluate` averages each as it is. */
const twoLosses = `import { lstm } from "./lstm.cell"

model m(D = 9, H = 5) {
  input x : [D] over time
  target y : index(10)
  hs = scan lstm(D, H) over x
  param V : [H, 10] = xavier
  z = last(hs) @ V
  loss cross_entropy(z, y)
  loss 0.5 * mean(square(hs))
  metric fit = cross_entropy(z, y)
  metric size = square(hs)
  metric accuracy = correct(z, y)
}
`;

describe("cellc compare", () => {
  test("ranks runs by their last evaluation, and says what they did otherwise", () =>
    withFolder(async (folder) => {
      const a = await run(join(folder, "a/first"), [0.5, 0.9, 0.7], { options: { lr: 0.2, place: "hh=batch" } });
      const b = await run(join(folder, "b/first"), [0.3, 0.8], { seed: 2 });
      const out = join(folder, "out");
      const { code, stdout, stderr } = await cellc(["compare", a, b, "--out", out, "--json"]);
      expect([code, stderr]).toEqual([
        0,
        expect.stringContaining("b/first has the best accuracy at its last evaluation: 80.0 %"),
      ]);
      const { results, by } = JSON.parse(stdout);
      expect(by).toEqual({ measure: "accuracy", direction: "max" });
      expect(results).toMatchObject([
        { name: "b/first", last: { accuracy: 0.8 }, best: { step: 20, value: 0.8 }, differs: { lr: 0.1, place: null } },
        {
          name: "a/first",
          last: { accuracy: 0.7 },
          best: { step: 20, value: 0.9 },
          differs: { lr: 0.2, place: "hh=batch" },
        },
      ]);
      expect(stderr).toContain("lr=0.2, place=hh=batch");
      expect(stderr).not.toContain("do not compare");
      expect(await readFile(join(out, "compare.svg"), "utf8")).toContain("a/first");
      const visited = await visit(join(out, "compare.html"));
      expect(await visited.page.locator("#rows tbody tr").count()).toBe(2);
      expect(await visited.page.locator("#chart-0 path.curve").count()).toBe(2);
      expect(await pageFaults(visited, process.env.CELLC_SHOTS)).toEqual([]);
    }));

  test("names the options of the data that differ, and no others", () =>
    withFolder(async (folder) => {
      const own = { target: { y: ["sales"] }, window: 28 };
      const a = await run(join(folder, "a"), [0.5], { options: { own, cell: {} } });
      const b = await run(join(folder, "b"), [0.3], {
        options: { own: { ...own, change: true }, cell: { rnn: "lstm" } },
      });
      const c = await run(join(folder, "c"), [0.2], {
        options: { own: { ...own, target: { y: ["sales", "visits"] } } },
      });
      const out = ["--out", join(folder, "out"), "--json"];
      const two = await cellc(["compare", a, b, ...out]);
      expect(JSON.parse(two.stdout).results).toMatchObject([
        { differs: { change: null } },
        { differs: { change: true } },
      ]);
      expect(two.stderr).toContain("The targets differ (change), so these numbers do not compare");
      const three = await cellc(["compare", a, b, c, ...out]);
      expect(three.stderr).toContain("cell=–, columns=y=sales+visits, change=–");
    }));

  test("ranks by another measure, and draws more runs than there are colours", () =>
    withFolder(async (folder) => {
      const runs = await Promise.all(
        Array.from({ length: 10 }, (_, at) => run(join(folder, `run-${at}`), [at / 10], { metric: "score" })),
      );
      const out = ["--out", join(folder, "out"), "--json"];
      const guess = await cellc(["compare", ...runs, "--by", "score", ...out]);
      expect([guess.code, guess.stderr]).toEqual([2, expect.stringContaining("--by score:min")]);
      const { code, stdout, stderr } = await cellc(["compare", ...runs, "--by", "score:min", ...out]);
      expect([code, stderr]).toEqual([0, expect.stringContaining("has the best 8; the page has all")]);
      expect(JSON.parse(stdout).results[0].name).toBe("run-0");
      const { page } = await visit(join(folder, "out", "compare.html"));
      expect(await page.locator("#rows tbody tr").count()).toBe(10);
    }));

  test("draws every metric that some run has, and the loss, what ranks first", () =>
    withFolder(async (folder) => {
      const a = await run(join(folder, "a"), [0.5, 0.6]);
      const b = await run(join(folder, "b"), [0.3, 0.4], { metric: "f1" });
      const out = join(folder, "out");
      expect((await cellc(["compare", a, b, "--by", "loss", "--out", out])).code).toBe(0);
      const { page } = await visit(join(out, "compare.html"));
      const titles = await page.locator("h2").allTextContents();
      const from = titles.indexOf("Held-out loss");
      expect(titles.slice(from, from + 4)).toEqual([
        ...["Held-out loss", "Held-out accuracy", "Held-out f1", "Training loss"],
      ]);
      expect(await page.locator("#chart-2 path.curve").count()).toBe(1);
      const picture = await readFile(join(out, "compare.svg"), "utf8");
      for (const measure of ["loss", "accuracy", "f1"]) expect(picture).toContain(`${measure} on held-out examples`);
    }));

  test("of models with several losses draws those that are metrics, too, each by itself, as train does", () =>
    withFolder(async (folder) => {
      const cell = join(folder, "m.cell");
      await writeFile(cell, twoLosses);
      await cp("examples/cells/lstm.cell", join(folder, "lstm.cell"));
      const train = async (name: string, ...more: readonly string[]) => {
        const how = ["--steps", "4", "--evaluate-every", "2", "--batch", "16", "--out", join(folder, name)];
        expect((await cellc(["train", cell, "--task", "digits-rows", ...how, ...more])).code).toBe(0);
      };
      await train("a", "--tensorboard", join(folder, "board"));
      await train("b", "--lr", "0.1");
      const points = await readCurve(join(folder, "a", "curve.jsonl"));
      expect(points).toHaveLength(6);
      for (const { loss, metrics } of points) {
        expect(Object.keys(metrics ?? {})).toEqual(["fit", "size", "accuracy"]);
        expect(metrics!.size).toBeGreaterThan(0);
        expect(loss).toBeCloseTo(metrics!.fit + 0.5 * metrics!.size, 5);
      }
      const [events] = await readdir(join(folder, "board"));
      const board = await readFile(join(folder, "board", events), "latin1");
      for (const tag of ["loss", "fit", "size", "accuracy"])
        for (const part of ["train", "validation"]) expect(board).toContain(`${part}/${tag}`);
      const out = join(folder, "out");
      expect((await cellc(["compare", join(folder, "a"), join(folder, "b"), "--out", out])).code).toBe(0);
      const { page } = await visit(join(out, "compare.html"));
      expect(await page.locator("h2", { hasText: /^Held-out / }).allTextContents()).toEqual([
        ...["Held-out accuracy", "Held-out fit", "Held-out size", "Held-out loss"],
      ]);
      for (const picture of [join(out, "compare.svg"), join(folder, "a", "curve.svg")])
        for (const measure of ["loss", "fit", "size", "accuracy"])
          expect(await readFile(picture, "utf8")).toContain(`${measure} on held-out examples`);
    }));

  test("says that runs of different tasks do not compare", () =>
    withFolder(async (folder) => {
      const a = await run(join(folder, "a"), [0.5]);
      const b = await run(join(folder, "b"), [0.3], { task: "adding", metric: "f1" });
      const { stdout } = await cellc(["compare", a, b, "--out", join(folder, "out")]);
      expect(stdout).toContain("The runs are of different tasks");
    }));

  test("refuses what is no run, or too few of them, and writes nothing", () =>
    withFolder(async (folder) => {
      const a = await run(join(folder, "a"), [0.5]);
      const out = ["--out", join(folder, "out")];
      const said = async (...runs: readonly string[]) => {
        const { code, stderr } = await cellc(["compare", ...runs, ...out]);
        return [code, stderr];
      };
      expect(await said(a)).toEqual([2, expect.stringContaining("there is one run")]);
      expect(await said(a, `${a}/`)).toEqual([2, expect.stringContaining("is given twice")]);
      expect(await said(a, join(folder, "none"))).toEqual([1, expect.stringContaining("holds no run")]);
      const empty = await run(join(folder, "empty"), []);
      expect(await said(a, empty)).toEqual([1, expect.stringContaining("has no evaluation yet")]);
      await writeFile(join(empty, "curve.jsonl"), "{}\n");
      expect(await said(a, empty)).toEqual([1, expect.stringContaining("not a point of a learning curve")]);
      await expect(readFile(join(folder, "out", "compare.html"))).rejects.toThrow("ENOENT");
    }));
});
