import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { taskStreams } from "../../cli/data/streams.ts";
import { digitsTask } from "../../cli/data/tasks/digits.ts";
import type { ExploreRecord } from "../../cli/explore/folder.ts";
import type { Placement } from "../../cli/explore/placement.ts";
import { measureRow, type RowRecord, type RowSettings, trainRow } from "../../cli/explore/row.ts";
import type { Row } from "../../cli/explore/rows.ts";
import { createOutput } from "../../cli/output.ts";
import { withFolder } from "../data/mnist.ts";
import { closeBrowser, visit } from "./browser.ts";
import { cellc as cellcProcess } from "./run-cellc.ts";
import { cellc } from "./run-here.ts";

/** A cell with two sites, a norm that no loop can hold, and one whose results are not finite. */
const CELL = `
cell tiny(D = 6, H = 4) {
  param Wx : [D, H] = orthogonal
  param Wh : [H, H] = orthogonal
  input x : [D]
  state h : [H] = noise(0.1)
  site hh = h @ Wh
  site xh = x @ Wx
  h' = tanh(hh + xh)
  output h'
}
norm whole(x) {
  stat m = mean(x, over (batch, time))
  x - m
}
norm huge(x) { (x * 1e30) * 1e30 }
`;

const SMALL = ["--task", "digits-rows", "--batch", "32", "--estimate", "64", "--lr", "1e-2", "--evaluate-every", "8"];

const explore = (folder: string, ...more: readonly string[]): readonly string[] => [
  ...["explore", join(folder, "tiny.cell"), ...SMALL, "--budget", "8", "--out", join(folder, "out"), "--json"],
  ...more,
];

const rowsIn = async (folder: string): Promise<ReadonlyMap<string, string>> => {
  const rows = join(folder, "out", "rows");
  const names = (await readdir(rows)).filter((name) => name.endsWith(".json")).sort();
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(join(rows, name), "utf8")] as const)),
  );
};

afterAll(closeBrowser);

describe("cellc explore", () => {
  test("killed half-way and resumed loses no row and repeats none, and reports all of them", () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, "tiny.cell"), CELL);
      const norms = ["--norms", "none,batch(gamma=0.5),whole", "--sites", "hh,xh"];
      const killed = await cellcProcess(explore(folder, ...norms), {
        interruptAt: /row \d\/9 [\s\S]*row \d\/9 /,
        signal: "SIGKILL",
      });
      expect(killed.code).toBeNull();
      const before = await rowsIn(folder);
      expect(before.size).toBeGreaterThanOrEqual(2);
      expect(before.size).toBeLessThan(9);

      const other = await cellc(explore(folder, ...norms, "--resume", "--lr", "2e-2"));
      expect([other.code, other.stderr]).toEqual([2, expect.stringContaining("with lr 0.01, not 0.02")]);
      expect((await cellc(explore(folder, ...norms))).code).toBe(2);
      await writeFile(join(folder, "tiny.cell"), CELL.replace("x - m", "2 * (x - m)"));
      const edited = await cellc(explore(folder, ...norms, "--resume"));
      expect([edited.code, edited.stderr]).toEqual([2, expect.stringContaining("holds an exploration with text")]);
      await writeFile(join(folder, "tiny.cell"), CELL);
      const resumed = await cellcProcess(explore(folder, ...norms, "--resume"));
      expect([resumed.code, resumed.stderr]).toEqual([0, expect.not.stringContaining("internal")]);
      const after = await rowsIn(folder);
      expect([...after.keys()]).toEqual(Array.from({ length: 9 }, (_, i) => `000${i + 1}.json`));
      for (const [name, text] of before) expect(after.get(name)).toBe(text);

      const rows = [...after.values()].map((text) => JSON.parse(text) as RowRecord);
      const failed = rows.filter(({ outcome }) => outcome.status === "failed");
      expect(failed.map(({ placement }) => placement.hh)).toEqual(["whole", "whole", "whole"]);
      for (const { outcome, points, result, cost } of rows) {
        if (outcome.status !== "finished") continue;
        expect(points.filter(({ kind }) => kind === "train")).toHaveLength(8);
        expect(points.every((point) => point.kind !== "train" || point.gradientNorm! > 0)).toBe(true);
        expect(result!.metrics.accuracy).toBeGreaterThanOrEqual(0);
        expect(Math.min(cost!.milliseconds, cost!.dispatches, cost!.bytes)).toBeGreaterThan(0);
      }

      const { ok, ...record } = JSON.parse(resumed.stdout) as ExploreRecord & { readonly ok: boolean };
      expect(ok).toBe(true);
      expect(JSON.parse(await readFile(join(folder, "out", "explore.json"), "utf8"))).toEqual(record);
      expect(record).toMatchObject({ status: "finished", rows: 9, done: 9, conclusion: { verdict: "trivial" } });
      expect(record.ranking!.by).toEqual({ measure: "accuracy", direction: "max" });
      const accuracies = record.ranking!.standings.flatMap(({ measures }) => measures.accuracy?.mean ?? []);
      expect(accuracies).toHaveLength(6);
      expect(accuracies).toEqual([...accuracies].sort((a, b) => b - a));

      const byLoss = await cellcProcess(explore(folder, ...norms, "--resume", "--by", "loss"));
      const { ranking, conclusion } = JSON.parse(byLoss.stdout) as ExploreRecord;
      expect(ranking!.by).toEqual({ measure: "loss", direction: "min" });
      const losses = ranking!.standings.flatMap(({ measures }) => measures.loss?.mean ?? []);
      expect(losses).toEqual([...losses].sort((a, b) => a - b));
      expect(await rowsIn(folder)).toEqual(after);

      const { page, requests, errors } = await visit(join(folder, "out", "explore.html"));
      expect([requests, errors]).toEqual([[], []]);
      // The placements, and what learns nothing.
      expect(await page.locator("#rows tbody tr").count()).toBe(10);
      expect(await page.locator("body").innerText()).toContain("C0207: statistics over time need the whole sequence");
      expect(await page.locator(".sentence").innerText()).toBe(conclusion!.sentence);
      // A metric, a loss and a gradient norm of each row that finished, and a dot for what it costs.
      expect(await page.locator(".charts svg").count()).toBe(4);
      expect(await page.locator(".charts path.curve").count()).toBe(2 * 6);
      expect(await page.locator("#chart-3 g circle").count()).toBe(6);
      await page.locator("#rows tbody tr").nth(1).hover();
      await page.waitForFunction(`document.querySelectorAll("g.strong").length === 4`);
    }));

  test("with rungs trains fewer for longer, the same when it was killed between, and tests the first one", () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, "tiny.cell"), CELL);
      const options = ["--norms", "none,batch,layer,rms", "--sites", "hh", "--rungs", "3", "--eta", "2", "--test"];
      const ranked = ["--evaluate-every", "4", "--by", "loss", "--budget", "16", "--lr", "3e-2"];
      const run = (out: string, ...more: readonly string[]) =>
        explore(folder, ...options, ...ranked, "--out", join(folder, out), ...more);
      const whole = await cellcProcess(run("whole"));
      expect([whole.code, whole.stderr]).toEqual([0, expect.stringContaining("rung 3: row")]);
      const killed = await cellcProcess(run("out"), { interruptAt: /rung 2: row/, signal: "SIGKILL" });
      expect(killed.code).toBeNull();
      const resumed = await cellcProcess(run("out", "--resume"));
      expect(resumed.code).toBe(0);

      const read = (text: string) => JSON.parse(text) as ExploreRecord;
      const [one, other] = [read(whole.stdout), read(resumed.stdout)];
      expect(one.length).toEqual({ steps: 16, evaluateEvery: 4, rungs: [4, 8, 16] });
      const measured = ({ ranking, test }: ExploreRecord) => [
        ranking!.standings.map(({ placement, steps, measures }) => [placement, steps, measures]),
        ranking!.effects,
        test,
      ];
      expect(measured(other)).toEqual(measured(one));
      // The best ones, and the one without norms, which goes on in any case.
      const reached = (steps: number) => one.ranking!.standings.filter((standing) => standing.steps >= steps).length;
      expect([reached(4), reached(8) === 2 || reached(8) === 3]).toEqual([4, true]);
      expect(reached(16) === 1 || reached(16) === 2).toBe(true);
      expect(one.ranking!.standings.some(({ baseline, steps }) => baseline && steps === 16)).toBe(true);
      expect(one.test!.measures.loss.mean).toBeGreaterThan(0);
      expect(one.conclusion!.command).toContain("--steps 16 --seed 1 --out");
      // Of each row the newest model is left.
      const models = (await readdir(join(folder, "out", "rows"))).filter((name) => name.endsWith(".safetensors"));
      expect(models.length).toBe(4);
    }));

  test("refuses a measure that the model does not have, and rungs that have nothing to choose between", () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, "tiny.cell"), CELL);
      const run = (...more: readonly string[]) =>
        cellc(["explore", join(folder, "tiny.cell"), ...SMALL, "--out", join(folder, "out"), "--json", ...more]);
      const unknown = await run("--by", "f2");
      expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining("it measures loss, accuracy")]);
      const eta = await run("--eta", "2");
      expect([eta.code, eta.stderr]).toEqual([2, expect.stringContaining("there is one rung")]);
      const many = await run("--rungs", "5");
      expect([many.code, many.stderr]).toEqual([2, expect.stringContaining("5 rungs are too many for 9 placements")]);
    }));

  test("says what is wrong with names before anything is trained", () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, "tiny.cell"), CELL);
      const site = await cellc(explore(folder, "--sites", "hh,cc"));
      expect([site.code, site.stderr]).toEqual([1, expect.stringContaining("there is no site or parameter `cc`")]);
      const norm = await cellc(explore(folder, "--norms", "none,bach"));
      expect([norm.code, norm.stderr]).toEqual([1, expect.stringContaining("there is no norm `bach`")]);
      expect(await readdir(folder)).toEqual(["tiny.cell"]);
    }));
});

describe("a row", () => {
  const task = digitsTask("rows", taskStreams);
  const environment = {};
  const { stderr } = process;
  const context = {
    environment,
    output: createOutput({ json: false, color: false, stdout: stderr, stderr, environment }),
  };

  const train = (folder: string, placement: Placement, seed = 1): Promise<RowRecord> =>
    trainRow(
      rowOf(placement, seed),
      task,
      settingsIn(folder),
      { steps: 8, evaluateEvery: 8, until: 8, checkpoint: join(folder, "row.safetensors") },
      context,
      () => {},
    );

  const rowOf = (placement: Placement, seed = 1): Row => ({ number: 1, placement, placed: placement, seed });

  const settingsIn = (folder: string): RowSettings => ({
    file: join(folder, "tiny.cell"),
    model: { dims: {}, cell: {} },
    training: {
      ...{ batch: 32, lr: 1e-2, decay: "none", optimizer: "adam", momentum: 0.1, stats: "exact", estimate: 64 },
    },
  });

  const inFolder = (work: (folder: string) => Promise<void>): Promise<void> =>
    withFolder(async (folder) => {
      await writeFile(join(folder, "tiny.cell"), CELL);
      await work(folder);
    });

  test("is what train makes of the same placement and seed", () =>
    inFolder(async (folder) => {
      const { result, outcome } = await train(folder, { hh: "batch(gamma = 0.2)", xh: "layer" }, 3);
      expect(outcome).toEqual({ status: "finished" });
      const options = [...SMALL, "--steps", "8", "--seed", "3", "--place", "hh=batch(gamma=0.2),xh=layer"];
      const ended = await cellc([
        "train",
        join(folder, "tiny.cell"),
        ...options,
        "--out",
        join(folder, "run"),
        "--json",
      ]);
      expect(JSON.parse(ended.stdout).result).toEqual({ loss: result!.loss, ...result!.metrics });
    }));

  test("in two stretches is the same row as in one", () =>
    inFolder(async (folder) => {
      const placement = { hh: "batch", xh: "layer" };
      const whole = await train(folder, placement);
      const stretch = async (until: number, before?: RowRecord): Promise<RowRecord> =>
        trainRow(
          rowOf(placement),
          task,
          settingsIn(folder),
          {
            ...{ steps: 8, evaluateEvery: 4, until, checkpoint: join(folder, `${until}.safetensors`) },
            ...(before && { before: { record: before, checkpoint: join(folder, `${before.steps}.safetensors`) } }),
          },
          context,
          () => {},
        );
      const first = await stretch(4);
      const second = await stretch(8, first);
      expect([first.steps, first.points.length, second.points.length]).toEqual([4, 5, 10]);
      expect(second.result).toEqual(whole.result);
      const losses = (row: RowRecord) => row.points.flatMap((point) => (point.kind === "train" ? point.loss : []));
      expect(losses(second)).toEqual(losses(whole));
      const seconds = second.points.map((point) => point.seconds);
      expect(seconds).toEqual([...seconds].sort((a, b) => a - b));
    }));

  test("that diverges says when, and that it did", () =>
    inFolder(async (folder) => {
      const { outcome, points, result } = await train(folder, { xh: "huge" });
      expect(outcome).toMatchObject({ status: "diverged", during: "training" });
      expect([points.length < 8, result]).toEqual([true, undefined]);
    }));

  test("that does not compile gives the reason, and has no price", () =>
    inFolder(async (folder) => {
      const message = "statistics over time need the whole sequence";
      expect((await train(folder, { hh: "whole" })).outcome).toEqual({ status: "failed", code: "C0207", message });
      expect(await measureRow(rowOf({ hh: "whole" }), task, settingsIn(folder), context)).toBeUndefined();
    }));

  test("that compiles has a price", () =>
    inFolder(async (folder) => {
      const price = await measureRow(rowOf({ hh: "none" }), task, settingsIn(folder), context);
      expect(Math.min(price!.compile, price!.step, price!.evaluation)).toBeGreaterThan(0);
    }));

  test("of a model that the task does not fit is no row: the command fails", () =>
    inFolder(async (folder) => {
      const { training, ...settings } = settingsIn(folder);
      const wrong = { ...settings, training, model: { dims: { D: 3 }, cell: {} } };
      const stretch = { steps: 1, evaluateEvery: 1, until: 1, checkpoint: join(folder, "row.safetensors") };
      await expect(trainRow(rowOf({ hh: "none" }), task, wrong, stretch, context, () => {})).rejects.toThrow(
        "the model wants [3] over time, the task gives [6]",
      );
    }));
});
