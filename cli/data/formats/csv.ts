/** Reads CSV and its relatives: values by commas, semicolons, tabs or bars, with quotes or without. */
import { isUtf8 } from "node:buffer";
import { pipeline, Readable } from "node:stream";
import { exit, Failure } from "../../failure.ts";
import type { ByteSource } from "../byte-source.ts";
import type { Recording } from "../recording.ts";
import { CsvError, parse } from "./csv-parse.ts";
import { dateOrders, readDate } from "./date.ts";
import { looksOf, type SampledColumn, type TextForms } from "./looks.ts";
import { numberFormNames, numberForms, USUAL_NUMBERS } from "./number-forms.ts";
import type { ReadOptions } from "./read-options.ts";
import { type Column, type ColumnKind, isMissing, type Row, tableRecording } from "./table.ts";

/** Rows from which the kinds of columns are seen. */
const SAMPLE = 1000;

/** Delimiters that are recognised; of equally good ones the first is taken. */
const DELIMITERS = [",", ";", "\t", "|"];

/** No row needs more bytes; a longer line means that this is no table. */
const LONGEST_LINE = 64 * 2 ** 20;

/** Throws C0402, with the line, for a file that is empty, has no rows or has columns without a name or with the same. */
export async function openCsv(source: ByteSource, options: ReadOptions): Promise<Recording> {
  const start = await firstLine(source);
  const said = SAYS_DELIMITER.exec(start)?.[1];
  const delimiter = options.delimiter ?? said ?? delimiterOf(start);
  const lines = (columns: number): AsyncIterable<readonly Row[]> => {
    const rows = rowsOf(source, delimiter, columns);
    return said === undefined ? rows : withoutFirst(rows);
  };
  const sample: Row[] = [];
  for await (const rows of lines(0)) {
    sample.push(...rows.slice(0, SAMPLE + 1 - sample.length));
    if (sample.length > SAMPLE) break;
  }
  const [first] = sample;
  if (first === undefined)
    throw wrong(source, 1, "the file is empty", "a table has a line of names and a line for each step");
  const hasHeader = options.header ?? true;
  const names = hasHeader ? headerOf(source, first) : first.cells.map((_, at) => `c${at + 1}`);
  const rows = hasHeader ? sample.slice(1) : sample;
  if (rows.length === 0)
    throw wrong(
      source,
      first.line,
      "there are names of columns, and no row under them",
      "a line for each step is wanted",
    );
  const [{ cells, line }] = rows;
  if (hasHeader && first.cells.length === 1 && cells.length > 1)
    throw wrong(
      source,
      first.line,
      `one value stands in the first line, and ${cells.length} in line ${line}`,
      delimiter === "," && cells.every((cell) => numberForms[USUAL_NUMBERS].is(String(cell)))
        ? "the first line names the columns; if commas are in numbers: --delimiter semicolon --numbers 1.234,5"
        : "the first line names the columns; if it is a title, take it out",
    );
  const seen = names.map((name, at) => sampled(name, rows, at, options));
  const columns = seen.map(({ name, kind }): Column => ({ name, kind }));
  return tableRecording(
    {
      path: source.path,
      unit: "line",
      columns,
      looks: looksOf(seen, options, delimiter),
      async *rows() {
        let header = hasHeader;
        for await (const rows of lines(columns.length)) {
          const own = header ? rows.slice(1) : rows;
          header &&= rows.length === 0;
          const ragged = own.find((row) => isRagged(row, columns.length));
          // What stands before it is read first, so that the first fault of the file is the one that is told.
          yield ragged === undefined ? own : own.slice(0, own.indexOf(ragged));
          if (ragged !== undefined)
            throw wrong(
              source,
              ragged.line,
              `${ragged.cells.length} values stand where there are ${columns.length} columns`,
              raggedHelp(ragged, columns),
            );
        }
      },
    },
    options,
  );
}

/** Excel's word for what stands between values, in a line before the names. */
const SAYS_DELIMITER = /^\ufeff?sep=([^"\r\n])$/i;

async function* withoutFirst(pieces: AsyncIterable<readonly Row[]>): AsyncGenerator<readonly Row[]> {
  let isFirst = true;
  for await (const rows of pieces) {
    yield isFirst ? rows.slice(1) : rows;
    isFirst &&= rows.length === 0;
  }
}

/** Whether a row has values for other columns than there are. Delimiters behind the last column, with nothing between, are none. */
const isRagged = ({ cells }: Row, columns: number): boolean =>
  cells.length !== columns && (cells.length < columns || cells.slice(columns).some((cell) => cell !== ""));

function raggedHelp({ cells }: Row, columns: readonly Column[]): string {
  if (cells.length > columns.length)
    return `the first value too many is "${String(cells.slice(columns.length).find((cell) => cell !== "")).slice(0, 40)}"; put a text with the delimiter in it in quotes, and give each column a name`;
  return `there is none for ${columns[cells.length].name}; was the file cut off?`;
}

function wrong(source: ByteSource, line: number, what: string, help?: string): Failure {
  return new Failure("C0402", exit.input, `${source.path}:${line}: ${what}`, help);
}

/** The names of columns. Throws C0402 for names that cannot tell columns apart. */
function headerOf(source: ByteSource, { cells, line }: Row): readonly string[] {
  const named = cells.findLastIndex((cell) => cell !== "");
  // Columns without a name behind the last one may be there as long as they are empty.
  const names = cells.slice(0, named < 0 ? undefined : named + 1).map(String);
  const isValue = (name: string): boolean =>
    numberFormNames.some((form) => numberForms[form].is(name)) ||
    dateOrders.some((order) => readDate(name, order) !== undefined);
  if (names.some(isValue) && names.every((name) => isValue(name) || isMissing(name)))
    throw wrong(
      source,
      line,
      `the first line should name the columns, and has values: ${names.slice(0, 3).join(", ")}`,
      "--no-header calls the columns c1, c2, and so on",
    );
  for (const [at, name] of names.entries()) {
    if (name === "")
      throw wrong(
        source,
        line,
        `column ${at + 1} has no name`,
        "give it one; or leave it out, which for an index that pandas writes is index=False",
      );
    const before = names.indexOf(name);
    if (before < at)
      throw wrong(source, line, `columns ${before + 1} and ${at + 1} are both called ${name}`, "rename one of them");
  }
  return names;
}

/**
 * What the values of a column are: what most of the sample's are. A column of numbers with something else in it is so refused, with the
 * line, and not taken for one of texts, which would leave it out of the inputs without a word.
 */
function sampled(name: string, rows: readonly Row[], at: number, { numbers, dates }: TextForms): SampledColumn {
  const form = numberForms[numbers ?? USUAL_NUMBERS];
  const texts = rows.map(({ cells }) => String(cells[at] ?? "").trim()).filter((text) => !isMissing(text));
  const most = (is: (text: string) => boolean): boolean => 2 * texts.filter(is).length >= texts.length;
  const kind = (): ColumnKind => {
    if (most((text) => form.is(text))) return "number";
    return most((text) => readDate(text, dates) !== undefined) ? "date" : "text";
  };
  return { name, kind: kind(), texts };
}

/** The delimiter that stands most often in a line, outside quotes. A comma in a number is only one if nothing else is. */
function delimiterOf(line: string): string {
  const bare = line.replace(/"(?:[^"]|"")*"/g, "");
  const counts = (text: string): readonly number[] => DELIMITERS.map((delimiter) => text.split(delimiter).length);
  const found = [bare.replace(/(?<=\d),(?=\d)/g, ""), bare].map(counts).find((of) => Math.max(...of) > 1);
  return found === undefined ? DELIMITERS[0] : DELIMITERS[found.indexOf(Math.max(...found))];
}

/** The first line that is not empty, without a mark of the byte order. */
async function firstLine(source: ByteSource): Promise<string> {
  for await (const line of wholeLines(source)) {
    const text = new TextDecoder().decode(line);
    const found = text.split(/\r\n|\n|\r/).find((part) => part.trim() !== "");
    if (found !== undefined) return found;
  }
  return "";
}

/** Rows that are handed on together. */
const TOGETHER = 512;

/**
 * The rows. Lines are split at delimiters as long as no quote has come, which is many times faster than looking at each character;
 * from the first piece with a quote on, the parser does it.
 */
async function* rowsOf(source: ByteSource, delimiter: string, columns: number): AsyncGenerator<readonly Row[]> {
  const pieces = wholeLines(source);
  let lines = 0;
  for (let next = await pieces.next(); !next.done; next = await pieces.next()) {
    const { value: piece } = next;
    if (piece.includes(QUOTE)) {
      yield* parsedRows(source, delimiter, columns, from(piece, pieces), lines);
      return;
    }
    const text = decoder.decode(piece);
    const found = text.split(text.includes("\r") ? /\r\n|\n|\r/ : "\n");
    // What stands behind the last line's end is no line.
    if (found.at(-1) === "") found.pop();
    const rows: Row[] = [];
    for (const line of found) {
      lines++;
      if (line === "" && columns !== 1) continue;
      const cells = line.split(delimiter);
      for (let at = 0; at < cells.length; at++) cells[at] = cells[at].trim();
      rows.push({ line: lines, cells });
    }
    yield rows;
  }
}

const QUOTE = 0x22;

const decoder = new TextDecoder();

async function* from(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

/** The rows of lines with quotes, of which the first is line `before` + 1. */
async function* parsedRows(
  source: ByteSource,
  delimiter: string,
  columns: number,
  pieces: AsyncIterable<Uint8Array>,
  before: number,
): AsyncGenerator<readonly Row[]> {
  const parser = parse({
    bom: true,
    delimiter,
    record_delimiter: ["\r\n", "\n", "\r"],
    // Rows of other lengths are refused by whoever knows the names.
    relax_column_count: true,
    // In a single column, a line without anything is a missing value.
    skip_empty_lines: columns !== 1,
    trim: true,
    info: true,
  });
  // `pipeline` ends the parser with whatever error comes.
  pipeline(Readable.from(pieces), parser, () => {});
  let rows: Row[] = [];
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      rows.push({ line: before + info.lines, cells: record });
      if (rows.length < TOGETHER) continue;
      yield rows;
      rows = [];
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    yield rows;
    throw parseFailure(source, error, before);
  }
  yield rows;
}

function parseFailure(source: ByteSource, error: CsvError, before: number): Failure {
  const line = before + (typeof error.lines === "number" ? error.lines : 1);
  switch (error.code) {
    case "CSV_QUOTE_NOT_CLOSED":
      return wrong(source, line, "the file ends within quotes", 'a quote in a text is written twice: ""');
    case "CSV_INVALID_CLOSING_QUOTE":
    case "CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE":
      return wrong(
        source,
        line,
        "something stands behind the closing quote of a value",
        'a quote in a text is written twice: ""',
      );
    case "INVALID_OPENING_QUOTE":
      return wrong(
        source,
        line,
        "a quote stands within a value without quotes",
        'put the value in quotes: "a ""word"" more"',
      );
    default:
      return wrong(source, line, error.message);
  }
}

/** The bytes in pieces that end with a line's end, all of them UTF-8. Throws C0402 with the line that is not. */
async function* wholeLines(source: ByteSource): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array = new Uint8Array();
  let line = 1;
  let first = true;
  for await (const piece of source.stream()) {
    const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    if (
      first &&
      bytes.length >= 2 &&
      ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
    )
      throw wrong(
        source,
        1,
        "the text is UTF-16, and UTF-8 is read",
        'save it as UTF-8, in Excel as "CSV UTF-8"; or convert it: iconv -f utf-16 -t utf-8',
      );
    first = false;
    const end = bytes.lastIndexOf(0x0a) + 1;
    if (end === 0 && bytes.length > LONGEST_LINE)
      throw wrong(source, line, `the line has more than ${LONGEST_LINE / 2 ** 20} MiB`, "this is no table of text");
    const whole = bytes.subarray(0, end);
    line = checkUtf8(source, whole, line);
    rest = bytes.subarray(end);
    if (end > 0) yield whole;
  }
  checkUtf8(source, rest, line);
  if (rest.length > 0) yield rest;
}

/** Returns the number of the line behind `bytes`, which begin with line `line`. */
function checkUtf8(source: ByteSource, bytes: Uint8Array, line: number): number {
  const valid = isUtf8(bytes);
  let number = line;
  for (let from = 0; from < bytes.length; ) {
    const found = bytes.indexOf(0x0a, from);
    const end = found < 0 ? bytes.length : found + 1;
    if (!valid && !isUtf8(bytes.subarray(from, end)))
      throw wrong(
        source,
        number,
        "the line is not UTF-8",
        'save the file as UTF-8, in Excel as "CSV UTF-8"; or convert it: iconv -f latin1 -t utf-8',
      );
    if (found >= 0) number++;
    from = end;
  }
  return number;
}
