/**
 * The `.ts` files of the UEA and UCR archives (aeon-toolkit.org, "Data formats"): after a header, a series on each line. Its channels stand
 * one after another, with `:` between, the values of a channel with `,`; the class or the number to predict comes last.
 */
import type { ByteSource } from "../byte-source.ts";
import type { Field, Piece, Recording, Values } from "../recording.ts";
import { readLines } from "./characters.ts";
import { fault, type Place } from "./fault.ts";
import { isNaNText, numberIn } from "./numbers.ts";
import { type TsHeader, TsHeaderReader } from "./ts-header.ts";

export interface SeriesOptions {
  /** What a missing value is: a `Failure` that names its place, or NaN. */
  readonly missing: "refused" | "kept";
}

export const MISSING_HELP = "fill what is missing: --missing mean, zero or previous";

/**
 * Opens a `.ts` file. Fields: `x` with the channels at each step, [D], and `y`, the class (a symbol) or the number. Throws C0401, and
 * C0402 with line and column.
 */
export async function openTs(source: ByteSource, options: SeriesOptions): Promise<Recording> {
  for await (const { header, channels } of seriesOf(source, options)) {
    const y: Field | undefined =
      header.target === "class"
        ? { kind: "symbol", over: "sequence" }
        : header.target === "number"
          ? { kind: "number", over: "sequence", shape: [] }
          : undefined;
    return {
      path: source.path,
      fields: { x: { kind: "number", over: "steps", shape: [channels] }, ...(y === undefined ? {} : { y }) },
      async *pieces() {
        for await (const { piece } of seriesOf(source, options)) yield piece;
      },
    };
  }
  throw fault(source.path, "there is no series in it");
}

interface Series {
  readonly header: TsHeader;
  readonly channels: number;
  readonly piece: Piece;
}

async function* seriesOf(source: ByteSource, options: SeriesOptions): AsyncGenerator<Series> {
  const refuse = (place: Place, reason: string, help?: string) => fault(source.path, reason, place, help);
  const reader = new TsHeaderReader((line, reason, help) => refuse({ line }, reason, help));
  let header: TsHeader | undefined;
  let channels: number | undefined;
  let length: number | undefined;
  for await (const lines of readLines(source)) {
    for (const { number: line, text } of lines) {
      if (header === undefined) {
        header = reader.read(line, text);
        channels = header?.channels;
        length = header?.length;
        continue;
      }
      if (text.trim() === "" || text.startsWith("#")) continue;
      const parts = text.split(":");
      const target = header.target === "none" ? undefined : parts.pop();
      if (parts.length === 0) throw refuse({ line }, "the line has no `:`, so it has no values, or no class");
      channels ??= parts.length;
      if (parts.length !== channels)
        throw refuse(
          { line },
          `the series has ${parts.length} channels, want ${channels}`,
          header.target === "none" ? undefined : "the class or number comes after the channels, with `:` before it",
        );
      const rows = channelsOf(source.path, line, parts, options);
      const steps = rows[0].length;
      if (header.equalLength) length ??= steps;
      if (length !== undefined && steps !== length)
        throw refuse({ line }, `the series has ${steps} steps, want ${length}`);
      const x = new Float64Array(steps * channels);
      for (const [channel, row] of rows.entries())
        for (const [step, value] of row.entries()) x[step * rows.length + channel] = value;
      const column = text.length - (target?.length ?? 0) + 1;
      const y: Record<string, Values> =
        target === undefined ? {} : { y: targetOf(source.path, { line, column }, target.trim(), header) };
      yield { header, channels, piece: { begins: true, steps, values: { x, ...y } } };
    }
  }
  if (header === undefined) throw fault(source.path, "it ends before @data");
}

/** The values of the channels of a line; they are equally long. */
function channelsOf(
  path: string,
  line: number,
  parts: readonly string[],
  { missing }: SeriesOptions,
): readonly Float64Array[] {
  let column = 1;
  return parts.map((part, channel) => {
    const cells = part.split(",");
    const values = new Float64Array(cells.length);
    for (const [step, cell] of cells.entries()) {
      const value = numberIn(cell);
      const isMissing = value === undefined && (cell.trim() === "?" || isNaNText(cell));
      if (value === undefined && !isMissing) throw fault(path, `\`${cell.trim()}\` is no number`, { line, column });
      if (isMissing && missing === "refused") throw fault(path, "a value is missing", { line, column }, MISSING_HELP);
      values[step] = value ?? Number.NaN;
      column += cell.length + 1;
    }
    const first = channel === 0 ? values.length : parts[0].split(",").length;
    if (values.length !== first)
      throw fault(path, `channel ${channel + 1} has ${values.length} values, and channel 1 has ${first}`, {
        line,
        column: column - part.length - 1,
      });
    return values;
  });
}

function targetOf(
  path: string,
  place: Place,
  text: string,
  { target, classes }: TsHeader,
): readonly string[] | Float64Array {
  if (target === "number") {
    const value = numberIn(text);
    if (value === undefined) throw fault(path, `\`${text}\` is no number to predict`, place);
    return Float64Array.of(value);
  }
  if (text === "") throw fault(path, "the class is missing", place);
  if (classes.length > 0 && !classes.includes(text))
    throw fault(path, `\`${text}\` is none of the classes in the header: ${classes.join(", ")}`, place);
  return [text];
}
