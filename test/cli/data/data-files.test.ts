import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { filesAt } from "../../../cli/data/data-files.ts";
import { failureOf } from "./formats/read.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cellc-files-"));
  await mkdir(join(folder, "a_inner.csv"));
  for (const name of [
    "a_train.csv",
    "a_test.csv",
    "ab_train.csv",
    "ab_test.csv",
    "c1.csv",
    "c2.csv",
    ".c3.csv",
    "keys",
  ])
    await writeFile(join(folder, name), "x\n1\n");
});
afterAll(() => rm(folder, { recursive: true }));

describe("a pattern", () => {
  const at = async (pattern: string, whole = false) =>
    (await filesAt(join(folder, pattern), whole)).map(({ path, split }) => `${path.slice(folder.length + 1)} ${split}`);

  test.each([
    ["a_*.csv", ["a_train.csv train", "a_test.csv test"]],
    ["ab_*", ["ab_train.csv train", "ab_test.csv test"]],
    ["c*.csv", ["c1.csv undefined", "c2.csv undefined"]],
    ["*1*sv", ["c1.csv undefined"]],
    ["k*ys", ["keys undefined"]],
    ["keys*", ["keys undefined"]],
    ["*keys**", ["keys undefined"]],
  ])("%s", async (pattern, files) => {
    expect((await at(pattern)).toSorted()).toEqual(files.toSorted());
  });

  test("takes files for prediction whatever their names say", async () => {
    expect(await at("a*.csv", true)).toEqual(
      ["a_test.csv", "a_train.csv", "ab_test.csv", "ab_train.csv"].map((name) => `${name} undefined`),
    );
  });

  test.each([
    ["keyskeys*", /no file matches .*keyskeys\*/],
    ["c*1*1*.csv", /no file matches/],
    ["a_te*", /no file that matches .*a_te\* is for training/],
    ["*", /whose name says no split/],
    ["nowhere/*.csv", /cannot read .*nowhere/],
  ])("%s is refused", async (pattern, why) => {
    expect((await failureOf(at(pattern))).message).toMatch(why);
  });

  test("is no pattern where a file has its name", async () => {
    await writeFile(join(folder, "d*.csv"), "x\n1\n");
    await writeFile(join(folder, "d1.csv"), "x\n1\n");
    expect(await at("d*.csv")).toEqual(["d*.csv undefined"]);
  });
});
