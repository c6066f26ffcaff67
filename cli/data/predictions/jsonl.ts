import { type Column, rowsOf, shortest, widthOf } from "./columns.ts";

/** Columns as JSON Lines: an object for each row, with lists where a column has a shape; a number that is not finite is null. */
export function* jsonlOf(columns: readonly Column[]): Generator<string> {
  const rows = rowsOf(columns);
  for (let row = 0; row < rows; row++) {
    const entries = columns.map((column) => `${JSON.stringify(column.name)}: ${shown(column, row)}`);
    yield `{${entries.join(", ")}}\n`;
  }
}

function shown(column: Column, row: number): string {
  if (column.kind === "texts") return JSON.stringify(column.values[row]);
  const { values, shape } = column;
  const nested = (from: number, [extent, ...inner]: readonly number[]): string => {
    if (extent === undefined) return Number.isFinite(values[from]) ? shortest(values[from], values) : "null";
    const width = inner.reduce((product, size) => product * size, 1);
    return `[${Array.from({ length: extent }, (_, i) => nested(from + i * width, inner)).join(", ")}]`;
  };
  return nested(row * widthOf(column), shape);
}
