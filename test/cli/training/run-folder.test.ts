import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readCurve } from "../../../cli/report/curve-log.ts";
import { RunFolder, type RunRecord } from "../../../cli/training/run-folder.ts";
import { withFolder } from "../../data/mnist.ts";

const record: RunRecord = {
  format: 1,
  status: "running",
  model: "smnist",
  task: "digits",
  batch: 64,
  seed: 1,
  options: { lr: 0.001 },
  machine: { node: "v20" },
  started: "2026-01-01T00:00:00.000Z",
  step: 0,
};

test("a run's record reads back, and one that is damaged is C0402", () =>
  withFolder(async (path) => {
    const folder = new RunFolder(path);
    expect(await folder.read()).toBeUndefined();
    await folder.write(record);
    expect(await folder.read()).toEqual(record);
    for (const text of ["{", '{"format": 2}']) {
      await writeFile(join(path, "run.json"), text);
      await expect(folder.read()).rejects.toMatchObject({ code: "C0402" });
    }
  }));

test("a folder takes a new run only when empty, and a resumed one only when it is the same", () =>
  withFolder(async (path) => {
    const folder = new RunFolder(path);
    await expect(folder.begin(true)).rejects.toMatchObject({
      ...{ code: "C0408", exitCode: 2, message: `${path} holds no run to resume` },
    });
    expect(await folder.begin(false)).toBeUndefined();
    await folder.write(record);
    await expect(folder.begin(false)).rejects.toMatchObject({
      ...{ code: "C0408", message: `${path} holds a run already`, help: expect.stringContaining("--resume") },
    });
    expect(await folder.begin(true)).toEqual(record);
    const { model, task, batch, seed } = record;
    const same = { model, task, batch, seed };
    folder.checkIdentity(record, same);
    for (const [change, message] of [
      [{ model: "other" }, "with model smnist, not other"],
      [{ task: "adding" }, "with task digits, not adding"],
      [{ batch: 32 }, "with batch 64, not 32"],
      [{ seed: 2 }, "with seed 1, not 2"],
    ] as const) {
      expect(() => folder.checkIdentity(record, { ...same, ...change })).toThrow(
        expect.objectContaining({ code: "C0408", exitCode: 2, message: `${path} holds a run ${message}` }),
      );
    }
  }));

test("a curve grows, is drawn, and is taken back to a checkpoint's step", () =>
  withFolder(async (path) => {
    const folder = new RunFolder(path);
    const words = { title: "t", subtitle: "s", name: "smnist" };
    const point = (step: number) => ({ kind: "train", step, epoch: 1, loss: 1, seconds: 10 * step }) as const;
    await folder.extendCurve([point(1), point(2)]);
    await folder.extendCurve([point(3)]);
    await folder.drawCurve(words);
    expect((await readCurve(folder.files.curve)).map(({ step }) => step)).toEqual([1, 2, 3]);
    expect(await folder.rewindCurve(2)).toMatchObject({ points: [{ step: 1 }, { step: 2, seconds: 20 }], cut: 0 });
    expect((await readCurve(folder.files.curve)).map(({ step }) => step)).toEqual([1, 2]);
    expect(await readFile(folder.files.picture, "utf8")).toMatch(/^<svg .*<\/svg>\n$/s);
    expect((await readdir(path)).sort()).toEqual(["curve.jsonl", "curve.svg"]);
  }));
