import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openNpz } from "../../../../cli/data/formats/npz.ts";
import { type Column, shortest, widthOf } from "../../../../cli/data/predictions/columns.ts";
import { writePredictions } from "../../../../cli/data/predictions/write.ts";
import { fileOf, sequencesOf, sourceOf } from "../formats/read.ts";

const text = fc
  .oneof(
    fc.string({ unit: "binary", maxLength: 5 }),
    fc.constantFrom("", " ", 'a"b', "a,b", "a\nb", "a\r\nb", "ß", "😀", '"'),
  )
  .filter((one) => one.isWellFormed() && !one.includes("\0") && !one.startsWith("\ufeff"));
const number = fc.oneof(fc.float(), fc.constantFrom(0.1, 1e-7, 123456.789, -0));

interface Table {
  readonly id: readonly string[];
  readonly y: Float32Array;
  readonly p: Float64Array;
  readonly k: Int32Array;
}

const tables: fc.Arbitrary<Table> = fc.integer({ min: 0, max: 6 }).chain((rows) => {
  const of = <T>(value: fc.Arbitrary<T>, count: number) => fc.array(value, { minLength: count, maxLength: count });
  return fc.record({
    id: of(text, rows),
    y: of(number, rows).map((values) => Float32Array.from(values)),
    p: of(fc.double(), 6 * rows).map((values) => Float64Array.from(values)),
    k: of(fc.integer(), rows).map((values) => Int32Array.from(values)),
  });
});

const columnsOf = ({ id, y, p, k }: Table): readonly Column[] => [
  { kind: "texts", name: "id", values: id },
  { kind: "numbers", name: "y, of a sequence", shape: [], values: y },
  { kind: "numbers", name: "p", shape: [2, 3], values: p },
  { kind: "numbers", name: "k", shape: [], values: k, parts: ["k"] },
];

async function* alone(columns: readonly Column[]): AsyncGenerator<readonly Column[]> {
  yield columns;
}

/** A table in two blocks, the first of a single row. */
async function* inBlocks(columns: readonly Column[]): AsyncGenerator<readonly Column[]> {
  const rows = columns[0].values.length / widthOf(columns[0]);
  for (const [from, to] of [
    [0, Math.min(1, rows)],
    [Math.min(1, rows), rows],
  ])
    yield columns.map((column): Column => {
      if (column.kind === "texts") return { ...column, values: column.values.slice(from, to) };
      return { ...column, values: column.values.slice(from * widthOf(column), to * widthOf(column)) };
    });
}

const written = async (ending: string, columns: readonly Column[]): Promise<string> => {
  const path = join(dirname(await fileOf("empty", "")), `p${ending}`);
  await writePredictions(path, inBlocks(columns));
  expect((await readdir(dirname(path))).toSorted()).toEqual(["empty", `p${ending}`]);
  return path;
};

/** JavaScript's -0 is written as 0 in text. */
const same = (value: number): number => value + 0;

describe("predictions are read back, by readers that are not ours,", () => {
  test("from CSV", () =>
    fc.assert(
      fc.asyncProperty(tables, async (table) => {
        const rows = parse(await readFile(await written(".csv", columnsOf(table)), "utf8")) as string[][];
        expect(rows[0]).toEqual(["id", "y, of a sequence", "p_0", "p_1", "p_2", "p_3", "p_4", "p_5", "k"]);
        expect(rows.slice(1).map(([id]) => id)).toEqual(table.id);
        const read = (cell: string): number => (cell === "" ? Number.NaN : Number(cell));
        expect(rows.slice(1).map((row) => Math.fround(read(row[1])))).toEqual(Array.from(table.y, same));
        expect(rows.slice(1).flatMap((row) => row.slice(2, 8).map(read))).toEqual(Array.from(table.p, same));
        expect(rows.slice(1).map((row) => Number(row[8]))).toEqual(Array.from(table.k));
      }),
      { numRuns: 60 },
    ));

  test("from JSON Lines", () =>
    fc.assert(
      fc.asyncProperty(tables, async (table) => {
        const lines = (await readFile(await written(".jsonl", columnsOf(table)), "utf8")).split("\n").slice(0, -1);
        const finite = (value: number): number | null => (Number.isFinite(value) ? same(value) : null);
        const found = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
        expect(found.map(({ id, k }) => [id, k])).toEqual(table.id.map((id, row) => [id, table.k[row]]));
        expect(
          found.map((row) => row["y, of a sequence"]).map((y) => (y === null ? y : Math.fround(y as number))),
        ).toEqual(Array.from(table.y, finite));
        expect(found.map(({ p }) => p)).toEqual(
          table.id.map((_, row) =>
            [0, 1].map((i) => Array.from(table.p.subarray(6 * row + 3 * i, 6 * row + 3 * i + 3), finite)),
          ),
        );
      }),
      { numRuns: 60 },
    ));
});

test("predictions are read back from NPZ, exactly", () =>
  fc.assert(
    fc.asyncProperty(
      tables.filter(({ id }) => id.length > 0),
      async (table) => {
        const [id, y, p, k] = columnsOf(table);
        const source = await sourceOf(await written(".npz", [{ ...p, name: "x" }, y, k, { ...id, name: "name" }]));
        const found = await sequencesOf(await openNpz(source, { perSequence: ["name", "k", "y, of a sequence"] }));
        expect(found.flatMap(({ values }) => values.x)).toEqual(Array.from(table.p));
        expect(found.map(({ values }) => [values["y, of a sequence"][0], values.k[0], values.name[0]])).toEqual(
          table.id.map((name, row) => [table.y[row], table.k[row], name]),
        );
      },
    ),
    { numRuns: 40 },
  ));

test("a number is written as short as its precision allows", () => {
  const f32 = Float32Array.of(0.1, 1 / 3, 16777216, 1e-38, 123456.789);
  expect(Array.from(f32, (value) => shortest(value, f32))).toEqual([
    "0.1",
    "0.33333334",
    "16777216",
    "1e-38",
    "123456.79",
  ]);
  expect(shortest(0.1, Float64Array.of(0.1))).toBe("0.1");
});

test("a table of many rows is written in blocks", async () => {
  const values = Float64Array.from({ length: 150_000 }, (_, i) => 1e6 + i);
  const csv = await readFile(await written(".csv", [{ kind: "numbers", name: "y", shape: [], values }]), "utf8");
  expect(csv).toBe(`y\n${values.join("\n")}\n`);
});

test("another ending is refused, and columns that disagree leave the old file", async () => {
  await expect(writePredictions("p.xlsx", alone([]))).rejects.toMatchObject({ code: "C0301", exitCode: 2 });
  const path = await fileOf("p.csv", "old");
  const columns: readonly Column[] = [
    { kind: "texts", name: "a", values: ["x"] },
    { kind: "texts", name: "b", values: [] },
  ];
  for (const ending of [".csv", ".jsonl", ".npz"])
    await expect(writePredictions(path.replace(".csv", ending), alone(columns))).rejects.toThrow(RangeError);
  await expect(writePredictions(path, alone([columns[0], columns[0]]))).rejects.toThrow(/same name/);
  const stopped = async function* () {
    yield [columns[0]];
    throw new Error("stopped");
  };
  await expect(writePredictions(path, stopped())).rejects.toThrow("stopped");
  expect(await readdir(dirname(path))).toEqual(["p.csv"]);
  expect(await readFile(path, "utf8")).toBe("old");
});
