/** Reads Parquet files with a column for each value; lists and structures in a column are refused. */
import { exit, Failure } from "../../failure.ts";
import type { ByteSource } from "../byte-source.ts";
import type { Recording } from "../recording.ts";
import { compressors, parquetMetadataAsync, parquetScan, parquetSchema } from "./hyparquet.ts";
import type { ReadOptions } from "./read-options.ts";
import { type Column, type ColumnKind, type Row, tableRecording } from "./table.ts";

type Metadata = Awaited<ReturnType<typeof parquetMetadataAsync>>;
type Element = Metadata["schema"][number];

/** Rows that are read at a time, so that a file of one group of rows needs not fit into memory as values. */
const ROWS = 32_768;

/** Throws C0402 for a damaged file and C0406 for a wanted column of lists or structures. */
export async function openParquet(source: ByteSource, options: ReadOptions): Promise<Recording> {
  const bytes = await source.whole();
  const file = {
    byteLength: bytes.size,
    slice: async (start: number, end = bytes.size) =>
      (await bytes.read(start < 0 ? bytes.size + start : start, end)).buffer,
  };
  const metadata = await sound(source, () => parquetMetadataAsync(file));
  const rows = Number(metadata.num_rows);
  if (rows === 0) throw new Failure("C0402", exit.input, `${source.path} has no rows`);
  const wanted = (name: string): boolean =>
    options.fields === undefined || options.fields.has(name) || name === options.group || name === options.timeColumn;
  const columns = parquetSchema(metadata).children.flatMap(({ element, children }): readonly Column[] => {
    const kind = children.length > 0 ? undefined : kindOf(element);
    if (kind !== undefined) return [{ name: element.name, kind }];
    if (options.fields?.has(element.name) !== true) return [];
    throw new Failure(
      "C0406",
      exit.input,
      `column ${element.name} of ${source.path} holds lists, structures or bytes`,
      "give it a column for each value, such as with DuckDB or pandas",
    );
  });
  const read = columns.map(({ name }) => name).filter((name) => wanted(name) || options.fields === undefined);
  return tableRecording(
    {
      path: source.path,
      unit: "row",
      columns,
      async *rows() {
        const scan = await sound(source, () => parquetScan({ file, metadata, columns: read, compressors }));
        for (const range of scan.ranges) {
          for (let from = range.rowStart; from < range.rowEnd; from += ROWS) {
            const to = Math.min(from + ROWS, range.rowEnd);
            const values = await Promise.all(
              columns.map(({ name }) =>
                read.includes(name)
                  ? sound(source, () => scan.readColumn({ column: name, rowStart: from, rowEnd: to }))
                  : undefined,
              ),
            );
            yield Array.from({ length: to - from }, (_, at): Row => {
              const line = from + at + 1;
              return { line, cells: values.map((list, c) => cellOf(list?.[at], columns[c], source, line)) };
            });
          }
        }
      },
    },
    options,
  );
}

/** What a column holds; undefined for what is no single value. */
function kindOf({
  type,
  converted_type: converted,
  logical_type: logical,
  repetition_type: repeated,
}: Element): ColumnKind | undefined {
  if (repeated === "REPEATED") return undefined;
  if (type === "INT96" || logical?.type === "DATE" || logical?.type === "TIMESTAMP") return "date";
  if (converted === "DATE" || converted === "TIMESTAMP_MILLIS" || converted === "TIMESTAMP_MICROS") return "date";
  if (converted === "UTF8" || converted === "ENUM" || type === "BOOLEAN") return "text";
  if (logical?.type === "STRING" || logical?.type === "ENUM" || logical?.type === "UUID") return "text";
  if (converted === "DECIMAL" || logical?.type === "DECIMAL" || logical?.type === "FLOAT16") return "number";
  return type === "INT32" || type === "INT64" || type === "FLOAT" || type === "DOUBLE" ? "number" : undefined;
}

function cellOf(value: unknown, { name, kind }: Column, source: ByteSource, row: number): string | number {
  if (value === undefined || value === null) return kind === "number" ? Number.NaN : "";
  if (typeof value === "number" || typeof value === "string") return value;
  if (typeof value === "boolean") return String(value);
  if (value instanceof Date)
    return value
      .toISOString()
      .replace("T", " ")
      .replace(/(?::00)?\.000Z$/, "");
  if (typeof value === "bigint") {
    if (kind !== "number") return String(value);
    if (BigInt(Number(value)) === value) return Number(value);
    throw new Failure(
      "C0402",
      exit.input,
      `${source.path}, row ${row}: column ${name} is ${value}, more digits than a number can have`,
      "leave the column out, or store it as text",
    );
  }
  throw new Failure("C0402", exit.input, `${source.path}, row ${row}: column ${name} holds what is no ${kind}`);
}

/** Whatever the package says of a file's bytes is said of the file. */
async function sound<T>(source: ByteSource, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Failure || !(error instanceof Error)) throw error;
    throw new Failure(
      "C0402",
      exit.input,
      `${source.path} is a damaged Parquet file: ${error.message}`,
      "write it anew",
    );
  }
}
