/**
 * Writes Parquet files by the format's specification alone: one page for each column and group of rows, plain values, no compression or
 * gzip. Independent of the reader, which it tests.
 */
import { gzipSync } from "node:zlib";

export interface ParquetColumn {
  readonly name: string;
  readonly type: "double" | "int32" | "int64" | "text" | "boolean" | "timestamp";
  /** null is missing. */
  readonly values: readonly (number | bigint | string | boolean | null)[];
}

/** The numbers of the specification. */
const TYPES = { boolean: 0, int32: 1, int64: 2, timestamp: 2, double: 5, text: 6 } as const;
const CONVERTED: Readonly<Partial<Record<ParquetColumn["type"], number>>> = { text: 0, timestamp: 9 };

/** Thrift's compact protocol, as far as Parquet's metadata needs it. */
type Thrift =
  | { readonly int: number; readonly wide?: boolean }
  | { readonly text: string }
  | { readonly list: readonly Thrift[] }
  | { readonly fields: readonly (readonly [id: number, value: Thrift])[] };

const varint = (value: number): readonly number[] => {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
};

const kindOf = (value: Thrift): number =>
  "int" in value ? (value.wide ? 6 : 5) : "text" in value ? 8 : "list" in value ? 9 : 12;

function encoded(value: Thrift): readonly number[] {
  if ("int" in value) return varint(value.int * 2);
  if ("text" in value) {
    const bytes = new TextEncoder().encode(value.text);
    return [...varint(bytes.length), ...bytes];
  }
  if ("list" in value) {
    const { length } = value.list;
    const kind = length === 0 ? 5 : kindOf(value.list[0]);
    const head = length < 15 ? [(length << 4) | kind] : [0xf0 | kind, ...varint(length)];
    return [...head, ...value.list.flatMap(encoded)];
  }
  let before = 0;
  const fields = value.fields.flatMap(([id, field]) => {
    const head = ((id - before) << 4) | kindOf(field);
    before = id;
    return [head, ...encoded(field)];
  });
  return [...fields, 0];
}

const int = (value: number): Thrift => ({ int: value });
const long = (value: number): Thrift => ({ int: value, wide: true });
const struct = (...fields: readonly (readonly [number, Thrift])[]): Thrift => ({ fields });

/** Whether each value is there, as runs of one bit. */
function levels(values: ParquetColumn["values"]): readonly number[] {
  const groups = Math.ceil(values.length / 8);
  const bits = Array.from({ length: groups }, (_, g) =>
    Array.from({ length: 8 }, (_, i) => ((values[g * 8 + i] ?? null) === null ? 0 : 1 << i)).reduce(
      (sum, bit) => sum + bit,
      0,
    ),
  );
  const runs = [...varint((groups << 1) | 1), ...bits];
  return [...bytesOf(4, (view) => view.setUint32(0, runs.length, true)), ...runs];
}

function bytesOf(size: number, write: (view: DataView) => void): readonly number[] {
  const bytes = new Uint8Array(size);
  write(new DataView(bytes.buffer));
  return [...bytes];
}

function plain({ type, values }: ParquetColumn): readonly number[] {
  const there = values.filter((value) => value !== null);
  if (type === "boolean")
    return Array.from({ length: Math.ceil(there.length / 8) }, (_, g) =>
      there.slice(g * 8, g * 8 + 8).reduce<number>((sum, value, i) => sum + (value ? 1 << i : 0), 0),
    );
  return there.flatMap((value) => {
    switch (type) {
      case "double":
        return bytesOf(8, (view) => view.setFloat64(0, Number(value), true));
      case "int32":
        return bytesOf(4, (view) => view.setInt32(0, Number(value), true));
      case "int64":
      case "timestamp":
        return bytesOf(8, (view) => view.setBigInt64(0, BigInt(value as bigint), true));
      case "text": {
        const bytes = new TextEncoder().encode(String(value));
        return [...bytesOf(4, (view) => view.setUint32(0, bytes.length, true)), ...bytes];
      }
      default:
        return type satisfies never;
    }
  });
}

/** A file with a group for every `rows` rows. */
export function parquetOf(columns: readonly ParquetColumn[], { rows = 1000, gzip = false } = {}): Uint8Array {
  const file: number[] = [..."PAR1"].map((letter) => letter.charCodeAt(0));
  const total = columns[0].values.length;
  const groups: Thrift[] = [];
  for (let from = 0; from < total; from += rows) {
    const count = Math.min(rows, total - from);
    const chunks = columns.map((whole): Thrift => {
      const column = { ...whole, values: whole.values.slice(from, from + count) };
      const page = Uint8Array.from([...levels(column.values), ...plain(column)]);
      const packed = gzip ? gzipSync(page) : page;
      const start = file.length;
      const data = struct([1, int(count)], [2, int(0)], [3, int(3)], [4, int(3)]);
      file.push(...encoded(struct([1, int(0)], [2, int(page.length)], [3, int(packed.length)], [5, data])), ...packed);
      const size = file.length - start;
      return struct(
        [2, long(start)],
        [
          3,
          struct(
            [1, int(TYPES[column.type])],
            [2, { list: [int(0), int(3)] }],
            [3, { list: [{ text: column.name }] }],
            [4, int(gzip ? 2 : 0)],
            [5, long(count)],
            [6, long(size)],
            [7, long(size)],
            [9, long(start)],
          ),
        ],
      );
    });
    groups.push(struct([1, { list: chunks }], [2, long(0)], [3, long(count)]));
  }
  const schema: Thrift[] = [
    struct([4, { text: "schema" }], [5, int(columns.length)]),
    ...columns.map(({ name, type }) => {
      const converted = CONVERTED[type];
      const fields: (readonly [number, Thrift])[] = [
        [1, int(TYPES[type])],
        [3, int(1)],
        [4, { text: name }],
      ];
      return struct(...fields, ...(converted === undefined ? [] : [[6, int(converted)] as const]));
    }),
  ];
  const metadata = encoded(struct([1, int(1)], [2, { list: schema }], [3, long(total)], [4, { list: groups }]));
  file.push(
    ...metadata,
    ...bytesOf(4, (view) => view.setUint32(0, metadata.length, true)),
    ...[..."PAR1"].map((letter) => letter.charCodeAt(0)),
  );
  return Uint8Array.from(file);
}
