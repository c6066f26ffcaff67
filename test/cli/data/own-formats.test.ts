import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { filesAt } from "../../../cli/data/data-files.ts";
import type { DataOptions } from "../../../cli/data/data-options.ts";
import { formats } from "../../../cli/data/formats.ts";
import { openOwnData } from "../../../cli/data/own-data.ts";
import type { Split, Task } from "../../../cli/data/task.ts";
import { readTree } from "../../house/tree.ts";
import { cellc } from "../run-here.ts";
import { failureOf, fileOf } from "./formats/read.ts";
import { type Numbers, npy, npz } from "./formats/write-arrays.ts";

async function* nothing(): AsyncGenerator<Uint8Array> {}

const opened = (path: string, options: DataOptions): Promise<Task> =>
  openOwnData({ stdin: nothing(), say: () => {} }, path, options);

const array = (type: string, ...shape: number[]): Numbers => ({
  type,
  shape,
  data: Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i % 2),
});

test("arrays of splits are examples of these splits, with classes where a label is asked for", async () => {
  const [x, y] = [array("f4", 6, 4, 3), array("i8", 6)];
  const arrays = { x_train: x, y_train: y, x_test: x, y_test: y, x_val: x, y_val: y };
  const task = await opened(await fileOf("a.npz", npz(arrays)), { label: { y: "y" } });
  expect(task.splits).toEqual({ train: 6, validation: 6, test: 6 });
  expect(task.inputs).toEqual({
    x: { kind: "value", shape: [3], time: true },
    y: { kind: "index", size: 2, time: false },
  });
});

test("the lines of a log are sequences of keys, of which the most frequent are kept", async () => {
  const lines = Array.from({ length: 20 }, (_, i) => `5 5 22 ${i % 2 === 0 ? "9" : "11"}\n`).join("");
  const options: DataOptions = { format: "text", unit: "words", lines: true, vocabulary: 3 };
  const task = await opened(await fileOf("keys", lines), options);
  expect(task.inputs.w).toEqual({ kind: "index", size: 3, time: true });
  expect(task.outputs).toMatchObject({ y: { names: ["5", "22", "<unk>"] } });
});

test("of stories the words are read, and the marks of the question only where they are asked for", async () => {
  const story = (i: number): string =>
    `1 Mary went ${i % 2 ? "home" : "out"}.\n2 Where is Mary?\t${i % 2 ? "home" : "out"}\t1\n`;
  const path = await fileOf("qa.txt", Array.from({ length: 40 }, (_, i) => story(i)).join(""));
  const target = { y: { kind: "index", size: 2, time: false } };
  const w = { kind: "index", size: 8, time: true };
  expect((await opened(path, {})).inputs).toEqual({ w, ...target });
  const both: DataOptions = { inputs: { w: ["w"], asked: ["question"] } };
  expect((await opened(path, both)).inputs).toEqual({ w, asked: { kind: "value", shape: [1], time: true }, ...target });
});

test("arrays of words and of numbers called w and x are both inputs", async () => {
  const lines = Array.from(
    { length: 20 },
    (_, i) => `{"w": ["a", "b"], "x": [[1, 2], [3, ${i}]], "z": [1, 2], "y": ${i}}\n`,
  );
  const { inputs } = await opened(await fileOf("a.jsonl", lines.join("")), {});
  expect(Object.keys(inputs)).toEqual(["w", "x", "y"]);
  expect(inputs.x).toMatchObject({ shape: [2] });
});

test("a stream of characters is cut into windows", async () => {
  const task = await opened(await fileOf("a.txt", "ab".repeat(100)), { window: 10, stride: 10 });
  expect(task.inputs.w).toEqual({ kind: "index", size: 2, time: true });
  expect(task.splits.train).toBeGreaterThan(10);
});

test("a text in which a space follows each character is read only as somebody says", async () => {
  const path = await fileOf("a.txt", "a b _ c ".repeat(40));
  const refused = await failureOf(opened(path, { window: 10 }));
  expect([refused.code, refused.message]).toEqual(["C0402", expect.stringContaining("a space follows each")]);
  expect(refused.help).toContain("--unit spaced-characters");
  const sizes = { "spaced-characters": 4, characters: 5 } as const;
  for (const unit of ["spaced-characters", "characters"] as const)
    expect((await opened(path, { window: 10, unit })).inputs.w).toEqual({
      kind: "index",
      size: sizes[unit],
      time: true,
    });
});

test("the files of a folder are sorted by all words of their names, and those of no format are let be", async () => {
  const path = await fileOf("corpus.train.txt", "abab".repeat(20));
  const folder = dirname(path);
  await mkdir(join(folder, "test"));
  for (const [name, text] of [
    ["README.md", "# a"],
    ["corpus.valid.txt", "abab"],
    ["test/all.txt", "ba"],
  ])
    await writeFile(join(folder, name), text);
  const task = await opened(folder, {});
  expect(task.splits).toEqual({ train: 1, validation: 1, test: 1 });
  await writeFile(join(folder, "more.txt"), "ab");
  expect((await failureOf(opened(folder, {}))).message).toMatch(/holds `more\.txt`, whose name says no split/);
});

describe("a folder of NPY files", () => {
  const x = array("f4", 6, 4, 3);
  const y = array("i8", 6);
  const lengths: Numbers = { type: "i8", shape: [6], data: [4, 2, 3, 4, 1, 2] };

  /** A new folder with these arrays. */
  async function folderOf(arrays: Readonly<Record<string, Numbers>>): Promise<string> {
    const folder = join(dirname(await fileOf("notes.md", "# none")), "set");
    for (const [name, one] of Object.entries(arrays)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), name.endsWith(".gz") ? gzipSync(npy(one)) : npy(one));
    }
    return folder;
  }

  const batch = async (task: Task, split: Split) => {
    const { inputs, lengths } = await task.batch(
      split,
      Uint32Array.from({ length: task.splits[split] }, (_, i) => i),
    );
    return { inputs, lengths };
  };

  test("is what one NPZ file of these arrays is", async () => {
    const folder = await folderOf({ "x.npy": x, "y.npy.gz": y, "lengths.npy": lengths });
    const options: DataOptions = { label: { y: "y" }, scale: "none" };
    const [one, other] = [
      await opened(folder, options),
      await opened(await fileOf("set.npz", npz({ x, y, lengths })), options),
    ];
    expect(one.name).toBe("set");
    expect(one.splits).toEqual(other.splits);
    for (const split of ["train", "validation", "test"] as const)
      expect(await batch(one, split)).toEqual(await batch(other, split));
    const wrong = await folderOf({ "x.npy": x, "y.npy": array("i8", 5) });
    expect((await failureOf(opened(wrong, options))).message).toContain("`y`");
  });

  test("has parts by the arrays' names, or by folders", async () => {
    const named = await folderOf({ "x_train.npy": x, "y_train.npy": y, "x_test.npy": x, "y_test.npy": y });
    expect((await opened(named, { label: { y: "y" } })).splits).toEqual({ train: 5, validation: 1, test: 6 });
    const apart = await folderOf({ "train/x.npy": x, "train/y.npy": y, "val/x.npy": x, "val/y.npy": y });
    expect((await opened(apart, { label: { y: "y" } })).splits).toMatchObject({ train: 6, validation: 6 });
  });

  test("without an x beside others has files that are each an x, as before", async () => {
    const folder = await folderOf({ "train.npy": x, "valid.npy": x, "more/digits_test.npy": x });
    expect(await filesAt(folder)).toEqual([
      { path: join(folder, "more", "digits_test.npy"), split: "test" },
      { path: join(folder, "train.npy"), split: "train" },
      { path: join(folder, "valid.npy"), split: "validation" },
    ]);
    const loose = await folderOf({ "a.npy": x, "b.npy": x });
    expect(await filesAt(loose, true)).toEqual([{ path: join(loose, "a.npy") }, { path: join(loose, "b.npy") }]);
    await expect(filesAt(loose)).rejects.toThrow("is a folder without a training file");
    const shards = await folderOf({ "train-00000-of-00002.npy": x, "train-00001-of-00002.npy": x });
    expect(await filesAt(shards)).toHaveLength(2);
  });

  test("is described, and trained on and predicted by the command line", async () => {
    const folder = await folderOf({ "x.npy": array("f4", 40, 4, 3), "y.npy": array("i8", 40) });
    const described = await cellc(["data", folder, "--json"]);
    expect([described.code, JSON.parse(described.stdout)]).toMatchObject([0, { ok: true, format: "NPY" }]);
    const run = `${folder}-run`;
    const how = ["--dims", "H=3", "--batch", "4", "--steps", "2", "--out", run];
    const trained = await cellc(["train", "examples/cells/lstm.cell", "--data", folder, "--label", "y", ...how]);
    expect([trained.code, trained.stderr]).toEqual([0, expect.stringContaining("set: 40 sequences, 160 steps")]);
    const predicted = await cellc(["predict", run, "--data", folder, "--out", `${folder}.csv`]);
    expect([predicted.code, predicted.stdout]).toEqual([0, expect.stringContaining("40 rows")]);
  });
});

test("the page of data has a row for every format, with its endings", () => {
  const page = readTree("docs/data.md");
  for (const { name, extensions } of formats) {
    const row = page.split("\n").find((line) => line.startsWith(`| ${name} `));
    for (const ending of extensions) expect(row).toContain(`\`${ending}\``);
    expect(row).toBeDefined();
  }
});
