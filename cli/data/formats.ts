/** The formats of data files: a row each, which says how a file of it is recognised and opened. Its reader loads when it is needed. */
import { exit, Failure } from "../failure.ts";
import type { ByteSource } from "./byte-source.ts";
import type { ReadOptions } from "./formats/read-options.ts";
import { formatRows } from "./formats/rows.ts";
import type { Recording } from "./recording.ts";

export interface Format {
  readonly name: string;
  /** What is read, for the documents. */
  readonly doc: string;
  /** What a file's name ends with, without `.gz`. */
  readonly extensions: readonly string[];
  /** Whether a file of any name is of this format, by its first bytes. Undefined: only by name. */
  readonly recognised?: (start: Uint8Array) => boolean;
  /** Throws C0401 and C0402 with the line. */
  open(source: ByteSource, options: ReadOptions): Promise<Recording>;
}

const beginsWith = (text: string) => (start: Uint8Array) =>
  Array.from(text).every((letter, at) => start[at] === letter.charCodeAt(0));

export const formats: readonly Format[] = [
  {
    name: "Parquet",
    doc: "a row for each step; columns of lists and structures are left out, or refused if they are asked for",
    extensions: [".parquet", ".pq"],
    recognised: beginsWith("PAR1"),
    open: async (source, options) => (await import("./formats/parquet.ts")).openParquet(source, options),
  },
  {
    name: "CSV",
    doc: "a line of names, then a line for each step",
    extensions: [".csv", ".tsv", ".tab"],
    open: async (source, options) => (await import("./formats/csv.ts")).openCsv(source, options),
  },
  ...formatRows,
];

/** The names of formats in lower case, as `--format` takes them. */
export const formatNames: readonly string[] = formats.map(({ name }) => name.toLowerCase());

/** Whether a file's name ends as those of a format do. */
export const hasKnownEnding = (path: string): boolean => formats.some((format) => endsAs(format, path));

const endsAs = ({ extensions }: Format, path: string): boolean => {
  const lower = path.toLowerCase().replace(/\.gz$/, "");
  return extensions.some((ending) => lower.endsWith(ending));
};

/** What a data set is called: its file's name without folders and endings. */
export const baseName = (path: string): string =>
  (path.split(/[/\\]/).at(-1) ?? path)
    .replace(/\.gz$/i, "")
    .replace(/\.[^.]*$/, "")
    .replace(/[-_. ]*\*+/g, "") || "data";

/** The format of a file, by what its first bytes are, or else by its name. Throws C0402 if it is none of the table. */
export async function formatOf(source: ByteSource, name = source.path): Promise<Format> {
  const start = await startOf(source);
  const byBytes = formats.find(({ recognised }) => recognised?.(start));
  if (byBytes !== undefined) return byBytes;
  const lower = name.toLowerCase().replace(/\.gz$/, "");
  const byName = formats.find((format) => endsAs(format, lower));
  // What comes from a pipe has no name; text with lines is a table then, unless they are lines of numbers with blanks between.
  const nameless = isKeys(start) ? "text" : "CSV";
  const found = byName ?? (/\.[^./\\]*$/.test(lower) ? undefined : formats.find(({ name }) => name === nameless));
  if (found !== undefined) return found;
  throw new Failure(
    "C0402",
    exit.input,
    `${source.path} is no data file: nothing reads files that end like this`,
    `the formats are ${formats.map(({ name, extensions }) => `${name}${extensions.length > 0 ? ` (${extensions.join(", ")})` : ""}`).join(", ")}, each also with .gz; --format names one`,
  );
}

/** Whether a file begins with whole numbers and blanks between, as logs do of which each line was made a key. */
const isKeys = (start: Uint8Array): boolean =>
  /^\d+(?: \d+)+ ?(?:\r?\n|\d*$)/.test(Buffer.from(start).toString("latin1"));

/** The bytes by which formats are recognised. */
const START = 2048;

/** The first `most` bytes of a file, or all. */
export async function startOf(source: ByteSource, most = START): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of source.stream()) {
    pieces.push(piece.subarray(0, most - size));
    size += piece.length;
    if (size >= most) break;
  }
  return Buffer.concat(pieces);
}

/** Opens a data file in its format. Throws C0401 and C0402. */
export async function openRecording(source: ByteSource, options: ReadOptions): Promise<Recording> {
  const named = formats.find(({ name }) => name.toLowerCase() === options.format);
  return (named ?? (await formatOf(source))).open(source, options);
}
