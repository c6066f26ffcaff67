import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import type { DataOptions } from "../../../cli/data/data-options.ts";
import { formats } from "../../../cli/data/formats.ts";
import { openOwnData } from "../../../cli/data/own-data.ts";
import type { Task } from "../../../cli/data/task.ts";
import { readTree } from "../../house/tree.ts";
import { failureOf, fileOf } from "./formats/read.ts";
import { type Numbers, npz } from "./formats/write-arrays.ts";

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

test("the page of data has a row for every format, with its endings", () => {
  const page = readTree("docs/data.md");
  for (const { name, extensions } of formats) {
    const row = page.split("\n").find((line) => line.startsWith(`| ${name} `));
    for (const ending of extensions) expect(row).toContain(`\`${ending}\``);
    expect(row).toBeDefined();
  }
});
