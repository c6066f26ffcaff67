/** Text as a sequence of symbols: one stream, or a sequence for each line. */
import type { ByteSource } from "../byte-source.ts";
import type { Piece, Recording } from "../recording.ts";
import { type Chunk, readLines, readText } from "./characters.ts";
import { fault } from "./fault.ts";
import { BadSymbol, isSpaced, type SymbolUnit, symbolUnits } from "./symbols.ts";

export interface TextOptions {
  /** What the symbols are. Default: characters. */
  readonly unit?: SymbolUnit;
  /** Whether each line is a sequence; else the file is a single one. Lines without a symbol are passed over. */
  readonly lines?: boolean;
  /** With words: the symbol that ends each line, such as `<eos>`. Default: a line's end is a blank. */
  readonly lineEnd?: string;
}

/** Opens a text; its field `w` has the symbols. Throws C0401, and C0402, with line and column, if it is not UTF-8 or empty. */
export async function openText(source: ByteSource, options: TextOptions): Promise<Recording> {
  const pieces = (): AsyncIterable<Piece> =>
    options.lines ? linePieces(source, options) : streamPieces(source, options);
  const { path } = source;
  // Half of the symbols would be spaces that are never in doubt, and bits for each symbol half of what they are.
  if (options.unit === undefined && !options.lines)
    for await (const { text } of readText(source, symbolUnits.characters.encoding)) {
      if (isSpaced(text))
        throw fault(
          path,
          "a space follows each of its characters",
          {},
          "read the characters alone: --unit spaced-characters; or the spaces, too: --unit characters",
        );
      break;
    }
  for await (const { begins } of pieces()) {
    if (begins) return { path, fields: { w: { kind: "symbol", over: "steps" } }, pieces };
  }
  throw fault(path, "there is no symbol in it");
}

async function* streamPieces(source: ByteSource, { unit = "characters", lineEnd }: TextOptions): AsyncGenerator<Piece> {
  const { cutter, encoding } = symbolUnits[unit];
  const { push, end } = cutter(lineEnd);
  let begins = true;
  let place: Chunk = { text: "", line: 1, column: 1 };
  const cut = function* (act: () => string[]): Generator<Piece> {
    const w = located(source.path, place, act);
    if (w.length > 0) yield { begins, steps: w.length, values: { w } };
    begins &&= w.length === 0;
  };
  for await (const chunk of readText(source, encoding)) {
    place = chunk;
    yield* cut(() => push(chunk.text));
  }
  place = { ...endOf(place), text: "" };
  yield* cut(end);
}

async function* linePieces(source: ByteSource, { unit = "characters", lineEnd }: TextOptions): AsyncGenerator<Piece> {
  const { cutter, encoding } = symbolUnits[unit];
  for await (const lines of readLines(source, encoding)) {
    for (const { number, text } of lines) {
      const { push, end } = cutter();
      const cut = (): string[] => push(text).concat(end());
      const w = located(source.path, { text, line: number, column: 1 }, cut);
      if (w.length === 0) continue;
      if (unit === "words" && lineEnd !== undefined) w.push(lineEnd);
      yield { begins: true, steps: w.length, values: { w } };
    }
  }
}

function located(path: string, chunk: Chunk, cut: () => string[]): string[] {
  try {
    return cut();
  } catch (error) {
    if (!(error instanceof BadSymbol)) throw error;
    const { line, column } = endOf({ ...chunk, text: chunk.text.slice(0, error.offset) });
    throw fault(path, error.message, { line, column });
  }
}

/** The place behind a chunk. */
function endOf({ text, line, column }: Chunk): { readonly line: number; readonly column: number } {
  const lines = text.split("\n");
  return {
    line: line + lines.length - 1,
    column: lines.length === 1 ? column + text.length : lines[lines.length - 1].length + 1,
  };
}
