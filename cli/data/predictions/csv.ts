import { type Column, rowsOf, shortest, widthOf } from "./columns.ts";

/** The line of names of a table in CSV (RFC 4180, with LF). */
export const csvHeader = (columns: readonly Column[]): string => `${columns.flatMap(namesOf).map(quoted).join(",")}\n`;

/** Columns as CSV, a line for each row; a number that is NaN is left empty. */
export function* csvRows(columns: readonly Column[]): Generator<string> {
  const rows = rowsOf(columns);
  for (let row = 0; row < rows; row++) yield `${columns.flatMap((column) => cellsOf(column, row)).join(",")}\n`;
}

function namesOf(column: Column): readonly string[] {
  if (column.kind === "texts" || column.shape.length === 0) return [column.name];
  return column.parts ?? Array.from({ length: widthOf(column) }, (_, part) => `${column.name}_${part}`);
}

function cellsOf(column: Column, row: number): readonly string[] {
  if (column.kind === "texts") return [quoted(column.values[row])];
  const width = widthOf(column);
  return Array.from(column.values.subarray(row * width, (row + 1) * width), (value) =>
    Number.isNaN(value) ? "" : shortest(value, column.values),
  );
}

/** A text of blanks alone, or with blanks around it, is quoted too: some readers cut them off. */
const quoted = (text: string): string =>
  text === "" || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
