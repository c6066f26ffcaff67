import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readCurve } from "../../../cli/report/curve-log.ts";
import {
  checkIdentity,
  extendCurve,
  previousRun,
  type RunRecord,
  readRecord,
  takeBackCurve,
  writeRecord,
} from "../../../cli/training/run-folder.ts";
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
  withFolder(async (folder) => {
    expect(await readRecord(folder)).toBeUndefined();
    await writeRecord(folder, record);
    expect(await readRecord(folder)).toEqual(record);
    for (const text of ["{", '{"format": 2}']) {
      await writeFile(join(folder, "run.json"), text);
      await expect(readRecord(folder)).rejects.toMatchObject({ code: "C0402" });
    }
  }));

test("a folder takes a new run only when empty, and a resumed one only when it is the same", () =>
  withFolder(async (folder) => {
    await expect(previousRun(folder, true)).rejects.toMatchObject({ code: "C0408", exitCode: 2 });
    expect(await previousRun(folder, false)).toBeUndefined();
    await writeRecord(folder, record);
    await expect(previousRun(folder, false)).rejects.toMatchObject({
      code: "C0408",
      help: expect.stringContaining("--resume"),
    });
    expect(await previousRun(folder, true)).toEqual(record);
    checkIdentity(folder, record, record);
    for (const change of [{ model: "other" }, { task: "adding" }, { batch: 32 }, { seed: 2 }]) {
      expect(() => checkIdentity(folder, record, { ...record, ...change })).toThrow(
        expect.objectContaining({ code: "C0408", exitCode: 2 }),
      );
    }
  }));

test("a curve grows, is drawn, and is taken back to a checkpoint's step", () =>
  withFolder(async (folder) => {
    const words = { title: "t", subtitle: "s", name: "smnist", metric: "accuracy" };
    const point = (step: number) => ({ kind: "train", step, epoch: 1, loss: 1, seconds: 10 * step }) as const;
    await extendCurve(folder, [point(1), point(2)], words);
    await extendCurve(folder, [point(3)], words);
    expect((await readCurve(join(folder, "curve.jsonl"))).map(({ step }) => step)).toEqual([1, 2, 3]);
    expect(await takeBackCurve(folder, 2)).toEqual({ seconds: 20, cut: 0 });
    expect((await readCurve(join(folder, "curve.jsonl"))).map(({ step }) => step)).toEqual([1, 2]);
    expect(await readFile(join(folder, "curve.svg"), "utf8")).toMatch(/^<svg .*<\/svg>\n$/s);
    expect((await readdir(folder)).sort()).toEqual(["curve.jsonl", "curve.svg"]);
  }));
