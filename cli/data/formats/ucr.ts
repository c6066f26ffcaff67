/**
 * The `.tsv` files of the UCR archive (Dau et al. 2018): a series on each line, first its class, then its values, with tabs between.
 * Shorter series are filled up with NaN.
 */
import type { ByteSource } from "../byte-source.ts";
import type { Piece, Recording } from "../recording.ts";
import { readLines } from "./characters.ts";
import { fault } from "./fault.ts";
import { isNaNText, numberIn } from "./numbers.ts";
import { MISSING_HELP, type SeriesOptions } from "./ts.ts";

/** Opens a file of UCR's. Fields: `x`, a number at each step, and `y`, the class. Throws C0401, and C0402 with line and column. */
export async function openUcr(source: ByteSource, options: SeriesOptions): Promise<Recording> {
  const recording: Recording = {
    path: source.path,
    fields: { x: { kind: "number", over: "steps", shape: [] }, y: { kind: "symbol", over: "sequence" } },
    pieces: () => seriesOf(source, options),
  };
  for await (const _ of recording.pieces()) return recording;
  throw fault(source.path, "there is no series in it");
}

async function* seriesOf(source: ByteSource, { missing }: SeriesOptions): AsyncGenerator<Piece> {
  let columns: number | undefined;
  for await (const lines of readLines(source)) {
    for (const { number: line, text } of lines) {
      if (text.trim() === "") continue;
      const cells = text.split("\t");
      columns ??= cells.length;
      if (cells.length !== columns)
        throw fault(
          source.path,
          `the line has ${cells.length} values, and the first ${columns}`,
          { line },
          "shorter series are filled up with NaN",
        );
      const label = numberIn(cells[0]);
      if (label === undefined) throw fault(source.path, `\`${cells[0]}\` is no number of a class`, { line, column: 1 });
      let column = cells[0].length + 2;
      let steps = 0;
      let gap: number | undefined;
      const values = Float64Array.from(cells.slice(1), (cell, step) => {
        const value = numberIn(cell);
        if (value === undefined && !isNaNText(cell))
          throw fault(source.path, `\`${cell}\` is no number`, { line, column });
        if (value === undefined) gap ??= column;
        else if (gap !== undefined && missing === "refused")
          throw fault(source.path, "a value is missing", { line, column: gap }, MISSING_HELP);
        if (value !== undefined) steps = step + 1;
        column += cell.length + 1;
        return value ?? Number.NaN;
      });
      if (steps === 0) throw fault(source.path, "the series has no value", { line });
      yield { begins: true, steps, values: { x: values.subarray(0, steps), y: [String(label)] } };
    }
  }
}
