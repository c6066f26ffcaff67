import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ReadOptions } from "../../../../cli/data/formats/read-options.ts";
import { openRecording } from "../../../../cli/data/formats.ts";
import { sequencesOf, sourceOf } from "../recordings.ts";
import { type ParquetColumn, parquetOf } from "./parquet-writer.ts";

const read = async (bytes: Uint8Array, options: Partial<ReadOptions> = {}) => {
  // By its bytes alone: the name says nothing.
  const recording = await openRecording(sourceOf(bytes, "data.bin", 100), { missing: "refused", ...options });
  return { fields: recording.fields, sequences: await sequencesOf(recording) };
};

const objection = (bytes: Uint8Array, options: Partial<ReadOptions> = {}): Promise<string> =>
  read(bytes, options).then(
    () => "nothing",
    (error: Error & { code?: string; exitCode?: number }) => `${error.code} ${error.exitCode} ${error.message}`,
  );

const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }).filter((word) => !/^(?:|\?|n.*)$/i.test(word));
const row = fc.tuple(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), text, fc.boolean());

const columnsOf = (rows: readonly (readonly [number, number, string, boolean])[]): readonly ParquetColumn[] => [
  { name: "d", type: "double", values: rows.map(([d]) => d) },
  { name: "i", type: "int32", values: rows.map(([, i]) => i) },
  { name: "wide", type: "int64", values: rows.map(([, i]) => BigInt(i)) },
  { name: "word", type: "text", values: rows.map(([, , word]) => word) },
  { name: "flag", type: "boolean", values: rows.map(([, , , flag]) => flag) },
];

describe("Parquet", () => {
  test("is read as another writer wrote it, in groups of rows, compressed or not", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 20 }),
        fc.boolean(),
        async (rows, group, gzip) => {
          const { sequences } = await read(parquetOf(columnsOf(rows), { rows: group, gzip }));
          expect(sequences).toEqual([
            {
              d: rows.map(([d]) => d),
              i: rows.map(([, i]) => i),
              wide: rows.map(([, i]) => i),
              word: rows.map(([, , word]) => word),
              flag: rows.map(([, , , flag]) => String(flag)),
            },
          ]);
        },
      ),
      { numRuns: 40 },
    );
  });

  const table: readonly ParquetColumn[] = [
    { name: "id", type: "text", values: ["a", "a", "b"] },
    { name: "when", type: "timestamp", values: [0n, 60_000n, 1_500n] },
    { name: "v", type: "double", values: [1, null, 3] },
  ];

  test("has dates, groups, and values that are missing", async () => {
    const { fields, sequences } = await read(parquetOf(table), { group: "id", missing: "kept" });
    expect(fields).toEqual({
      id: { kind: "label", over: "sequence" },
      when: { kind: "label", over: "steps" },
      v: { kind: "number", over: "steps", shape: [] },
    });
    expect(sequences).toEqual([
      { id: ["a"], when: ["1970-01-01 00:00", "1970-01-01 00:01"], v: [1, Number.NaN] },
      { id: ["b"], when: ["1970-01-01 00:00:01.500Z"], v: [3] },
    ]);
  });

  test.each<[string, Uint8Array, string, Partial<ReadOptions>?]>([
    ["a missing value", parquetOf(table), "data.bin, row 2: column 3, v, is missing", { group: "id" }],
    [
      "dates that go back",
      parquetOf(table),
      "data.bin, row 3: column 2, when, is 1970-01-01 00:00:01.500Z, before",
      { missing: "kept" },
    ],
    [
      "whole numbers that are too long",
      parquetOf([{ name: "n", type: "int64", values: [2n ** 60n + 1n] }]),
      "row 1: column n is 1152921504606846977, more digits",
    ],
    ["no end", parquetOf(table).slice(0, -9), "is a damaged Parquet file"],
    ["nothing but a name", new TextEncoder().encode("PAR1"), "is a damaged Parquet file"],
  ])("with %s is refused", async (_, bytes, words, options) => {
    expect(await objection(bytes, options)).toContain(words);
  });

  test("damaged anywhere ends with what it holds or a failure", async () => {
    const bytes = parquetOf(
      columnsOf([
        [1.5, 2, "x", true],
        [2.5, 3, "y", false],
      ]),
    );
    for (let at = 0; at < bytes.length; at += 3) {
      const said = await objection(bytes.map((byte, i) => (i === at ? byte ^ 0x55 : byte)));
      expect(said, `byte ${at}`).toMatch(/^nothing$|^C040[26] 1 /);
    }
  });
});
