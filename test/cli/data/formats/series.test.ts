import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openTs, type SeriesOptions } from "../../../../cli/data/formats/ts.ts";
import { openUcr } from "../../../../cli/data/formats/ucr.ts";
import { isUcr } from "../../../../cli/data/formats/ucr-start.ts";
import { failureOf, fileOf, sequencesOf, sourceOf } from "./read.ts";

const kept: SeriesOptions = { missing: "kept" };
const readTs = async (data: string | Uint8Array, options: SeriesOptions = { missing: "refused" }) =>
  sequencesOf(await openTs(await sourceOf(await fileOf("a.ts", data)), options));
const readUcr = async (data: string | Uint8Array, options: SeriesOptions = { missing: "refused" }) =>
  sequencesOf(await openUcr(await sourceOf(await fileOf("a.tsv", data)), options));

const value = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
  fc.constant(Number.NaN),
);

/** Series as [channels, time], the order of the file. */
const series = fc.integer({ min: 1, max: 3 }).chain((D) =>
  fc.array(
    fc.integer({ min: 1, max: 5 }).chain((T) =>
      fc.record({
        channels: fc.array(fc.array(value, { minLength: T, maxLength: T }), { minLength: D, maxLength: D }),
        label: fc.constantFrom("walk", "run", "1"),
      }),
    ),
    { minLength: 1, maxLength: 5 },
  ),
);

const shown = (number: number, missing: string): string => (Number.isNaN(number) ? missing : String(number));

describe("a .ts file", () => {
  test("is read as it was written, its channels at each step", () =>
    fc.assert(
      fc.asyncProperty(series, fc.boolean(), async (written, packed) => {
        const rows = written.map(({ channels, label }) =>
          [...channels.map((row) => row.map((one) => shown(one, "?")).join(",")), label].join(":"),
        );
        const text = [
          "# a file",
          "@problemName Test",
          "@timeStamps false",
          "@missing true",
          "@classLabel true walk run 1",
          "@data",
          ...rows,
        ].join("\n");
        const found = await readTs(packed ? gzipSync(text) : text, kept);
        expect(found).toEqual(
          written.map(({ channels, label }) => ({
            steps: channels[0].length,
            values: { x: channels[0].flatMap((_, t) => channels.map((row) => row[t])), y: [label] },
          })),
        );
      }),
      { numRuns: 60 },
    ));

  const file = (header: readonly string[], ...rows: readonly string[]) => [...header, "@data", ...rows, ""].join("\n");

  test("may have numbers to predict, or nothing", async () => {
    expect(await readTs(file(["@targetLabel true"], "1,2:0.5", "3:-2e1"))).toEqual([
      { steps: 2, values: { x: [1, 2], y: [0.5] } },
      { steps: 1, values: { x: [3], y: [-20] } },
    ]);
    expect(await readTs(file(["@classLabel false", "@dimensions 2"], "1,2:3,4"))).toEqual([
      { steps: 2, values: { x: [1, 3, 2, 4] } },
    ]);
  });

  const labels = ["@classLabel true a b"];
  test.each([
    [file(labels, "1,2:a", "1,:b"), /a\.ts:4:3: `` is no number/],
    [file(labels, "1,2:a", "1,x2:b"), /a\.ts:4:3: `x2` is no number/],
    [file(labels, "1,2:3,4:a", "1,?:5,6:b"), /a\.ts:3:|a\.ts:4:3: a value is missing/],
    [file(labels, "1,2:c"), /a\.ts:3:5: `c` is none of the classes in the header: a, b/],
    [file(labels, "1,2:3:a"), /a\.ts:3:5: channel 2 has 1 values, and channel 1 has 2/],
    [file(labels, "1,2:a", "1:2:a"), /a\.ts:4: the series has 2 channels, want 1/],
    [file(labels, "1,2"), /a\.ts:3: the line has no `:`/],
    [file([...labels, "@equalLength true"], "1,2:a", "1:a"), /a\.ts:5: the series has 1 steps, want 2/],
    [file([...labels, "@seriesLength 3"], "1,2:a"), /a\.ts:4: the series has 2 steps, want 3/],
    [file([...labels, "@dimensions 2"], "1,2:a"), /a\.ts:4: the series has 1 channels, want 2/],
    [file([...labels, "@univariate true", "@dimensions 2"]), /a\.ts:4: @univariate is true, and @dimensions is 2/],
    [file(["@targetLabel true"], "1:x"), /a\.ts:3:3: `x` is no number to predict/],
    [file(["@timeStamps true"]), /a\.ts:1: values with time stamps are not read/],
    [file(["@shape 3"]), /a\.ts:1: @shape is not known/],
    [file(["@missing yes"]), /a\.ts:1: @missing is yes, want true or false/],
    [file(["@missing true", "@missing true"]), /a\.ts:2: @missing comes twice/],
    [file(["@dimensions 1e99"]), /a\.ts:2: @dimensions is 1e99/],
    [file(labels), /there is no series in it/],
    ["@classLabel true a b\n", /it ends before @data/],
    ["", /it ends before @data/],
    ['\nimport { a } from "./a.ts";\n', /a\.ts:2: it is no file of time series/],
  ])("is refused with line and column: %j", async (data, why) => {
    expect((await failureOf(readTs(data))).message).toMatch(why);
  });

  test("that is TypeScript is said to be", async () => {
    expect((await failureOf(readTs("export const a = 1;\n"))).help).toMatch(/TypeScript/);
  });

  test("that is cut anywhere is refused, or has the first series", async () => {
    const data = file(["@equalLength true", "@classLabel true walk run"], "1,2.5:3,40:walk", "5,6:7,8:run");
    const whole = await readTs(data);
    for (let length = 0; length < data.length; length++) {
      const found = await readTs(data.slice(0, length)).catch((error: unknown) => error);
      if (Array.isArray(found)) expect(found, `${length} bytes`).toEqual(whole.slice(0, found.length));
      else expect(found, `${length} bytes`).toMatchObject({ code: "C0402" });
    }
  });
});

describe("a UCR file", () => {
  const rows = fc.integer({ min: 1, max: 6 }).chain((T) =>
    fc.array(
      fc.record({
        label: fc.integer({ min: -1, max: 9 }),
        values: fc.array(value, { minLength: T, maxLength: T }).filter((all) => all.some((one) => !Number.isNaN(one))),
      }),
      { minLength: 1, maxLength: 5 },
    ),
  );

  test("is read as it was written, without what fills it up", () =>
    fc.assert(
      fc.asyncProperty(rows, fc.constantFrom("\n", "\r\n"), async (written, end) => {
        const text = written
          .map(({ label, values }) => [label, ...values.map((one) => shown(one, "NaN"))].join("\t"))
          .join(end);
        expect(await readUcr(text, kept)).toEqual(
          written.map(({ label, values }) => {
            const steps = values.findLastIndex((one) => !Number.isNaN(one)) + 1;
            return { steps, values: { x: values.slice(0, steps), y: [String(label)] } };
          }),
        );
      }),
      { numRuns: 60 },
    ));

  test("is told from a table", () => {
    const is = (text: string) => isUcr(Buffer.from(text).subarray(0, 64));
    expect(["1\t2\t3\n", "2\t-1.5\tNaN\r\n", `1\t${"0.12345678\t".repeat(9)}`].map(is)).toEqual([true, true, true]);
    expect(["a\tb\n1\t2\n", "t\t1\n", "1,2,3\n", "1", "", "date\tvalue"].map(is)).toEqual(Array(6).fill(false));
  });

  test.each([
    ["1\t2\t3\n1\t2\n", /a\.tsv:2: the line has 2 values, and the first 3/],
    ["1\t2\tx\n", /a\.tsv:1:5: `x` is no number/],
    ["a\t2\n", /a\.tsv:1:1: `a` is no number of a class/],
    ["1\t2\tNaN\t3\n", /a\.tsv:1:5: a value is missing/],
    ["1\tNaN\tNaN\n", /a\.tsv:1: the series has no value/],
    ["1\t2\tInfinity\n", /a\.tsv:1:5: `Infinity` is no number/],
    ["\n", /there is no series in it/],
  ])("is refused with line and column: %j", async (data, why) => {
    expect((await failureOf(readUcr(data))).message).toMatch(why);
  });
});
