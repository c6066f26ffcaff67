import { chmod, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { appendCurve, type CurvePoint, readCurve, truncateCurve } from "../../../cli/report/curve-log.ts";
import { writeAtomically } from "../../../cli/report/files.ts";
import { withFolder } from "../../data/mnist.ts";

test("an atomic write makes the folder, replaces the old file and leaves nothing else behind", () =>
  withFolder(async (folder) => {
    const path = join(folder, "a/b/model.bin");
    await writeAtomically(path, "old");
    await writeAtomically(path, Uint8Array.of(1, 2));
    expect(Array.from(await readFile(path))).toEqual([1, 2]);
    expect(await readdir(join(folder, "a/b"))).toEqual(["model.bin"]);
  }));

test("an atomic write that fails leaves no part behind", () =>
  withFolder(async (folder) => {
    await mkdir(join(folder, "taken/inside"), { recursive: true });
    await expect(writeAtomically(join(folder, "taken"), "x")).rejects.toThrow();
    expect(await readdir(folder)).toEqual(["taken"]);
  }));

test("an atomic write goes through a symbolic link and keeps the file's permissions", () =>
  withFolder(async (folder) => {
    const [file, link] = [join(folder, "file"), join(folder, "link")];
    await writeFile(file, "old");
    await chmod(file, 0o640);
    await symlink(file, link);
    await writeAtomically(link, "new");
    expect(await readFile(file, "utf8")).toBe("new");
    expect((await stat(file)).mode & 0o777).toBe(0o640);
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
  }));

test("writes to one path at once leave one of them whole", () =>
  withFolder(async (folder) => {
    const path = join(folder, "f");
    const texts = Array.from({ length: 8 }, (_, n) => String(n).repeat(100_000));
    await Promise.all(texts.map((text) => writeAtomically(path, text)));
    expect(texts).toContain(await readFile(path, "utf8"));
    expect(await readdir(folder)).toEqual(["f"]);
  }));

const points: readonly CurvePoint[] = [
  { kind: "train", step: 1, epoch: 1, loss: 2.3, seconds: 0.1 },
  { kind: "evaluation", step: 1, epoch: 1, loss: 2.2, metrics: { accuracy: 0.1 }, seconds: 0.2 },
  { kind: "train", step: 2, epoch: 1, loss: 2.1, seconds: 0.3 },
];

test("a curve reads back, in order, over several appends, and without a line a crash cut short", () =>
  withFolder(async (folder) => {
    const path = join(folder, "run/curve.jsonl");
    expect(await readCurve(path)).toEqual([]);
    await appendCurve(path, points.slice(0, 1));
    await appendCurve(path, points.slice(1));
    expect(await readCurve(path)).toEqual(points);
    await writeFile(path, `${await readFile(path, "utf8")}{"kind":"trai`);
    expect(await readCurve(path)).toEqual(points);
    await truncateCurve(path, 1);
    expect(await readCurve(path)).toEqual(points.slice(0, 2));
  }));

test("a line that is no point is an error with its place", () =>
  withFolder(async (folder) => {
    const path = join(folder, "curve.jsonl");
    for (const line of ["null", "{}", "nonsense", '{"kind":"train"}']) {
      await writeFile(path, `${JSON.stringify(points[0])}\n${line}\n`);
      await expect(readCurve(path)).rejects.toMatchObject({
        code: "C0402",
        message: expect.stringContaining(`${path}:2`),
      });
    }
  }));
