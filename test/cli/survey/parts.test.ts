import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type DataOptions, dataOptionNames } from "../../../cli/data/data-options.ts";
import { buildProgram } from "../../../cli/program.ts";
import { lengthBins, valueBins } from "../../../cli/survey/bins.ts";
import { commandLine, flagsOf } from "../../../cli/survey/command.ts";
import { duration, number } from "../../../cli/survey/numbers.ts";
import { Fingerprint, Sample, Trace, ValueTally } from "../../../cli/survey/tallies.ts";

const columns = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z _.-]{0,5}[a-z]$/), { minLength: 1, maxLength: 3 });
const [name] = [fc.stringMatching(/^[a-z][a-z ]{0,5}[a-z]$/)];
const positive = fc.integer({ min: 2, max: 999 });

const options: fc.Arbitrary<DataOptions> = fc.record(
  {
    inputs: columns.map((x) => ({ x })),
    target: columns.map((y) => ({ y: y.map((column) => `c ${column}`) })),
    label: name.map((y) => ({ y })),
    symbols: columns,
    group: name,
    timeColumn: name,
    window: positive,
    stride: positive,
    horizon: positive,
    per: fc.constantFrom("step", "sequence"),
    change: fc.constant(true),
    split: fc.constantFrom([0.7, 0.1, 0.2] as const, [0.5, 0.25, 0.25] as const),
    splitBy: name,
    scale: fc.constantFrom("standard", "minmax", "none"),
    missing: fc.constantFrom("mean", "zero", "previous"),
    unknown: fc.constant(true),
    delimiter: fc.constantFrom("\t", ";", "|"),
    header: fc.constant(false),
    format: fc.constantFrom("csv", "text", "babi"),
    axes: fc.constantFrom("NTD", "TD"),
    perSequence: columns,
    unit: fc.constantFrom("words", "spaced-characters"),
    lines: fc.constant(true),
    lineEnd: fc.constantFrom("<eos>", "'"),
    vocabulary: positive,
  },
  { requiredKeys: [] },
);

test("the options of a command line are read as they were meant", async () => {
  await fc.assert(
    fc.asyncProperty(options, async (own) => {
      const flags = flagsOf(own)!;
      let read: DataOptions | undefined;
      const program = buildProgram(async (command) => {
        read = command.opts<{ own?: DataOptions }>().own;
      });
      await program.parseAsync(["train", "a.cell", "--data", "a.csv", ...flags], { from: "user" });
      expect(read ?? {}).toEqual(own);
    }),
    { numRuns: 100 },
  );
});

test("every option can be written", () => {
  const [sample] = fc.sample(
    options.map((own) => Object.keys(own)),
    1,
  );
  expect(dataOptionNames).toEqual(expect.arrayContaining(sample));
});

test("what only a task file can say is no command line", () => {
  expect(flagsOf({ inputs: { w: ["word"] } })).toBeUndefined();
  expect(flagsOf({ target: { y: ["a,b"] } })).toBeUndefined();
  expect(flagsOf({ target: { y: ["a"], z: ["b"] } })).toBeUndefined();
});

test("a shell gets its quotes", () => {
  expect(commandLine(["cellc", "data", "my file.csv", "<eos>", "it's", "a/b-c.csv", ""])).toBe(
    "cellc data 'my file.csv' '<eos>' 'it'\\''s' a/b-c.csv ''",
  );
});

describe("a trace", () => {
  test("has few points, whose ranges hold all values and whose means are theirs", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 3000 }), (values) => {
        const trace = new Trace();
        for (const value of values) trace.add(value);
        const { points } = trace;
        expect(points.length).toBeLessThanOrEqual(512);
        expect(Math.min(...points.map(({ least }) => least))).toBe(Math.min(...values));
        expect(Math.max(...points.map(({ most }) => most))).toBe(Math.max(...values));
        for (const [at, { step, mean }] of points.entries()) {
          const own = values.slice(step, points[at + 1]?.step ?? values.length);
          expect(mean).toBeCloseTo(own.reduce((sum, value) => sum + value, 0) / own.length, 9);
        }
      }),
      { numRuns: 50 },
    );
  });

  test("leaves out what is missing", () => {
    const trace = new Trace();
    for (const value of [Number.NaN, 3]) trace.add(value);
    expect(trace.points).toEqual([{ step: 1, mean: 3, least: 3, most: 3 }]);
  });
});

test("bins hold every value once", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 }),
      fc.integer({ min: 1, max: 40 }),
      (values, most) => {
        const { edges, counts } = valueBins(values, most);
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(values.length);
        expect(edges).toHaveLength(counts.length + 1);
        expect(edges[0]).toBeLessThanOrEqual(Math.min(...values));
        expect(edges.at(-1)).toBeGreaterThanOrEqual(Math.max(...values) * (1 - Math.sign(Math.max(...values)) * 1e-12));
      },
    ),
  );
  expect(
    lengthBins(
      new Map([
        [3, 2],
        [5, 1],
        [12, 4],
      ]),
      5,
    ),
  ).toEqual({ edges: [2.5, 4.5, 6.5, 8.5, 10.5, 12.5], counts: [2, 1, 0, 0, 4] });
});

test("a sample is fair", () => {
  const sample = new Sample();
  for (let i = 0; i < 40_000; i++) sample.add(i);
  expect(sample.values).toHaveLength(4096);
  // The mean of 4096 of them has a deviation of 11547 / 64 = 180.
  expect(Math.abs(sample.values.reduce((sum, value) => sum + value, 0) / 4096 - 20_000)).toBeLessThan(4 * 180);
});

test("fingerprints tell rows of values from each other", () => {
  const of = (values: readonly number[]): string => {
    const print = new Fingerprint();
    for (const value of values) print.add(value);
    return print.text;
  };
  const rows = Array.from({ length: 2000 }, (_, i) => of([i % 3, i * 0.1, Math.floor(i / 3)]));
  expect(new Set(rows).size).toBe(2000);
  expect(of([1, Number.NaN])).toBe(of([1, Number.NaN]));
  expect(of([1, 2])).not.toBe(of([2, 1]));
});

test("values are counted as long as they are few", () => {
  const tally = new ValueTally<string>(2);
  for (const value of ["a", "b", "b", "c", "b"]) tally.add(value);
  expect([tally.counts, tally.isFull]).toEqual([
    [
      ["b", 3],
      ["a", 1],
    ],
    true,
  ]);
});

test("numbers and distances are short", () => {
  expect([0, 12, 0.123456, 1234567, -2e-7, 1e-3].map(number)).toEqual([
    "0",
    "12",
    "0.1235",
    "1.23e6",
    "-2.00e-7",
    "0.001",
  ]);
  expect([3_600_000, 86_400_000, 900_000, 5_400_000].map((ms) => duration(ms, true))).toEqual([
    "1 hour",
    "1 day",
    "15 minutes",
    "90 minutes",
  ]);
  expect(duration(2.5, false)).toBe("2.5");
});
