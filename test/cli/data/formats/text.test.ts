import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openBabi } from "../../../../cli/data/formats/babi.ts";
import { cutText, symbolUnits } from "../../../../cli/data/formats/symbols.ts";
import { openText, type TextOptions } from "../../../../cli/data/formats/text.ts";
import { failureOf, fileOf, sequencesOf, sourceOf } from "./read.ts";
import { dataFolder } from "./shared-data.ts";

const read = async (data: string | Uint8Array, options: TextOptions = {}) =>
  (await sequencesOf(await openText(await sourceOf(await fileOf("a.txt", data)), options))).map(
    ({ values }) => values.w,
  );

const character = fc
  .oneof(
    fc.constantFrom("a", " ", "\n", "é", "日", "😀", "\r"),
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
  )
  .filter((one) => one !== "\0" && one !== "\ufeff" && one.isWellFormed());
const anyText = fc.array(character, { minLength: 1, maxLength: 60 }).map((parts) => parts.join(""));

describe("a text is cut", () => {
  test("into Unicode characters, which together are the text", () =>
    fc.assert(
      fc.asyncProperty(anyText, async (text) => {
        const [symbols] = await read(text);
        expect(symbols).toEqual([...text]);
      }),
      { numRuns: 60 },
    ));

  test("into words, as splitting the whole text does, wherever a part of the file ends", () =>
    fc.assert(
      fc.property(anyText, fc.array(fc.nat(60)), (text, cuts) => {
        const { push, end } = symbolUnits.words.cutter();
        const at = [0, ...cuts.filter((cut) => cut < text.length).sort((a, b) => a - b), text.length];
        const symbols = at.slice(1).flatMap((to, i) => push(text.slice(at[i], to)));
        expect(symbols.concat(end())).toEqual(text.split(/\s+/u).filter((word) => word !== ""));
      }),
    ));

  test("into bytes, of a file of any kind", () =>
    fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 40 }).filter(([a, b]) => a !== 0x1f || b !== 0x8b),
        async (bytes) => {
          const [symbols] = await read(bytes, { unit: "bytes" });
          expect(Buffer.from(symbols.join(""), "hex")).toEqual(Buffer.from(bytes));
        },
      ),
      { numRuns: 40 },
    ));

  test("into every other character, where a space follows each", async () => {
    expect(await read("a _ \n < ", { unit: "spaced-characters" })).toEqual([["a", "_", "\n", "<"]]);
    const cut = await failureOf(read("a _ b", { unit: "spaced-characters" }));
    expect(cut.message).toMatch(/a\.txt:1:6: the text ends where a space is due/);
    const other = await failureOf(read("a \n bc", { unit: "spaced-characters" }));
    expect(other.message).toMatch(/a\.txt:2:3: "c" where a space is due/);
  });

  test("into lines, without those that are blank, whatever ends them", async () => {
    const lines = { unit: "words", lines: true } as const;
    expect(await read("5 7\r\n\r\n 9 \n5", lines)).toEqual([["5", "7"], ["9"], ["5"]]);
    expect(await read("5 7\n9\n", { ...lines, lineEnd: "<eos>" })).toEqual([
      ["5", "7", "<eos>"],
      ["9", "<eos>"],
    ]);
    expect(await read("ab\ncd", { lines: true })).toEqual([
      ["a", "b"],
      ["c", "d"],
    ]);
    expect(await read("ab\nc", { lines: true, unit: "bytes" })).toEqual([["61", "62"], ["63"]]);
  });

  test("into a stream of words with a symbol for each line's end, the last one's too", async () => {
    const options = { unit: "words", lineEnd: "<eos>" } as const;
    expect(await read("a b\n\nc\n", options)).toEqual([["a", "b", "<eos>", "<eos>", "c", "<eos>"]]);
    expect(await read("a b\nc", options)).toEqual([["a", "b", "<eos>", "c", "<eos>"]]);
  });

  test("and joined again", () =>
    fc.assert(
      fc.property(anyText, (text) => {
        expect(symbolUnits.characters.join(cutText(text, "characters"))).toBe(text);
        expect(symbolUnits.bytes.join(cutText(text, "bytes"))).toBe(text);
        expect(symbolUnits.words.join(cutText(text, "words"))).toBe(text.trim().split(/\s+/u).join(" "));
      }),
    ));
});

test("characters that lie across parts of the file are whole, gzipped or not", async () => {
  const text = `x${"日é😀\n".repeat(70_000)}`;
  for (const data of [Buffer.from(text), gzipSync(text)]) expect((await read(data))[0].join("")).toBe(text);
});

describe("a text is refused, with its place,", () => {
  const refusal = async (data: string | Uint8Array, options: TextOptions = {}) =>
    (await failureOf(read(data, options))).message;

  test("where a byte is not UTF-8", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom("a", "é", "日", "😀", "\n"), { maxLength: 12 }),
        fc.constantFrom(0xff, 0xc0, 0x80, 0xf8),
        async (before, byte) => {
          const text = before.join("");
          const data = Buffer.concat([Buffer.from(text), Buffer.of(byte), Buffer.from("abcd")]);
          const lines = text.split("\n");
          expect(await refusal(data)).toContain(
            `a.txt:${lines.length}:${lines[lines.length - 1].length + 1}: the byte ${byte.toString(16)} is not UTF-8`,
          );
        },
      ),
      { numRuns: 40 },
    ));

  test("where it ends within a character", async () => {
    expect(await refusal(Buffer.from("ab\n日").subarray(0, -1))).toMatch(/a\.txt:2:1: it ends within a character/);
  });

  test("where it is UTF-16, has a NUL, or is empty", async () => {
    expect(await refusal(Buffer.from("\ufeffabc", "utf16le"))).toMatch(/it is UTF-16/);
    expect(await refusal("ab\0c")).toMatch(/a\.txt:1:3: a NUL/);
    for (const empty of ["", "\ufeff"]) expect(await refusal(empty)).toMatch(/there is no symbol in it/);
    expect(await refusal(" \n\n", { unit: "words", lines: true })).toMatch(/there is no symbol in it/);
  });

  test("where its gzip stream is cut anywhere", async () => {
    const whole = gzipSync("a text of some length, which is cut");
    for (let length = 2; length < whole.length; length++)
      expect(await refusal(whole.subarray(0, length)), `${length} bytes`).toMatch(/gzip/);
  });
});

test("a byte order mark is no symbol", async () => {
  expect(await read("\ufeffab")).toEqual([["a", "b"]]);
});

describe("public texts", () => {
  const file = (name: string): string => join(dataFolder(), name);

  test("the Penn Treebank's characters are 442,423, of 48 kinds, and its words 82,430", async () => {
    const source = await sourceOf(file("ptb/ptb.char.test.txt"));
    const kinds = new Set<string>();
    let count = 0;
    for await (const { values } of (await openText(source, { unit: "spaced-characters" })).pieces()) {
      count += values.w.length;
      for (const symbol of values.w) kinds.add(String(symbol));
    }
    expect([count, kinds.size]).toEqual([442_423, 48]);
    const words = await sequencesOf(
      await openText(await sourceOf(file("ptb/ptb.test.txt")), { unit: "words", lineEnd: "<eos>" }),
    );
    expect(words.map(({ steps }) => steps)).toEqual([82_430]);
  });

  test("HDFS's sessions are 4,855 of 95,125 keys, 14 kinds", async () => {
    const source = await sourceOf(file("hdfs_log_keys/hdfs_train"));
    const sessions = await sequencesOf(await openText(source, { unit: "words", lines: true }));
    const keys = sessions.flatMap(({ values }) => values.w);
    expect([sessions.length, keys.length, new Set(keys).size]).toEqual([4855, 95_125, 14]);
  });

  test.each(["babi/en/qa1_single-supporting-fact_test.txt", "babi/en/qa19_path-finding_test.txt"])(
    "%s has 1,000 questions",
    async (name) => {
      const questions = await sequencesOf(await openBabi(await sourceOf(file(name))));
      expect(questions).toHaveLength(1000);
      const text = readFileSync(file(name), "utf8");
      expect(questions.map(({ values }) => values.y[0])).toEqual(
        text
          .split("\n")
          .filter((line) => line.includes("\t"))
          .map((line) => line.split("\t")[1]),
      );
    },
  );

  test("the CNN excerpts, which are written like stories, have 200 questions", async () => {
    const questions = await sequencesOf(await openBabi(await sourceOf(file("cnn_qa_sample/cnn_4sentence_200.txt"))));
    expect(questions).toHaveLength(200);
    expect(questions.every(({ values }) => values.w.includes(String(values.y[0])))).toBe(true);
  });

  test("a gzipped file of bAbI has a question for each answer of its text", async () => {
    const name = file("babi/en-10k/qa1_single-supporting-fact_train.txt.gz");
    let questions = 0;
    for await (const { begins } of (await openBabi(await sourceOf(name))).pieces()) if (begins) questions++;
    expect(gunzipSync(readFileSync(name)).toString().split("\t").length).toBe(2 * questions + 1);
  });
});

describe("stories", () => {
  const stories = async (text: string) => sequencesOf(await openBabi(await sourceOf(await fileOf("a.txt", text))));

  test("are read up to each question", async () => {
    const text =
      "1 Mary went home.\n2 Where is Mary? \thome\t1\n3 Bo's out.\n4 Who? \tBo\t3 1\n1 New.\n2 What? \tnew\t1\n";
    expect((await stories(text)).map(({ values }) => [values.w.join(" "), values.question.join(""), values.y])).toEqual(
      [
        ["mary went home . where is mary ?", "00001111", ["home"]],
        ["mary went home . bo's out . who ?", "000000011", ["bo"]],
        ["new . what ?", "0011", ["new"]],
      ],
    );
  });

  test.each([
    ["1 a.\n3 b.\n", /a\.txt:2: sentence 3 follows sentence 1/],
    ["1 a.\n2 b?\t\t1\n", /a\.txt:2: want a question/],
    ["1 a.\n2 b?\tx\ty\n", /a\.txt:2: want a question/],
    ["a.\n", /a\.txt:1: want a number/],
    ["1 a.\n", /there is no question/],
  ])("are refused with the line: %j", async (text, why) => {
    expect((await failureOf(stories(text))).message).toMatch(why);
  });
});
