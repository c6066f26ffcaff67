import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openCsv } from "../../../../cli/data/formats/csv.ts";
import type { ReadOptions } from "../../../../cli/data/formats/read-options.ts";
import { sequencesOf, sourceOf } from "../recordings.ts";

const read = async (content: string | Uint8Array, options: Partial<ReadOptions> = {}) => {
  const recording = await openCsv(sourceOf(content), { missing: "refused", ...options });
  return { fields: recording.fields, sequences: await sequencesOf(recording) };
};

/** What reading says, and where. */
const objection = (content: string | Uint8Array, options: Partial<ReadOptions> = {}): Promise<string> =>
  read(content, options).then(
    () => "nothing",
    (error: Error & { code?: string; exitCode?: number }) => `${error.code} ${error.exitCode} ${error.message}`,
  );

/** Another writer than anything of ours: RFC 4180, with everything in quotes that may stand in them. */
const csvOf = (
  rows: readonly (readonly string[])[],
  { delimiter, end, quoted, bom }: { delimiter: string; end: string; quoted: boolean; bom: boolean },
): string =>
  (bom ? "\ufeff" : "") +
  rows
    .map((row) =>
      row.map((cell) => (quoted || /[\s"',;|]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(delimiter),
    )
    .join(end) +
  end;

const dialects = fc.record({
  delimiter: fc.constantFrom(",", ";", "\t", "|"),
  end: fc.constantFrom("\n", "\r\n"),
  quoted: fc.boolean(),
  bom: fc.boolean(),
});

const number = fc.oneof(fc.integer().map(String), fc.double({ noNaN: true, noDefaultInfinity: true }).map(String));
const word = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
  .filter(
    (text) => text.trim() === text && !/[\r\n]/.test(text) && /^[^\d+.?-]/u.test(text) && !/^(?:n|inf)/i.test(text),
  );

describe("CSV", () => {
  test("is read as another writer wrote it, in any dialect", async () => {
    await fc.assert(
      fc.asyncProperty(
        dialects,
        fc.array(fc.tuple(number, word, number), { minLength: 1, maxLength: 20 }),
        async (dialect, rows) => {
          const { fields, sequences } = await read(csvOf([["a", "some words", "b"], ...rows], dialect));
          expect(Object.keys(fields)).toEqual(["a", "some words", "b"]);
          expect(sequences).toEqual([
            {
              a: rows.map(([a]) => Number(a)),
              "some words": rows.map(([, text]) => text),
              b: rows.map(([, , b]) => Number(b)),
            },
          ]);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("has dates, by which rows are called, texts and numbers", async () => {
    const { fields, sequences } = await read("date,v,k\n2016-07-01 00:00,1,a\n2016-07-01 01:00:30,.5,b\n");
    expect(fields).toEqual({
      date: { kind: "label", over: "steps" },
      v: { kind: "number", over: "steps", shape: [] },
      k: { kind: "symbol", over: "steps" },
    });
    expect(sequences).toEqual([{ date: ["2016-07-01 00:00", "2016-07-01 01:00:30"], v: [1, 0.5], k: ["a", "b"] }]);
  });

  test("has a sequence for each group, and times that begin anew in each", async () => {
    const { fields, sequences } = await read("id,t,x\n7,2,1\n7,3,2\n8,1,3\n", { group: "id", timeColumn: "t" });
    expect(fields.id).toEqual({ kind: "label", over: "sequence" });
    expect(sequences).toEqual([
      { id: ["7"], t: ["2", "3"], x: [1, 2] },
      { id: ["8"], t: ["1"], x: [3] },
    ]);
  });

  test("is read in pieces, however many rows a group has", async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => `${Math.floor(i / 9_000)},${i}`);
    const { sequences } = await read(`id,x\n${rows.join("\n")}`, { group: "id" });
    expect(sequences.map(({ x }) => x.length)).toEqual([9_000, 9_000, 2_000]);
    expect(sequences.flatMap(({ x }) => x)).toEqual(rows.map((_, i) => i));
  });

  test("without a header calls its columns by number", async () => {
    expect((await read("1,2\n3,4\n", { header: false })).sequences).toEqual([{ c1: [1, 3], c2: [2, 4] }]);
    expect(await objection("1,2\n3,4\n")).toContain("a.csv:1: the first line should name the columns");
  });

  test("keeps what is missing when asked to, and reads only what is wanted", async () => {
    const text = "a,b,c\n1,NA,x\n,2,y\n";
    expect((await read(text, { missing: "kept" })).sequences).toEqual([
      { a: [1, Number.NaN], b: [Number.NaN, 2], c: ["x", "y"] },
    ]);
    expect((await read(text, { fields: new Set(["c"]) })).sequences).toEqual([{ c: ["x", "y"] }]);
  });

  test("reads numbers as names where they are to be classes", async () => {
    expect((await read("x,y\n1,3\n2,03\n", { texts: new Set(["y"]) })).sequences).toEqual([
      { x: [1, 2], y: ["3", "03"] },
    ]);
  });

  const latin = new Uint8Array([...new TextEncoder().encode("a,b\n1,2\n"), 0x33, 0x2c, 0xe4, 0x0a]);
  test.each<[string, string | Uint8Array, string, Partial<ReadOptions>?]>([
    ["an empty file", "", "a.csv:1: the file is empty"],
    ["nothing but line ends", "\n\r\n\n", "the file is empty"],
    ["a header alone", "a,b\n", "a.csv:1: there are names of columns, and no row under them"],
    ["a row too short", "a,b,c\n1,2,3\n4,5\n", "a.csv:3: 2 values stand where there are 3 columns"],
    ["a row too long", "a,b\n1,2\n\n3,4,5\n", "a.csv:4: 3 values stand where there are 2 columns"],
    ["columns of one name", "a,b,a\n1,2,3\n", "a.csv:1: columns 1 and 3 are both called a"],
    ["a column without a name", "a,,c\n1,2,3\n", "a.csv:1: column 2 has no name"],
    [
      "a text among many numbers",
      `a,b\n${"1,2\n".repeat(1500)}3,x4\n`,
      'a.csv:1502: column 2, b, is "x4", no number as above it',
    ],
    ["a number that is infinite", "a\n1\ninf\n", "a.csv:3"],
    ["a number beyond all numbers", "a,b\n1,2\n1e999,2\n", "a.csv:3: column 1, a, is 1e999, more than a number can be"],
    ["a missing number", "a,b\n1,2\n1,\n", "a.csv:3: column 2, b, is missing"],
    ["a missing number in a single column", "a\n1\n\n3\n", "a.csv:3: column 1, a, is missing"],
    ["a missing text", "a,b\nx,2\nNA,3\n", "a.csv:3: column 1, a, is missing"],
    ["a line in Latin-1", latin, "a.csv:3: the line is not UTF-8"],
    ["UTF-16", new Uint8Array([0xff, 0xfe, 0x61, 0x00, 0x0a, 0x00]), "a.csv:1: the text is UTF-16"],
    ["quotes that are not closed", 'a,b\n1,"2\n3,4\n', "the file ends within quotes"],
    ["text behind quotes", 'a,b\n1,"2"x\n', "a.csv:2: something stands behind the closing quote"],
    [
      "dates that go back",
      "d,x\n2020-01-02,1\n2020-01-01,2\n",
      "a.csv:3: column 1, d, is 2020-01-01, before the 2020-01-02 above it",
    ],
    [
      "times that go back",
      "t,x\n1,1\n2,2\n1.5,3\n",
      "a.csv:4: column 1, t, is 1.5, before the 2 above it",
      { timeColumn: "t" },
    ],
    [
      "a date that no calendar has",
      "d,x\n2020-01-02,1\n2020-02-30,2\n",
      'a.csv:3: column 1, d, is "2020-02-30", no date',
    ],
    [
      "a group in two places",
      "g,x\na,1\nb,2\na,3\n",
      'a.csv:4: column 1, g, is "a" again, which began at line 2',
      { group: "g" },
    ],
    ["a row without a group", "g,x\na,1\n,2\n", "a.csv:3: column 1, g, is empty", { group: "g" }],
    ["a group that is not there", "g,x\na,1\n", "a.csv has no column h, which is to be the group", { group: "h" }],
  ])("with %s is refused, with the place", async (_, content, words, options) => {
    const said = await objection(content, options);
    expect(said).toContain(words);
    expect(said).toMatch(/^C040[26] 1 /);
  });

  test("cut off anywhere is read as far as it goes, or refused with its last line", async () => {
    const text = 'a,"b ""c""",d\n1,2.5,x\n3,4.5,"y,\nz"\n5,6.5,w\n';
    for (let end = 0; end < text.length; end++) {
      const said = await objection(text.slice(0, end), {});
      expect(said === "nothing" || /^C0402 1 a\.csv:[1-5]: /.test(said), `${end}: ${said}`).toBe(true);
    }
  });

  test("of any bytes ends with what it holds or a failure", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), async (bytes) => {
        expect(await objection(bytes)).toMatch(/^nothing$|^C040[26] 1 /);
      }),
      { numRuns: 200 },
    );
  });
});
