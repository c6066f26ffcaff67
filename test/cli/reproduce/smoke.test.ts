/** Every study, at the scale that shows that everything runs, on data that is made up in the form of the real one. */
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { studies } from "../../../cli/reproduce/studies.ts";
import { withFolder, writeSyntheticMnist } from "../../data/mnist.ts";
import { cellc } from "../run-here.ts";

const WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "went", "home"] as const;
const PLACES = ["kitchen", "garden", "office"] as const;
const PEOPLE = ["mary", "john"] as const;

const sentence = (count: number, apart: string): string =>
  Array.from({ length: count }, (_, at) => WORDS[(at * at + at) % WORDS.length]).join(apart);

/** As the Penn Treebank's character files have it: each symbol is followed by a space. */
const spaced = (text: string): string => [...text].map((symbol) => `${symbol} `).join("");

async function writeTexts(folder: string): Promise<void> {
  for (const [part, words] of [
    ["train", 900],
    ["valid", 100],
    ["test", 100],
  ] as const)
    await writeFile(join(folder, `ptb.char.${part}.txt`), spaced(sentence(words, "_")));
  await writeFile(join(folder, "text8"), ` ${sentence(12_000, " ")}`);
}

/** Stories of all tasks that a study may have, and questions of the other form. */
async function writeStories(folder: string): Promise<void> {
  const stories = (count: number, from: number): string =>
    Array.from({ length: count }, (_, at) => {
      const [who, where] = [PEOPLE[(from + at) % 2], PLACES[(from + at) % 3]];
      return `1 ${who} went to the ${where}.\n2 where is ${who}?\t${where}\t1\n`;
    }).join("");
  for (const part of ["en-10k", "en"]) await mkdir(join(folder, "babi", part), { recursive: true });
  const asked = (at: number): string =>
    `1 @entity${at % 3} met @entity${(at % 3) + 1} at home .\n2 @placeholder was met\t@entity${(at % 3) + 1}\t1\n`;
  await mkdir(join(folder, "cnn_qa_sample"));
  await writeFile(
    join(folder, "cnn_qa_sample", "cnn_4sentence_200.txt"),
    Array.from({ length: 40 }, (_, at) => asked(at)).join(""),
  );
  for (const task of [1, 4, 11, 12, 13, 14, 16]) {
    await writeFile(join(folder, "babi", "en-10k", `qa${task}_x_train.txt.gz`), gzipSync(stories(30, task)));
    await writeFile(join(folder, "babi", "en", `qa${task}_x_test.txt`), stories(6, task));
  }
}

test("an analysis looks for its models' data where --data says", () =>
  withFolder(async (folder) => {
    await writeTexts(folder);
    const [of, none] = [join(folder, "ptb"), join(folder, "none")];
    const words = ["--scale", "smoke", "--threads", "1"];
    const study = ["reproduce", "ptb", ...words, "--variants", "bn-lstm", "--steps", "2", "--data", folder];
    expect((await cellc([...study, "--out", of])).code).toBe(0);
    const analysed = (data: string, out: string) =>
      cellc(["reproduce", "transient", ...words, "--of", of, "--data", data, "--out", join(folder, out)]);
    const refused = await analysed(none, "refused");
    expect([refused.code, refused.stderr]).toEqual([3, expect.stringContaining(`${none}: lacks some of them`)]);
    expect(await readdir(folder)).not.toContain("refused");
    const { code, stderr } = await analysed(folder, "found");
    expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
  }));

test.each(Object.keys(studies))("%s runs", (name) =>
  withFolder(async (folder) => {
    await writeSyntheticMnist(folder);
    await writeTexts(folder);
    await writeStories(folder);
    const out = join(folder, "out");
    const { variants = Object.keys(studies[name].variants) } = studies[name].scales.smoke;
    // One model each is enough to see that the study's data, settings and measures go together.
    const variant = variants[variants.length - 1];
    const words = ["--scale", "smoke", "--variants", variant, "--steps", "2", "--data", folder, "--out", out];
    const { code, stdout, stderr } = await cellc(["reproduce", name, ...words, "--threads", "1", "--json"]);
    expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
    const { runs } = JSON.parse(stdout);
    expect(runs.map((run: { variant: string }) => run.variant)).toEqual([variant]);
    const { measure } = studies[name].measure;
    for (const { steps, test: tested } of runs) expect([steps, tested[measure]]).toEqual([2, expect.any(Number)]);
  }),
);
