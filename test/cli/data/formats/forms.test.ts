/** Numbers and dates as people write them, read from tables. The writer of numbers is the system's, by its locales. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openCsv } from "../../../../cli/data/formats/csv.ts";
import type { NumberFormName } from "../../../../cli/data/formats/number-forms.ts";
import type { ReadOptions } from "../../../../cli/data/formats/read-options.ts";
import { sequencesOf, sourceOf } from "../recordings.ts";

const read = async (content: string, options: Partial<ReadOptions> = {}) => {
  const recording = await openCsv(sourceOf(content), { missing: "refused", ...options });
  return { ...recording, sequences: await sequencesOf(recording) };
};

const objection = (content: string, options: Partial<ReadOptions> = {}): Promise<string> =>
  read(content, options).then(
    () => "nothing",
    (error: Error & { readonly help?: string }) => `${error.message} (${error.help})`,
  );

const looks = async (content: string, options: Partial<ReadOptions> = {}) =>
  (await openCsv(sourceOf(content), { missing: "kept", ...options })).looks;

const LOCALES: Readonly<Record<NumberFormName, readonly [locale: string, grouping: readonly boolean[]]>> = {
  "1234.5": ["en-US", [false]],
  "1,234.5": ["en-US", [false, true]],
  "1.234,5": ["de-DE", [false, true]],
};

const values = fc
  .tuple(fc.integer({ min: -(2 ** 44), max: 2 ** 44 }), fc.integer({ min: 0, max: 6 }))
  .map(([whole, digits]) => whole / 10 ** digits);

describe("numbers", () => {
  test.each(Object.entries(LOCALES))("written as %s are read as the system wrote them", async (name, written) => {
    const [locale, groupings] = written;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(values, fc.constantFrom(...groupings)), { minLength: 1, maxLength: 20 }),
        fc.constantFrom(",", ";", "\t"),
        async (rows, delimiter) => {
          const texts = rows.map(([value, useGrouping]) =>
            new Intl.NumberFormat(locale, { useGrouping, maximumFractionDigits: 6 }).format(value),
          );
          const text = `a${delimiter}b\n${texts.map((cell) => `"${cell}"${delimiter}${cell.includes(delimiter) ? `"${cell}"` : cell}\n`).join("")}`;
          const { sequences } = await read(text, { numbers: name as NumberFormName, delimiter });
          const want = rows.map(([value]) => value);
          expect(sequences).toEqual([{ a: want, b: want }]);
        },
      ),
      { numRuns: 60 },
    );
  });

  test.each<[NumberFormName, string]>([
    ["1,234.5", "1,23"],
    ["1,234.5", "1,2345"],
    ["1,234.5", "1234,567"],
    ["1,234.5", "0,123"],
    ["1,234.5", "1,234,5"],
    ["1,234.5", ",123"],
    ["1,234.5", "1.234,5"],
    ["1.234,5", "1.23"],
    ["1.234,5", "1.2345"],
    ["1.234,5", "0.123"],
    ["1.234,5", "1,234.5"],
    ["1.234,5", "1234.567,5"],
    ["1234.5", "1,5"],
  ])("read as %s are not %s", async (numbers, cell) => {
    expect(await objection(`a;b\n1;2\n2;3\n4;${cell}\n`, { numbers })).toContain(
      `a.csv:4: column 2, b, is "${cell}", no number as above it`,
    );
  });

  test("in another form among others say which option reads them", async () => {
    expect(await objection("a;b\n1;2\n4;1,5\n")).toContain("this one is written as 1.234,5");
    expect(await objection("a,b\n1,2\n4,(5.25)\n")).toContain("write a minus sign");
    expect(await objection("a,b\nm,°C\n4,5\n1,2\n7,8\n")).toContain(
      "if the line has the units of the columns, take it out",
    );
  });

  test("that are times are told without marks between thousands", async () => {
    const { sequences } = await read("t;x\n999,5;1\n1.000,5;2\n", { numbers: "1.234,5", timeColumn: "t" });
    expect(sequences).toEqual([{ t: ["999.5", "1000.5"], x: [1, 2] }]);
  });
});

const clocks = [
  (hour: number, minute: number) => `${two(hour)}:${two(minute)}`,
  (hour: number, minute: number) => `${hour}:${two(minute)}:00`,
  (hour: number, minute: number) => `${((hour + 11) % 12) + 1}:${two(minute)} ${hour < 12 ? "AM" : "PM"}`,
];
const two = (value: number): string => String(value).padStart(2, "0");

describe("dates", () => {
  const forms = fc.record({
    separator: fc.constantFrom(".", "/", "-"),
    order: fc.constantFrom("dmy" as const, "mdy" as const),
    pads: fc.boolean(),
    between: fc.constantFrom(" ", "T"),
    clock: fc.constantFrom(undefined, ...clocks),
  });

  test("with the year last are read in any form, and rise as they do", async () => {
    const moment = fc.date({ min: new Date("1000-01-01"), max: new Date("2999-12-31"), noInvalidDate: true });
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(moment, { minLength: 2, maxLength: 9 }), forms, async (moments, form) => {
        const { separator, pads, between, clock } = form;
        const order = separator === "." ? "dmy" : form.order;
        const wide = (value: number): string => (pads ? two(value) : String(value));
        const write = (date: Date): string => {
          const [day, month] = [wide(date.getUTCDate()), wide(date.getUTCMonth() + 1)];
          const parts = order === "dmy" ? [day, month] : [month, day];
          const time = clock === undefined ? "" : `${between}${clock(date.getUTCHours(), date.getUTCMinutes())}`;
          return `${[...parts, date.getUTCFullYear()].join(separator)}${time}`;
        };
        const minute = 60_000;
        const coarse = (date: Date): number =>
          Math.floor(date.getTime() / (clock === undefined ? 1440 * minute : minute));
        const sorted = moments.toSorted((a, b) => a.getTime() - b.getTime());
        const table = (dates: readonly Date[]): string =>
          `d;x\n${dates.map((date, i) => `${write(date)};${i}\n`).join("")}`;
        const options = separator === "." ? {} : { dates: order };
        const { sequences, fields } = await read(table(sorted), options);
        expect(fields.d.kind).toBe("label");
        expect(sequences[0].d).toEqual(sorted.map(write));
        const falls = sorted.some((date, i) => i > 0 && coarse(date) > coarse(sorted[i - 1]));
        expect(await objection(table(sorted.toReversed()), options)).toContain(falls ? "before the" : "nothing");
      }),
      { numRuns: 100 },
    );
  });

  test.each<[string, string, Partial<ReadOptions>?]>([
    ["31.02.2020", "no date as 2016-07-01 12:00:00 or 1.7.2016 is"],
    ["1.13.2020", "no date as"],
    ["31/02/2020", "no date as 31/12/2016 is", { dates: "dmy" }],
    ["2/30/2020", "no date as 12/31/2016 is", { dates: "mdy" }],
    ["12/31/2020", "with the month first it is one: --dates mdy", { dates: "dmy" }],
    ["31/12/2020", "with the day first it is one: --dates dmy", { dates: "mdy" }],
    ["3/1/2020 13:00 PM", "no date as", { dates: "dmy" }],
    ["Total", "if the line has units or totals, take it out"],
    ["", "is missing (each row needs its time; a row of totals is no step, so take it out)"],
  ])("are not %j, which is refused with its place", async (cell, words, options) => {
    const [a, b] = options === undefined ? ["1.1.2020", "2.1.2020"] : ["1/1/2020", "2/2/2020"];
    const said = await objection(`d,x\n${a},1\n${b},2\n${cell},3\n`, options);
    expect(said).toContain("a.csv:4: column 1, d, is ");
    expect(said).toContain(words);
  });
});

describe("columns of texts", () => {
  const column = (name: string, ...cells: readonly string[]): string =>
    `${name}\tn\n${cells.map((cell) => `${cell}\t1\n`).join("")}`;

  test.each<[string, readonly string[], object | undefined]>([
    [
      "decimal commas",
      ["100,13", "7,5"],
      { why: '"100,13" looks like a number with a decimal comma', certain: { numbers: "1.234,5" } },
    ],
    ["both marks", ["1.100,5", "7,5"], { help: "--numbers 1.234,5", certain: { numbers: "1.234,5" } }],
    ["commas between thousands", ["1,100.5", "2,000"], { help: "--numbers 1,234.5", certain: { numbers: "1,234.5" } }],
    ["several commas", ["1,100,500", "2,000"], { help: "--numbers 1,234.5", certain: { numbers: "1,234.5" } }],
    [
      "three digits behind each comma",
      ["1,100", "2,125"],
      { why: '"1,100" looks like a number, 1100 or 1.1', help: "--numbers 1,234.5, or --numbers 1.234,5" },
    ],
    [
      "decimal commas, but for one value",
      [..."123456789".split("").map((digit) => `${digit},5`), "x"],
      { help: "--numbers 1.234,5" },
    ],
    ["dates with the month first", ["1/2/2020", "1/13/2020"], { help: "--dates mdy", certain: { dates: "mdy" } }],
    [
      "dates with the day first",
      ["01-02-2020 10:00", "13-02-2020 11:00"],
      { help: "--dates dmy", certain: { dates: "dmy" } },
    ],
    ["dates that may be either", ["1/2/2020", "2/2/2020"], { help: "--dates dmy, or --dates mdy" }],
    [
      "percent signs",
      ["12.5 %", "7 %"],
      { why: '"12.5 %" looks like a number and "%"', help: expect.stringContaining("write the numbers alone") },
    ],
    ["currencies", ["$1,200.50", "$7"], { kind: "number", help: expect.stringContaining("write the numbers alone") }],
    ["blanks between thousands", ["1 200,5", "7,25"], { help: "write numbers without them" }],
    ["years of two digits", ["31.12.20", "1.1.21"], { kind: "date", help: "write dates as 2020-12-31 or 31.12.2020" }],
    ["names of months", ["5-Jan-2020", "6-Jan-2020"], { kind: "date" }],
    ["years and months", ["2020-01", "2020-02"], { kind: "date" }],
    ["months of a year", ["Jan 2020", "Sept 2020"], { kind: "date" }],
    ["quarters", ["2020-Q1", "2020 Q2"], { kind: "date" }],
    ["words", ["one", "two"], undefined],
    ["names with a number behind", ["store-01", "store-02"], undefined],
    ["numbers of parts", ["4711-12", "4711-13"], undefined],
    ["versions", ["1.12.40", "1.13.2"], undefined],
    ["names with numbers", ["m1", "m2"], undefined],
    ["truths", ["TRUE", "FALSE"], undefined],
    ["texts with some numbers", ["a,b", "1,5", "c", "d"], undefined],
  ])("of %s look like what they are", async (_, cells, look) => {
    const found = (await looks(column("v", ...cells)))?.v;
    if (look === undefined) expect(found).toBe(undefined);
    else expect({ certain: undefined, ...found }).toMatchObject({ certain: undefined, ...look });
  });

  test("of numbers, most of them whole, look as the others show", async () => {
    const whole = Array.from({ length: 20 }, (_, i) => `${i}`);
    const found = async (...cells: readonly string[]) => (await looks(column("v", ...whole, ...cells)))?.v;
    expect(await found("7,5")).toMatchObject({ help: "--numbers 1.234,5", certain: { numbers: "1.234,5" } });
    expect(await found("1,100.5")).toMatchObject({ help: "--numbers 1,234.5", certain: { numbers: "1,234.5" } });
    expect((await found("1,100"))?.certain).toBe(undefined);
    expect(await found("n. a.")).toBe(undefined);
    expect((await found("7,5", "n. a."))?.certain).toBe(undefined);
  });

  test("say nothing for certain that others contradict", async () => {
    expect((await looks("a;b\n1,5;0.5\n2,5;0.25\n"))?.a).toMatchObject({ help: "--numbers 1.234,5" });
    expect((await looks("a;b\n1,5;0.5\n2,5;0.25\n"))?.a.certain).toBe(undefined);
    expect((await looks("a;b\n1,125;100.25\n2,500;7\n"))?.a.certain).toEqual({ numbers: "1,234.5" });
    // Between commas, "1,5" may be a list.
    expect((await looks('a,b\n"1,5",x\n"2,7",y\n'))?.a.certain).toBe(undefined);
    expect((await looks("a;b\n1/2/2020;13/2/2020\n2/13/2020;1/2/2020\n"))?.a.certain).toBe(undefined);
  });

  test("of which something is certain are read by it", async () => {
    const cell = fc.oneof(
      fc.stringMatching(/^[0-9]{1,3}([.,][0-9]{1,3}){0,2}$/),
      fc.stringMatching(/^[0-3]?[0-9]\/[0-3]?[0-9]\/20[0-9]{2}$/),
      fc.constantFrom("", "x", "12 %", "NA"),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 6 }),
        fc.constantFrom(",", ";"),
        async (rows, delimiter) => {
          const text = `a${delimiter}b\n${rows.map((row) => `${row.map((one) => `"${one}"`).join(delimiter)}\n`).join("")}`;
          for (const [name, { kind, certain }] of Object.entries((await looks(text)) ?? {})) {
            if (certain === undefined) continue;
            const { fields } = await openCsv(sourceOf(text), { missing: "kept", ...certain });
            expect(fields[name].kind).toBe(kind === "date" ? "label" : "number");
            const [other] = Object.keys(certain);
            expect([kind, other]).toEqual(kind === "date" ? ["date", "dates"] : ["number", "numbers"]);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test("look otherwise when the wrong option is given", async () => {
    expect((await looks("a;b\n1.5;x\n2.25;y\n", { numbers: "1.234,5" }))?.a.help).toBe("--numbers 1234.5");
    expect((await looks("a;b\n1/13/2020;x\n2/13/2020;y\n", { dates: "dmy" }))?.a.help).toBe("--dates mdy");
  });
});

describe("numbers that may have been misread", () => {
  test("are whole ones and ones with three digits behind each point", async () => {
    const column = (...cells: readonly string[]): string => `d;v\n${cells.map((cell, i) => `${i};${cell}\n`).join("")}`;
    const doubt = { kind: "number", why: '"1.100" is read as 1.1, and may be 1100' };
    expect((await looks(column("950", "1.100")))?.v).toMatchObject(doubt);
    expect((await looks(column("950", "1.100"), { numbers: "1234.5" }))?.v).toBe(undefined);
    // Three digits behind the point of all numbers are precision, and a number without groups has none elsewhere.
    const european = "d;v\n1.1.2020;1.250\n2.1.2020;1.100\n";
    expect((await looks(european))?.v.why).toBe('"1.250" is read as 1.25, and may be 1250');
    expect((await looks(`${european}3.1.2020;0.125\n`))?.v).toBe(undefined);
    for (const cells of [
      ["0.950", "1.100"],
      ["1.250", "1.100"],
      ["1250", "1.100"],
      ["950", "1.1"],
      ["950", "980"],
    ])
      expect((await looks(column(...cells)))?.v).toBe(undefined);
  });

  test("are dates without marks", async () => {
    expect((await looks("d;v\n20200131;1\n20200201;2\n"))?.d.why).toBe(
      '"20200131" looks like a date, and is read as a number',
    );
    expect((await looks("d;v\n20200131;1\n20201301;2\n"))?.d).toBe(undefined);
  });
});

describe("a table as programs export it", () => {
  test.each<[string, string]>([
    ["a word for the delimiter", "sep=;\r\na;b\r\n1;2\r\n3;4\r\n"],
    ["the word behind a mark of the byte order, and quotes", '\ufeffsep=;\na;"b"\n1;"2"\n3;4\n'],
    ["delimiters behind the last column", "a,b,,\n1,2,,\n3,4,,\n"],
    ["delimiters behind the last value alone", "a,b\n1,2,\n3,4,\n"],
    ["blanks around values, in quotes, too", 'a , b\n "1 ", 2\n3 ," 4"\n'],
  ])("with %s is read", async (_, text) => {
    const { sequences, fields } = await read(text);
    expect([sequences, Object.keys(fields)]).toEqual([[{ a: [1, 3], b: [2, 4] }], ["a", "b"]]);
  });

  test("has what Excel writes for what is not available", async () => {
    expect((await read("a,b\n1,#N/A\n3,4\n", { missing: "kept" })).sequences[0].b).toEqual([Number.NaN, 4]);
  });

  const rows = "1,2\n3,4\n5,6\n";
  test.each<[string, string, string]>([
    ["a title", `Sales 2020\n\na,b\n${rows}`, "a.csv:1: one value stands in the first line, and 2 in line 3"],
    [
      "a value without a name",
      `a,b,\n${rows}7,8,9\n`,
      'a.csv:5: 3 values stand where there are 2 columns (the first value too many is "9"',
    ],
    [
      "decimal commas between commas",
      "a\n1,5\n2,5\n",
      "if commas are in numbers: --delimiter semicolon --numbers 1.234,5",
    ],
    ["units", `a,b\nm,°C\n${rows}`, 'a.csv:2: column 1, a, is "m", no number as below it (if the line has the units'],
    [
      "units under dates",
      "d,b\n,°C\n2020-01-01,1\n2020-01-02,2\n",
      "a.csv:2: column 1, d, is missing (if the line has the units",
    ],
    [
      "an empty row",
      "d,b\n2020-01-01,1\n2020-01-02,2\n,\n",
      "a.csv:4: column 1, d, is missing (the line has no values",
    ],
    [
      "a formula that failed",
      `a,b\n${rows}7,#DIV/0!\n`,
      'a.csv:5: column 2, b, is "#DIV/0!", no number as above it (a formula has failed',
    ],
    [
      "a dash",
      `a,b\n${rows}7,-\n`,
      'a.csv:5: column 2, b, is "-", no number as above it (if it says that the number is missing',
    ],
  ])("with %s is refused, with what to do", async (_, text, words) => {
    expect(await objection(text)).toContain(words);
  });

  test("has times of a day that belong to a date", async () => {
    expect((await looks("d,t,v\n2020-01-01,12:00,1\n2020-01-01,13:00,2\n"))?.t).toMatchObject({
      kind: "date",
      help: "write it behind the date, as in 2020-12-31 23:45",
    });
  });
});

test("a first line of values in any form is no line of names", async () => {
  expect(await objection("01.01.2020;100,13;15,8\n02.01.2020;103,61;15,3\n")).toContain(
    "the first line should name the columns",
  );
  const { sequences } = await read("01.01.2020;100,13;15,8\n02.01.2020;103,61;15,3\n", {
    header: false,
    numbers: "1.234,5",
  });
  expect(sequences).toEqual([{ c1: ["01.01.2020", "02.01.2020"], c2: [100.13, 103.61], c3: [15.8, 15.3] }]);
});
