/** Tables as office programs write them, with numbers and dates as people do, from `cellc data` to predictions. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { withFolder } from "../data/mnist.ts";
import { forecastText } from "./forecast-text.ts";
import { cellc } from "./run-here.ts";

const forecast = forecastText(2, 4);

type Write = (value: number) => string;
type WriteDate = (date: Date) => string;

const [german, american] = ["de-DE", "en-US"].map((locale): Write => {
  const format = new Intl.NumberFormat(locale, { maximumFractionDigits: 3 });
  return (value) => format.format(value);
});
const plain: Write = (value) => String(Number(value.toFixed(3)));

const day = (locale: string, digits: "numeric" | "2-digit"): WriteDate => {
  const format = new Intl.DateTimeFormat(locale, { timeZone: "UTC", day: digits, month: digits, year: "numeric" });
  return (date) => format.format(date);
};
const [germanDay, americanDay, britishDay] = [
  day("de-DE", "2-digit"),
  day("en-US", "numeric"),
  day("en-GB", "2-digit"),
];
const isoDay: WriteDate = (date) => date.toISOString().slice(0, 10);

interface Style {
  readonly delimiter: string;
  readonly number: Write;
  readonly date: WriteDate;
}

const GERMAN: Style = { delimiter: ";", number: german, date: germanDay };
const AMERICAN: Style = { delimiter: ",", number: american, date: americanDay };
const BRITISH: Style = { delimiter: ",", number: american, date: britishDay };
const PLAIN: Style = { delimiter: ",", number: plain, date: isoDay };

/** Days from the first of 2020 on. */
function sales({ delimiter, number, date }: Style, days: number, from = 0): string {
  const cell = (text: string): string => (text.includes(delimiter) ? `"${text}"` : text);
  const row = (at: number): string =>
    [
      date(new Date(Date.UTC(2020, 0, 1 + at))),
      number(5000 + 4500 * Math.sin(at / 4)),
      number(10 + 9 * Math.cos(at / 7)),
      at % 7 === 6 ? "yes" : "no",
    ]
      .map(cell)
      .join(delimiter);
  const rows = Array.from({ length: days }, (_, i) => row(from + i));
  return `${["date", "sold", "heat", "closed"].join(delimiter)}\r\n${rows.join("\r\n")}\r\n`;
}

async function written(folder: string, name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text);
  return join(folder, name);
}

const OPTIONS = ["--window", "12", "--horizon", "3", "--target", "sold", "--split", "0.7,0.1,0.2", "--batch", "8"];

async function train(folder: string, table: string, ...more: readonly string[]) {
  const cell = await written(folder, "forecast.cell", forecast);
  const out = join(folder, "run");
  const ended = await cellc(["train", cell, "--data", table, ...OPTIONS, "--out", out, ...more]);
  return { ...ended, out };
}

interface Described {
  readonly options: object;
  readonly time: object;
  readonly proposal: { readonly options: object; readonly commands: readonly (readonly string[])[] };
}

describe("what an office program exports", () => {
  test.each<[string, Style, object, readonly string[]]>([
    [
      "in Germany",
      GERMAN,
      { numbers: "1.234,5" },
      ['sold, heat: "5.000" looks like a number with a decimal comma: --numbers 1.234,5'],
    ],
    [
      "in America",
      AMERICAN,
      { numbers: "1,234.5", dates: "mdy" },
      [
        'date: "1/13/2020" looks like a date with the month first: --dates mdy',
        'sold: "5,000" looks like a number with commas between thousands: --numbers 1,234.5',
      ],
    ],
    [
      "in Britain",
      BRITISH,
      { numbers: "1,234.5", dates: "dmy" },
      ['date: "13/01/2020" looks like a date with the day first: --dates dmy'],
    ],
  ])("%s is described, with the options that read it, and what is proposed runs", (_, style, options, notes) =>
    withFolder(async (folder) => {
      const table = await written(folder, "sales.csv", sales(style, 300));
      const { stderr, stdout } = await cellc(["data", table, "--json"]);
      for (const note of notes) expect(stderr).toContain(`note: ${note}`);
      const found = JSON.parse(stdout) as Described;
      expect(found).toMatchObject({
        options,
        time: { column: "date", irregular: 0, distance: 86_400_000 },
        proposal: { options },
      });
      const [[, ...words]] = found.proposal.commands;
      const ended = await cellc([...words.slice(0, -1), join(folder, "out"), "--steps", "2"]);
      expect([ended.code, ended.stderr]).toEqual([
        0,
        expect.stringContaining("columns of texts are no inputs: closed"),
      ]);

      const init = ["init", "forecast", "--data", table, "--out", join(folder, "project")];
      expect((await cellc(init)).code).toBe(0);
      expect(JSON.parse(await readFile(join(folder, "project", "sales.task.json"), "utf8"))).toMatchObject(options);
    }),
  );

  test("is trained on, and its model predicts what is written in any other way", () =>
    withFolder(async (folder) => {
      const table = await written(folder, "sales.csv", sales(GERMAN, 200));
      const trained = await train(folder, table, "--numbers", "1.234,5", "--steps", "6");
      expect([trained.code, trained.stderr]).toEqual([0, expect.stringContaining("from x of sold, heat")]);
      expect((await cellc(["eval", trained.out])).code).toBe(0);
      expect((await cellc(["train", "--resume", trained.out, "--steps", "8"])).code).toBe(0);

      const predicted = async (style: Style, ...more: readonly string[]): Promise<readonly (readonly string[])[]> => {
        const fresh = await written(folder, "new.csv", sales(style, 30, 131));
        const out = join(folder, "p.csv");
        const ended = await cellc(["predict", trained.out, "--data", fresh, "--out", out, ...more]);
        expect([ended.code, ended.stderr]).toEqual([0, expect.anything()]);
        const text = await readFile(out, "utf8");
        return text
          .trimEnd()
          .split("\n")
          .map((line) => line.split(","));
      };
      const same = await predicted(GERMAN);
      const plainly = await predicted(PLAIN, "--numbers", "1234.5");
      const others = await predicted(AMERICAN, "--numbers", "1,234.5", "--dates", "mdy");
      const values = (rows: readonly (readonly string[])[]) => rows.map(([, ...cells]) => cells);
      expect(values(plainly)).toEqual(values(same));
      expect(values(others)).toEqual(values(same));
      // The last window ends with the last row, and is for the day after.
      expect([same, plainly, others].map((rows) => rows.at(-1)?.[0])).toEqual([
        "10.06.2020",
        "2020-06-10",
        "6/10/2020",
      ]);

      const wrong = await cellc([
        "predict",
        trained.out,
        "--data",
        await written(folder, "us.csv", sales(AMERICAN, 30)),
        "--out",
        join(folder, "q.csv"),
      ]);
      expect([wrong.code, wrong.stderr]).toEqual([
        1,
        expect.stringContaining("looks like a number with commas between thousands: --numbers 1,234.5"),
      ]);
    }));

  test("is no data for a model of more columns, and says what would read the others", () =>
    withFolder(async (folder) => {
      const table = await written(folder, "sales.csv", sales(GERMAN, 200));
      const { out } = await train(folder, table, "--target", "heat", "--numbers", "1.234,5", "--steps", "2");
      const fresh = await written(folder, "us.csv", sales(AMERICAN, 60));
      const ended = await cellc(["eval", out, "--data", fresh, "--numbers", "1234.5"]);
      expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining("error[C0403]")]);
      expect(ended.stderr).toContain(
        'sold holds texts: "5,000" looks like a number with commas between thousands: --numbers 1,234.5',
      );
      // Days that are not read would be lost, since nothing else says what a prediction is for.
      const blind = await cellc([
        "predict",
        out,
        "--data",
        fresh,
        "--numbers",
        "1,234.5",
        "--out",
        join(folder, "p.csv"),
      ]);
      expect([blind.code, blind.stderr]).toEqual([
        0,
        expect.stringContaining('left out: date: "1/13/2020" looks like a date'),
      ]);
    }));

  test("may have points between thousands that are read as others, which is said", () =>
    withFolder(async (folder) => {
      const rows = Array.from({ length: 200 }, (_, i) => `${i};${german(900 + i)}`);
      const table = await written(folder, "sales.csv", `t;sold\n${rows.join("\n")}\n`);
      const doubt = 'sold: "1.000" is read as 1, and may be 1000: --numbers 1.234,5 then, else --numbers 1234.5';
      const { stderr } = await train(folder, table, "--time-column", "t", "--steps", "2");
      expect(stderr).toContain(`\n${doubt}\n`);
      expect((await cellc(["data", table])).stdout).toContain(`note: ${doubt}\n`);
      for (const numbers of ["1.234,5", "1234.5"])
        expect((await cellc(["data", table, "--numbers", numbers])).stdout).not.toContain("note: sold");
    }));

  test("says what is left out, and is refused as an input or target with what would read it", () =>
    withFolder(async (folder) => {
      const table = await written(folder, "sales.csv", `${sales(AMERICAN, 200)}`);
      const hint = 'sold of PATH holds texts: "5,000" looks like a number with commas between thousands';
      const asTarget = await train(folder, table, "--steps", "2");
      expect([asTarget.code, asTarget.stderr.replaceAll(table, "PATH")]).toEqual([1, expect.stringContaining(hint)]);
      expect(asTarget.stderr).toContain("--numbers 1,234.5");
      const asInput = await train(folder, table, "--target", "heat", "--x", "sold", "--steps", "2");
      expect([asInput.code, asInput.stderr.replaceAll(table, "PATH")]).toEqual([1, expect.stringContaining(hint)]);
      const left = await train(folder, table, "--target", "heat", "--steps", "2");
      expect(left.stderr).toContain('left out: date: "1/13/2020" looks like a date with the month first: --dates mdy');
      expect(left.stderr).toContain(
        'left out: sold: "5,000" looks like a number with commas between thousands: --numbers 1,234.5',
      );
      expect(left.stderr).toContain("columns of texts are no inputs: closed");
      const mixed = await train(folder, table, "--target", "heat", "--x", "heat,closed", "--out", join(folder, "b"));
      expect([mixed.code, mixed.stderr]).toEqual([
        1,
        expect.stringContaining("closed of these holds texts: write numbers, such as 1 and 0 for yes and no"),
      ]);
    }));
});
