/** `cellc data FILE`: what is said of files of every kind, and that what is proposed runs. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { madeData } from "../../../cli/start/made-data.ts";
import { withFolder } from "../../data/mnist.ts";
import { type Numbers, npz } from "../data/formats/write-arrays.ts";
import { cellc } from "../run-here.ts";

interface Said {
  readonly code: number | null;
  readonly words: string;
  readonly document: { readonly proposal: { readonly commands: readonly (readonly string[])[] } };
}

async function said(path: string, ...more: readonly string[]): Promise<Said> {
  const { code, stdout, stderr } = await cellc(["data", path, ...more, "--json"]);
  return { code, words: stderr, document: JSON.parse(stdout) as Said["document"] };
}

/** Runs what is proposed, for two steps. */
async function runs(folder: string, { proposal: { commands } }: Said["document"]): Promise<void> {
  for (const [_, ...words] of commands) {
    const out = words.indexOf("--out");
    const place = join(folder, "out");
    const kept = out < 0 ? [...words, "--out", place] : words.toSpliced(out + 1, 1, place);
    const ended = await cellc([...kept, ...(words[0] === "train" ? ["--steps", "2"] : [])]);
    expect([ended.code, ended.stderr]).toEqual([0, expect.anything()]);
  }
}

const days = (count: number, row: (day: number) => readonly (string | number)[]): string =>
  Array.from({ length: count }, (_, day) =>
    [new Date(Date.UTC(2020, 0, 1 + day)).toISOString().slice(0, 10), ...row(day)].join(","),
  ).join("\n");

const array = (type: string, shape: readonly number[], of: (i: number) => number): Numbers => ({
  ...{ type, shape },
  data: Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => of(i)),
});

const wave = (i: number): number => Math.sin(i / 3) + (i % 7) / 10;

interface Case {
  readonly file: string;
  readonly text: string | Uint8Array;
  readonly kind: string;
  readonly model: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly words: readonly string[];
}

const cases: Readonly<Record<string, Case>> = {
  "a table of dates, with gaps, missing values and a constant column": {
    file: "shop sales.csv",
    text: `date,heat,always,sales\n${days(300, (day) => [wave(day), 5, day === 3 || day === 9 ? "" : 20 + wave(day)])}\n2020-12-01,1,5,20\n2020-12-01,1,5,20\n`,
    kind: "forecast",
    model: "forecast",
    options: { target: { y: ["sales"] }, missing: "previous", split: [0.6, 0.2, 0.2], window: 28, horizon: 7 },
    words: [
      "302 steps in one sequence",
      "date: 2020-01-01 to 2020-12-01, every day, but for 2 steps with other distances",
      "always the same, and of no use: always",
      "2 values of sales are missing, first at step 4 (2020-01-04)",
      "1 row has the time and all values of the row before",
      "the widest gap is 5.1 weeks, from 2020-10-26 to 2020-12-01",
      "--missing previous",
      "sales.csv'",
    ],
  },
  "a table of several series, whose dates go back": {
    file: "stores.csv",
    text: `store,date,sold\n${["north", "south", "west"].map((store) => days(200, (day) => [wave(day)]).replace(/^/gm, `${store},`)).join("\n")}\n`,
    kind: "forecast",
    model: "forecast",
    options: { group: "store", target: { y: ["sold"] }, splitBy: "time" },
    words: ["store tells sequences apart", "3 sequences of 200 steps each", "--group store"],
  },
  "sequences with a class, one of them rare, and its copy": {
    file: "kinds.csv",
    text: `id,v,kind,code\n${Array.from({ length: 60 }, (_, g) => {
      const kind = g === 7 || g === 8 ? "odd" : "even";
      return Array.from({ length: 4 + (g % 5) }, (_, t) => `${g},${wave(g + t)},${kind},${kind === "odd" ? 1 : 0}`);
    })
      .flat()
      .join("\n")}\n`,
    kind: "classification",
    model: "classify",
    options: { group: "id", label: { y: "kind" }, inputs: { x: ["v"] } },
    words: [
      "60 sequences of 4 to 8 steps",
      "96.7 % of kind are even: who always says that is as often right",
      "code has the answer in it: it is the same as kind, and left out of the inputs",
      "classes of kind, of sequences: even 96.7 %, odd 3.3 %",
      "--x v",
    ],
  },
  "steps with a class": {
    file: "walk.csv",
    text: `time,speed,activity\n${Array.from({ length: 500 }, (_, t) => `${t},${wave(t)},${t % 40 < 20 ? "walk" : "rest"}`).join("\n")}\n`,
    kind: "tagging",
    model: "tag",
    options: { label: { y: "activity" }, timeColumn: "time", window: 49, stride: 2 },
    words: [
      "time counts the steps",
      "each step has one activity",
      "classes of activity, of steps: walk 52.0 %, rest 48.0 %",
    ],
  },
  "arrays of numbers with whole classes": {
    file: "a.npz",
    text: npz({
      x: array("f4", [80, 6, 3], wave),
      y: array("i8", [80], (i) => i % 3),
      lengths: array("i4", [80], (i) => 3 + (i % 4)),
    }),
    kind: "classification",
    model: "classify",
    options: { label: { y: "y" } },
    words: ["80 sequences of 3 to 6 steps", "x[2]", "classes of y, of sequences: 0 33.8 %"],
  },
  "arrays with numbers to predict": {
    file: "r.npz",
    text: npz({ x: array("f4", [80, 6, 3], wave), y: array("f4", [80, 2], wave) }),
    kind: "estimation",
    model: "estimate",
    options: { target: { y: ["y"] } },
    words: ["80 sequences of 6 steps each", "y is a number of each sequence"],
  },
  "an array without a target": {
    file: "series.npy",
    text: npyOf(array("f8", [1, 400, 2], wave)),
    kind: "forecast",
    model: "forecast_many",
    options: { target: { y: ["x"] } },
    words: ["400 steps in one sequence"],
  },
  "sequences of words with a class": {
    file: "a.jsonl",
    text: Array.from({ length: 60 }, (_, i) =>
      JSON.stringify({
        w: ["to", "be", i % 2 === 0 ? "or" : "not", "to"].slice(0, 3 + (i % 2)),
        y: i % 2 === 0 ? "a" : "b",
      }),
    ).join("\n"),
    kind: "classification",
    model: "classify_symbols",
    options: { label: { y: "y" } },
    words: ["60 sequences of 3 to 4 steps", "w: to 42.9 %"],
  },
  "lines of keys in a file without an ending": {
    file: "keys",
    text: Array.from({ length: 90 }, (_, i) => `5 5 22 ${i % 2 === 0 ? "9 11" : "11 9 9"}\n`).join(""),
    kind: "language",
    model: "language",
    options: { unit: "words", lines: true },
    words: ["its lines are of keys", "90 sequences of 5 to 6 steps"],
  },
  "a text of characters": {
    file: "a.txt",
    text: "the cat sat on the mat. ".repeat(60),
    kind: "language",
    model: "language",
    options: { window: 100, stride: 8 },
    words: ["1,440 steps in one sequence"],
  },
  "characters with spaces between": {
    file: "b.txt",
    text: "a _ b c ".repeat(300),
    kind: "language",
    model: "language",
    options: { unit: "spaced-characters" },
    words: ["a space follows each character", "1,200 steps"],
  },
  "stories with questions": {
    file: "qa.txt",
    text: Array.from(
      { length: 40 },
      (_, i) => `1 Mary went ${i % 2 === 0 ? "home" : "out"}.\n2 Where is Mary?\t${i % 2 === 0 ? "home" : "out"}\t1\n`,
    ).join(""),
    kind: "classification",
    model: "classify_symbols",
    options: {},
    words: ["bAbI", "classify_symbols.cell"],
  },
  "time series of the UEA archive": {
    file: "a.ts",
    text: `@problemName a\n@timestamps false\n@univariate true\n@classLabel true up down\n@data\n${Array.from({ length: 60 }, (_, i) => `${[1, 2, 3, 4].map((t) => (i % 2 === 0 ? t : -t) + i / 100).join(",")}:${i % 2 === 0 ? "up" : "down"}`).join("\n")}\n`,
    kind: "classification",
    model: "classify",
    options: { label: { y: "y" } },
    words: ["60 sequences of 4 steps each", "classes of y"],
  },
};

function npyOf({ shape, data }: Numbers): Uint8Array {
  const header = `{'descr': '<f8', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`;
  const padded = `${header}${" ".repeat(63 - ((10 + header.length) % 64))}\n`;
  const start = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, padded.length % 256, padded.length >> 8]);
  return Buffer.concat([start, Buffer.from(padded), Buffer.from(Float64Array.from(data).buffer)]);
}

describe("of", () => {
  test.each(Object.entries(cases))(
    "%s, a fitting task is seen, and the proposed commands run",
    (_, { file, text, kind, model, options, words }) =>
      withFolder(async (folder) => {
        const path = join(folder, file);
        await writeFile(path, text);
        const found = await said(path);
        expect(found.document).toMatchObject({ ok: true, proposal: { kind, model, options } });
        for (const word of words) expect(found.words).toContain(word);
        await runs(folder, found.document);
      }),
  );

  test("a folder of parts, the parts are counted", () =>
    withFolder(async (folder) => {
      for (const [part, times] of [
        ["train", 200],
        ["valid", 40],
        ["test", 40],
      ] as const)
        await writeFile(join(folder, `corpus.${part}.txt`), "to be or not ".repeat(times));
      const found = await said(folder);
      expect(found.document).toMatchObject({
        splits: { train: 1, validation: 1, test: 1 },
        proposal: { kind: "language" },
      });
      await runs(folder, found.document);
    }));
});

describe("what is wrong", () => {
  test.each([
    ["a.csv", "a,b\n1,2\n1,2\n1,2\n1,x\n", 1, 'a.csv:5: column 2, b, is "x", no number as above it'],
    ["a.jsonl", '{"x": [1, 2]}\n{"x": 3', 1, "a.jsonl:2"],
    ["a.npz", "no zip", 1, "C0402"],
    ["a.dat", "1", 1, "nothing reads files that end like this"],
  ])("with %s is said by its reader", (file, text, code, words) =>
    withFolder(async (folder) => {
      await writeFile(join(folder, file), text);
      const ended = await cellc(["data", join(folder, file)]);
      expect([ended.code, ended.stderr]).toEqual([code, expect.stringContaining(words)]);
    }),
  );

  test("with the order of times is a note, and nothing is proposed", () =>
    withFolder(async (folder) => {
      const path = join(folder, "a.csv");
      await writeFile(path, `date,v\n2020-01-01,1\n2020-01-03,2.5\n2020-01-02,3\n`);
      const found = await said(path);
      expect(found.words).toContain("1 time goes back, first from 2020-01-03 to 2020-01-02: sort the rows by time");
      expect(found.document.proposal).toBeUndefined();
    }));

  test("with a folder of two kinds of text is said", () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, "a.train.txt"), "a b c d ".repeat(9));
      await writeFile(join(folder, "a.test.txt"), "the <unk> sat\n".repeat(9));
      const ended = await cellc(["data", folder]);
      expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining("are not of one kind")]);
    }));

  test("with a name is that there is no such task, and with a path that there is no such file", async () => {
    expect((await cellc(["data", "digit"])).stderr).toContain("there is no task digit");
    expect((await cellc(["data", "no/such.csv"])).stderr).toContain("cannot read no/such.csv");
  });
});

test("the picture has panels of everything, and is written whole", () =>
  withFolder(async (folder) => {
    const path = join(folder, "kinds.csv");
    await writeFile(path, cases["sequences with a class, one of them rare, and its copy"].text);
    const svg = join(folder, "pictures", "kinds.svg");
    expect((await cellc(["data", path, "--svg", svg])).stdout).toContain(`${svg} written`);
    const drawn = await readFile(svg, "utf8");
    expect(drawn).toContain("<title>kinds</title>");
    for (const words of ["steps of a sequence", "classes of kind", "even  96.7 %", "share of v"])
      expect(drawn).toContain(words);
    await mkdir(join(folder, "folder"));
    expect((await cellc(["data", path, "--svg", dirname(svg)])).code).not.toBe(0);
  }));

test("the picture in the documents is that of the small file that init brings", () =>
  withFolder(async (folder) => {
    const [path, svg] = [join(folder, "gestures.csv"), join(folder, "gestures.svg")];
    await writeFile(path, madeData.classify.text());
    expect((await cellc(["data", path, "--svg", svg])).code).toBe(0);
    await expect(await readFile(svg, "utf8")).toMatchFileSnapshot("../../../docs/images/gestures.svg");
  }));
